"""What a source imports and how sure that is: a table of sources, and what each comes to."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luci.errors import LuciError, ScriptError
from luci.runner import stdlib
from luci.runner.imports import Scan, Target, scan, scan_with
from luci.runner.reader import FileImports, extract
from luci.runner.script import BadSyntax, Script

pytestmark = pytest.mark.each_python

LINUX = Target((3, 11), "linux", "posix")
WINDOWS = Target((3, 11), "win32", "nt")


def script_of(source: str) -> Script:
    return Script("stdin", "-", None, source.encode(), Path("/nowhere"), ("-",))


def scanned(source: str, target: Target = LINUX) -> Scan:
    return scan(script_of(source), target)


def found(source: str, target: Target = LINUX) -> str:
    """Return what a source needs in one line: "yaml required, cv2 optional"."""
    return ", ".join(f"{one.module} {one.certainty}" for one in scanned(source, target).imports)


GUARD = "try:\n    import x\nexcept {}:\n    {}\n"

PLAIN = [
    ("import yaml", "yaml required"),
    ("import os, yaml, sys", "yaml required"),
    ("from google.cloud import storage", "google.cloud required"),
    ("import a.b.c as d", "a.b.c required"),
    ("if unknown():\n    import x\nelse:\n    import y", "x required, y required"),
    ("for i in z:\n    import x", "x required"),
    ("with open('f') as f:\n    import x", "x required"),
    ("class A:\n    import x", "x required"),
    ("if __name__ == '__main__':\n    import x", "x required"),
    ("#!/usr/bin/env -S luci run\nimport x", "x required"),
    ("def f():\n    import x", "x deferred"),
    ("async def f():\n    import x", "x deferred"),
    ("class A:\n    def m(self):\n        from x import y", "x deferred"),
    ("f = lambda: __import__('x')", "x dynamic"),
    ("'''\n>>> import x\n'''\ns = 'import y'\n# import z", ""),
    ("", ""),
]  # fmt: skip

GUARDED = [
    *[(GUARD.format(kind, "pass"), "x optional") for kind in
      ("ImportError", "ModuleNotFoundError", "Exception", "BaseException", "(OSError, ImportError)",
       "ImportError as e", "builtins.ImportError")],
    ("try:\n    import x\nexcept:\n    x = None\n", "x optional"),
    ("E = (ImportError, OSError)\n" + GUARD.format("E", "x = None"), "x optional"),
    ("try:\n    import x\nexcept* ImportError:\n    pass\n", "x optional"),
    (GUARD.format("ValueError", "pass"), "x required"),
    (GUARD.format("ImportError", "sys.exit('please install x')"), "x required"),
    (GUARD.format("ImportError", "print('install x'); exit(1)"), "x required"),
    (GUARD.format("ImportError", "quit()"), "x required"),
    (GUARD.format("ImportError", "os._exit(1)"), "x required"),
    (GUARD.format("ImportError", "raise SystemExit(1)"), "x required"),
    (GUARD.format("ImportError", "raise"), "x required"),
    (GUARD.format("ImportError as e", "raise RuntimeError('no') from e"), "x required"),
    ("from sys import exit as die\n" + GUARD.format("ImportError", "die()"), "x required"),
    ("def die():\n    print('no')\n    raise SystemExit\n" + GUARD.format("ImportError", "die()"), "x required"),
    (GUARD.format("ImportError", "if strict: sys.exit()"), "x optional"),
    ("try:\n    import x\nexcept ImportError:\n    if strict: sys.exit()\n    else: raise\n", "x required"),
    ("try:\n    import x\nexcept ValueError:\n    raise\nexcept ImportError:\n    pass\n", "x optional"),
    ("try:\n    import x\nexcept ModuleNotFoundError:\n    pass\nexcept ImportError:\n    raise\n", "x optional"),
    ("def f():\n    try:\n        import x\n    except ImportError:\n        return", "x optional"),
    ("def f():\n    try:\n        import x\n    except ImportError:\n        sys.exit()", "x deferred"),
    ("try:\n    def f():\n        import x\nexcept ImportError:\n    pass", "x deferred"),
    ("try:\n    import x\nfinally:\n    import y", "x required, y required"),
    ("try:\n    import x\nexcept ImportError:\n    pass\nelse:\n    import y", "x optional, y optional"),
    ("try:\n    try:\n        import x\n    except ImportError:\n        raise\nexcept Exception:\n    pass",
     "x optional"),
    ("import contextlib\nwith contextlib.suppress(ImportError):\n    import x", "x optional"),
    ("from contextlib import suppress as s\nwith s(OSError, ModuleNotFoundError):\n    import x", "x optional"),
    ("import contextlib as c\nwith c.suppress(KeyError):\n    import x", "x required"),
    ("try:\n    import x\nexcept ImportError:\n    x = None\nimport x", "x optional, x required"),
]  # fmt: skip

CONDITIONS = [
    ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import x\nelse:\n    import y", "y required"),
    ("import typing as t\nif t.TYPE_CHECKING:\n    import x", ""),
    ("from typing import TYPE_CHECKING as TC\nif not TC:\n    import y\nelse:\n    import x", "y required"),
    ("TYPE_CHECKING = False\nif TYPE_CHECKING:\n    import x", ""),
    ("import sys\nif sys.version_info >= (3, 8):\n    import x\nelse:\n    import y", "x required"),
    ("import sys\nif sys.version_info[0] == 2:\n    import x\nelse:\n    import y", "y required"),
    ("import sys\nif sys.version_info.major < 3 or sys.version_info.minor < 4:\n    import x", ""),
    ("from sys import version_info as v\nif v[:2] < (3, 12):\n    import x", "x required"),
    ("import sys\nif (3, 0) <= sys.version_info < (3, 11):\n    import x", ""),
    ("import sys\nif sys.version_info > (3, 11):\n    import x", "x required"),
    ("import sys\nif sys.version_info >= (3, 11, 4):\n    import x\nelse:\n    import y", "x required, y required"),
    ("import sys\nPY3 = sys.version_info[0] == 3\nif not PY3:\n    import x", ""),
    ("import six\nif six.PY2:\n    import x", "six required"),
    ("import sys\nif sys.hexversion < 0x03000000:\n    import x", ""),
    ("import sys\nif sys.platform == 'win32':\n    import x\n"
     "elif sys.platform == 'linux':\n    import y\nelse:\n    import z", "y required"),
    ("import sys\nif sys.platform.startswith('win'):\n    import x", ""),
    ("import sys\nif sys.platform in ('win32', 'cygwin'):\n    import x", ""),
    ("import os\nif os.name == 'nt':\n    import x\nelse:\n    import y", "y required"),
    ("import os\nWIN = os.name == 'nt'\nif WIN and unknown:\n    import x", ""),
    ("import os\nif os.name == 'nt' or unknown:\n    import x", "x required"),
    ("import platform as p\nif p.system() == 'Windows':\n    import x", ""),
    ("from platform import system\nif not system().lower() == 'linux':\n    import x", ""),
    ("import platform\nif platform.python_implementation() == 'PyPy':\n    import x", ""),
    ("if False:\n    import x", ""),
    ("if __name__ != '__main__':\n    import x", ""),
]  # fmt: skip

PAIR = "try:\n    import {}\nexcept ImportError:\n    import {}\n"

PAIRS = [
    (PAIR.format("simplejson as json", "json"), ""),
    (PAIR.format("json", "simplejson as json"), ""),
    (PAIR.format("urllib2", "urllib.request as urllib2"), ""),
    (PAIR.format("Tkinter", "tkinter"), ""),
    ("try:\n    from Tkinter import *\nexcept ImportError:\n    from tkinter import *", ""),
    ("try:\n    from cStringIO import StringIO\nexcept ImportError:\n    import io\n    StringIO = io.StringIO", ""),
    ("try:\n    from lxml import etree\nexcept ImportError:\n    import xml.etree.ElementTree as etree", ""),
    ("try:\n    import tqdm\nexcept ImportError:\n    import warnings\n    warnings.warn('slow')\n"
     "    tqdm = lambda x: x", "tqdm optional"),
    ("try:\n    import x\nexcept ImportError:\n    import traceback\n    traceback.print_exc()", "x optional"),
    (PAIR.format("tomllib", "tomli as tomllib"), ""),
]  # fmt: skip

DYNAMIC = [
    ("import importlib\nimportlib.import_module('x.y')", "x.y dynamic"),
    ("from importlib import import_module as im\nim('x')", "x dynamic"),
    ("__import__('x')", "x dynamic"),
    ("import importlib as i\nload = i.import_module\nload(name='x')", "x dynamic"),
    ("try:\n    x = __import__('x')\nexcept ImportError:\n    x = None", "x optional"),
    ("import importlib\nimportlib.import_module(name)", ""),
    ("import importlib.util\nimportlib.util.find_spec('x')", ""),
    ("import importlib\nimportlib.import_module('not a module')", ""),
    ("__import__('json')", ""),
]


@pytest.mark.parametrize(("source", "expected"), PLAIN)
def test_a_plain_import_is_as_sure_as_its_place(source, expected):
    assert found(source) == expected


@pytest.mark.parametrize(("source", "expected"), GUARDED)
def test_a_guarded_import_is_optional_only_if_the_script_goes_on(source, expected):
    assert found("import os, sys\n" + source) == expected


@pytest.mark.parametrize(("source", "expected"), CONDITIONS)
def test_a_condition_is_decided_for_the_target(source, expected):
    assert found(source) == expected


@pytest.mark.parametrize(("source", "expected"), PAIRS)
def test_a_fallback_pair_prefers_what_costs_nothing(source, expected):
    assert found(source) == expected


@pytest.mark.parametrize(("source", "expected"), DYNAMIC)
def test_a_dynamic_import_counts_where_its_name_is_literal(source, expected):
    assert found(source) == expected


def test_another_target_decides_otherwise():
    source = "import sys\nif sys.platform == 'win32':\n    import winput\nelse:\n    import evdev\n"
    assert (found(source, WINDOWS), found(source, LINUX)) == ("winput required", "evdev required")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import json", "standard library"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import json", "type checking only"),
        ("import os\nif os.name == 'nt':\n    import json", "not on this platform"),
        ("import sys\nif sys.version_info < (3,):\n    import json", "not on this version"),
        ("if 0:\n    import json", "never runs"),
        (PAIR.format("json", "simplejson as json"), "json serves"),
        (PAIR.format("simplejson as json", "json"), "json serves"),
    ],
)
def test_what_is_skipped_says_why(source, reason):
    assert reason in [one.reason for one in scanned(source).skipped if one.module in ("json", "simplejson")]


def alternatives(source: str, target: Target = LINUX) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.module: (str(one.certainty), one.alternatives) for one in scanned(source, target).imports}


def test_one_of_two_modules_is_enough():
    both = ("required", ("Image", "PIL"))
    source = "try:\n    import Image\nexcept ImportError:\n    from PIL import Image\n"
    assert alternatives(source) == {"Image": both, "PIL": both}


def test_a_chain_of_three_is_one_choice():
    inner = "    try:\n        import b as m\n    except ImportError:\n        {}\n"
    chain = "try:\n    import a as m\nexcept ImportError:\n" + inner
    one = ("required", ("a", "b", "c"))
    assert alternatives(chain.format("import c as m")) == {"a": one, "b": one, "c": one}
    assert alternatives(chain.format("raise SystemExit")) == dict.fromkeys("ab", ("required", ("a", "b")))
    assert alternatives(chain.format("m = None")) == dict.fromkeys("ab", ("optional", ("a", "b")))
    assert alternatives(chain.format("import json as m")) == {}


def test_modules_of_two_families_are_matched_in_order():
    source = (
        "try:\n    from PyQt5.QtCore import Qt\n    from PyQt5.QtGui import QIcon\n"
        "except ImportError:\n    from PySide2.QtCore import Qt\n    from PySide2.QtGui import QIcon\n"
    )
    assert alternatives(source)["PyQt5.QtCore"][1] == ("PyQt5.QtCore", "PySide2.QtCore")
    assert alternatives(source)["PySide2.QtGui"][1] == ("PyQt5.QtGui", "PySide2.QtGui")


def test_a_choice_inside_a_function_is_deferred():
    source = "def f():\n    try:\n        import a\n    except ImportError:\n        import b as a\n"
    assert alternatives(source) == dict.fromkeys("ab", ("deferred", ("a", "b")))


def test_a_module_that_both_sides_need_has_no_alternative():
    source = "try:\n    from a import x\nexcept ImportError:\n    from a.old import x\n"
    assert {one.module: one.alternatives for one in scanned(source).imports} == {
        "a": ("a", "a.old"),
        "a.old": ("a", "a.old"),
    }
    assert alternatives("try:\n    import a\nexcept ImportError:\n    install()\n    import a\n") == {
        "a": ("required", ())
    }


@pytest.mark.parametrize(
    ("source", "version", "gone"),
    [
        ("import distutils.core", (3, 11), []),
        ("import distutils.core", (3, 12), ["distutils.core"]),
        ("import tomllib", (3, 10), ["tomllib"]),
        ("import cgi, imp, asyncore", (3, 13), ["cgi", "imp", "asyncore"]),
        (GUARD.replace("x", "imp", 1).format("ImportError", "imp = None"), (3, 12), []),
        (
            "try:\n    from setuptools import setup\nexcept ImportError:\n    from distutils.core import setup",
            (3, 12),
            [],
        ),
        ("import sys\nif sys.version_info < (3, 12):\n    import imp", (3, 12), []),
        (PAIR.format("tomllib", "tomli as tomllib"), (3, 10), []),
    ],
)
def test_what_the_target_no_longer_or_not_yet_has_is_gone(source, version, gone):
    assert [one.module for one in scanned(source, Target(version, "linux", "posix")).gone] == gone


def test_the_alternative_of_a_module_that_is_gone_is_required_alone():
    old = Target((3, 10), "linux", "posix")
    assert alternatives(PAIR.format("tomllib", "tomli as tomllib"), old) == {"tomli": ("required", ())}


@pytest.mark.parametrize(
    ("source", "attributes"),
    [
        ("import cv2\ncv2.imshow(1)\ncv2.imread(cv2.IMREAD_COLOR)", ("IMREAD_COLOR", "imread", "imshow")),
        ("import numpy as np\nx = np.random.seed(1)", ("random",)),
        ("import a.b.c\na.b.c.go()\na.other()", ("go",)),
        ("import a.b as x\nx.go.further", ("go",)),
        ("import cv2\ncv2.flag = 1", ()),
        ("import cv2\ndef f(cv2):\n    cv2.go()", ()),
        ("import cv2\ncv2 = wrap(cv2)\ncv2.go()", ()),
        ("import cv2\nif hasattr(cv2, 'new'):\n    cv2.new()\ncv2.old()", ("old",)),
        ("import cv2\ntry:\n    cv2.new()\nexcept AttributeError:\n    cv2.old()", ("old",)),
        ("try:\n    import cv2\nexcept ImportError:\n    cv2 = None\ncv2.go()", ("go",)),
        ("from cv2 import imshow\nimshow.x", ()),
        ("def f():\n    return cv2.go\nimport cv2", ("go",)),
    ],
)
def test_the_attributes_used_on_a_module_are_known(source, attributes):
    assert scanned(source).imports[0].attributes == attributes


def test_a_from_import_carries_its_names_and_its_line():
    [one] = scanned("\n\nfrom a.b import c, d as e, f\n").imports
    assert (one.module, one.names, one.line, one.file) == ("a.b", ("c", "d", "f"), 3, "<stdin>")
    assert scanned("from a import *\n").imports[0].names == ()


@pytest.mark.parametrize(
    ("source", "minimum"),
    [
        ("x = 1", (3, 0)),
        ("async def f(): await g()", (3, 5)),
        ("f'{x}'", (3, 6)),
        ("x: int = 1", (3, 6)),
        ("(x := 1)", (3, 8)),
        ("def f(a, /): pass", (3, 8)),
        ("async def f(a, /): pass", (3, 8)),
        ("@x[0].y\ndef f(): pass", (3, 9)),
        ("@x[0].y\nasync def f(): pass", (3, 9)),
        ("match x:\n    case 1: pass", (3, 10)),
        ("try:\n    pass\nexcept* ValueError:\n    pass", (3, 11)),
        ("x[*y]", (3, 11)),
        ("f'{x}' 'a' f\"{d['k']}\"", (3, 6)),
    ],
)
def test_the_syntax_says_which_python_is_the_oldest(source, minimum):
    assert scanned(source).minimum == minimum


@pytest.mark.skipif(sys.version_info < (3, 12), reason="this Python's grammar does not know them")
@pytest.mark.parametrize(
    "source", ["type X = int", "def f[T](x: T): pass", "class A[T]: pass", "f'{d['k']}'", "f'{'\\n'.join(x)}'"]
)
def test_what_came_with_python_3_12_is_known(source):
    assert scanned(source).minimum == (3, 12)


@pytest.mark.parametrize(
    ("source", "reads"),
    [
        ("import sys\nsys.stdin.read()", True),
        ("from sys import stdin", True),
        ("x = input()", True),
        ("import fileinput", True),
        ("open(0).read()", True),
        ("import os\nos.read(0, 10)", True),
        ("open('/dev/stdin')", True),
        ("print(1)", False),
        ("def input(): pass\ninput()", False),
        ("open('x')", False),
    ],
)
def test_a_script_that_reads_standard_input_is_known(source, reads):
    assert scanned(source).reads_stdin is reads


@pytest.mark.parametrize("version", [(3, n) for n in range(10, 14)])
def test_the_standard_library_is_that_of_the_target(version):
    name = "python" + ".".join(map(str, version))
    installed = sorted(Path.home().glob(f".pyenv/versions/{version[0]}.{version[1]}.*/bin/python"))
    python = str(installed[-1]) if installed else shutil.which(name)
    if not python:
        pytest.skip(f"no {name} on this machine")
    program = "import sys, json; print(json.dumps([*sys.version_info[:2], *sys.stdlib_module_names]))"
    done = subprocess.run([python, "-c", program], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{name} does not start here")
    major, minor, *theirs = json.loads(done.stdout)
    assert (major, minor) == version

    def public(modules):
        return {name for name in modules if not name.startswith("_")}

    assert public(stdlib.names(version)) - stdlib.UNLISTED == public(theirs)


@pytest.mark.parametrize(
    ("module", "version", "there"),
    [
        ("dataclasses", (3, 6), False),
        ("dataclasses", (3, 7), True),
        ("zoneinfo", (3, 8), False),
        ("macpath", (3, 7), True),
        ("parser", (3, 9), True),
        ("parser", (3, 10), False),
        ("annotationlib", (3, 14), True),
        ("compression", (3, 13), False),
    ],
)
def test_modules_come_and_go(module, version, there):
    assert (module in stdlib.names(version)) is there


def test_the_version_that_removed_a_module_is_known():
    assert stdlib.removed_in("imp") == (3, 12)
    assert stdlib.removed_in("json") is None


@pytest.mark.parametrize("source", [source for table in (PLAIN, GUARDED, CONDITIONS, PAIRS) for source, _ in table])
def test_what_a_file_says_survives_json(source):
    said = extract(source, "x.py")
    assert FileImports.restore(json.loads(json.dumps(said))) == said


def test_another_interpreter_gives_the_same_scan():
    source = "import a, json, imp\ntry:\n    import b\nexcept ImportError:\n    import c as b\na.go()\n"
    theirs = scan_with(sys.executable, script_of(source), Target((3, 12)))
    ours = scanned(source, Target((3, 12)))
    assert (theirs.imports, theirs.skipped, theirs.gone) == (ours.imports, ours.skipped, ours.gone)
    assert theirs.minimum > sys.version_info[:2]


def test_another_interpreter_refuses_in_the_same_words():
    with pytest.raises(BadSyntax, match="line 1"):
        scan_with(sys.executable, script_of("x = ("), LINUX)


def test_an_interpreter_that_does_not_start_is_a_script_error(tmp_path):
    with pytest.raises(ScriptError, match="could not read"):
        scan_with(str(tmp_path / "python"), script_of("x = 1"), LINUX)


def test_a_long_chain_of_branches_is_fine():
    source = "if a:\n    import x\n" + "".join(f"elif a{i}:\n    import x{i}\n" for i in range(800))
    assert len(scanned(source).imports) == 801


def test_names_that_stand_for_names_without_end_are_fine():
    source = (
        "".join(f"a{i} = a{i + 1} + a{i + 1}\n" for i in range(100))
        + "if a0:\n    import x\nb = b + c\nif b: import y\n"
    )
    assert found(source) == "x required, y required"


PIECES = ["import a", "import json", "from b import c", "x = 1", "sys.exit()", "raise", "a = __import__('d')", "pass"]
OPENERS = [
    "try:",
    "except ImportError:",
    "except:",
    "else:",
    "finally:",
    "if x:",
    "if sys.version_info < (3,):",
    "def f():",
]


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(PIECES + OPENERS)), max_size=14))
def test_any_arrangement_of_statements_gives_the_same_scan_twice(lines):
    source = "\n".join("    " * depth + text for depth, text in lines)
    try:
        first = scanned(source)
    except LuciError:
        return
    assert scanned(source) == first
