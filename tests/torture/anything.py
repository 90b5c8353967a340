"""Any bytes for a script, and anything declared beside it: a plan or a word why not, and the same each time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Generator, Iterator
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from luci import config, kept, paths
from luci.actions import plans
from luci.context import Context
from luci.errors import LuciError
from luci.runner import standing
from luci.runner.request import RunRequest
from luci.screens.plain import as_json
from tests.torture.ground import Ground, Trial
from tests.torture.names import LINES

COMPUTED = ("plans", "choices", "sources", "names")  # what luci keeps of a plan

_MODULES = """quokka wombat possum bilby bilby.deep os sys numpy yaml requests.old google.cloud.storage helper
    lib.helper distutils asyncore __future__ __main__ sklearn.svm PIL cv2 é ſix a.b.c.d.e pip _q tkinter lib"""
_LINES = "quokka wombat<2 quokka==1.0 bilby[x] possum>=9 six pandas~=1 a@b http://[ file:///x -e."

MODULES = st.sampled_from(_MODULES.split()) | st.text("abcdefgé_0.", min_size=1, max_size=12)
NAMES = st.sampled_from(["x", "*", "deep", "a as b", "(x,", "(x, y)", "", "old", "annotations"])
REQUIREMENTS = (
    st.sampled_from(list(LINES.values()))
    | st.sampled_from(_LINES.split())
    | st.builds(
        "{}{}{}".format,
        st.sampled_from(["quokka", "Wombat", "no_such.one", "-x", "q\u202e"]),
        st.sampled_from(["", "==1.0", ">=1,<2", "===a", "~=1.0", "!=1.*", "==1.0.*", "<", " @ ${HOME}", "[a,b]"]),
        st.sampled_from(["", "; python_version > '3'", "; extra == 'x'", " ; os_name", " --hash=sha256:00", " # why"]),
    )
    | st.text(max_size=20)
)
PIECES = st.one_of(
    st.builds("import {}".format, MODULES),
    st.builds("from {} import {}".format, MODULES, NAMES),
    st.builds("importlib.import_module('{}')".format, MODULES),
    st.sampled_from(
        [
            "import sys; sys.path.insert(0, 'lib')",
            "try:",
            "except ImportError:",
            "except:",
            "if TYPE_CHECKING:",
            "if sys.version_info < (3, 8):",
            "def f():",
            "class A:",
            "with open('requirements.txt') as f: print(f.read())",
            "print 'two'",
            "# -*- coding: latin-1 -*-",
            "# coding: nonsense",
            "#!/usr/bin/env python3.9",
            "!pip install quokka",
            "%pip install wombat",
            "async def f(): await x",
            "match x:",
            "x = '''",
            "\\",
            "\x0c",
            "\t",
            "(" * 300,
            "x = " + "-" * 3000 + "1",
            "lambda: (yield)",
            "f'{x!r:{y}}'",
            "__import__('quokka')",
            "exec('import wombat')",
            "\ufeff",
            "\x00",
        ]
    ),
    st.text(max_size=12),
)
BLOCKS = st.builds(
    "# /// script\n# requires-python = {}\n# dependencies = [{}]\n{}# ///".format,
    st.sampled_from(['">=3.8"', '"<3"', '"x"', "3", '">=3.8,<4"', '""']),
    st.lists(REQUIREMENTS.map(json.dumps), max_size=3).map(", ".join),
    st.sampled_from(
        ["", "# [tool.uv]\n# exclude-newer = '2020-01-01'\n", "# [tool.uv]\n# index = 3\n", "# [[\n", "x\n"]
    ),
)
STATEMENTS = st.builds(
    str.format,
    st.sampled_from(
        [
            "import {0}",
            "import {0}, {1} as x",
            "from {0} import x, deep",
            "from {0} import *",
            "from . import helper",
            "try:\n    import {0}\nexcept ImportError:\n    import {1}",
            "try:\n    import {0}\nexcept Exception:\n    pass",
            "def f():\n    import {0}\n    return {0}.x({1})",
            "if TYPE_CHECKING:\n    import {0}",
            "if sys.version_info < (3, 8):\n    import {0}\nelse:\n    import {1}",
            "importlib.import_module('{0}')",
            "importlib.util.find_spec('{0}')",
            "sys.path.insert(0, 'lib')\nimport {0}",
            "{0}.deep.value = __import__('{1}')",
            "#: é \u202e {0}",
            "print(open(0).read(), '{0}')",
        ]
    ),
    st.sampled_from([name for name in _MODULES.split() if name != "__future__"]),
    st.sampled_from(_MODULES.split()),
)
SHAPED = st.lists(st.tuples(st.integers(0, 2), PIECES | BLOCKS), max_size=12).map(
    lambda lines: "\n".join("    " * depth + text for depth, text in lines)
)
WHOLE = st.lists(STATEMENTS, max_size=6).map("\n".join)
DECLARED = st.tuples(BLOCKS, WHOLE).map("\n".join)
TEXTS = (WHOLE | WHOLE | DECLARED | SHAPED).map(lambda text: text.encode("utf-8", "surrogatepass"))
SOURCES = TEXTS | TEXTS | TEXTS | st.binary(max_size=300)
LISTED = st.none() | st.lists(REQUIREMENTS, max_size=4).map("\n".join).map(lambda t: t.encode("utf-8", "replace"))
PROJECTS = (
    st.none()
    | st.sampled_from([b"[project]\n", b"\xff", b"[project]\nname = 3\n", b"[tool.poetry]\n"])
    | st.lists(REQUIREMENTS.map(json.dumps), max_size=2).map(
        lambda lines: f'[project]\nname = "a"\nversion = "1"\ndependencies = [{", ".join(lines)}]\n'.encode()
    )
)


def scripts(ground: Ground, examples: int, start: int | None = None) -> Trial:
    """Plan anything, `examples` times; with a seed to start from they are others than last time."""

    @settings(
        max_examples=examples,
        derandomize=start is None,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(source=SOURCES, helper=st.none() | TEXTS, listed=LISTED, project=PROJECTS)
    def planned(source: bytes, helper: bytes | None, listed: bytes | None, project: bytes | None) -> None:
        beside = {"a.py": source, "helper.py": helper, "requirements.txt": listed, "pyproject.toml": project}
        for name, content in beside.items():
            (ground.project / name).unlink(missing_ok=True)
            if content is not None:
                (ground.project / name).write_bytes(content)
        _agrees()

    faults: tuple[str, ...] = ()
    with _living_on(ground):
        try:
            (planned if start is None else seed(start)(planned))()
        except Exception as error:  # noqa: BLE001 - whatever it is, it was not to be
            faults = ("\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())]),)
    return Trial("anything for a script", f"{examples} of them planned", faults)


def _agrees() -> None:
    """Plan what lies here; anything but a LuciError passes through."""
    _forget()
    first = _made()
    again = _made()
    assert again == first, (first, again)
    told = standing.told("a.py", offline=False)
    assert told is None or told == first, (first, told)
    _forget()
    anew = _made()
    assert anew == first, (first, anew)
    json.loads(as_json(first), parse_constant=_no_json)


def _made() -> Any:
    try:
        plan, what = _end(plans.plan(RunRequest("a.py"), Context(config.load(), lambda question: False)))
        return {**plan.as_dict(), "environment": what}
    except LuciError as error:
        return (type(error).__name__, error.message, error.cause, error.hint)


def _end(steps: Generator[Any, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def _forget() -> None:
    for name in COMPUTED:
        shutil.rmtree(paths.cache() / name, ignore_errors=True)


def _no_json(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


@contextlib.contextmanager
def _living_on(ground: Ground) -> Iterator[None]:
    """Be the person of this ground, for whom files that were just written are as good as old ones."""
    here, environ, young = os.getcwd(), dict(os.environ), kept.YOUNG
    os.environ.clear()
    os.environ.update(ground.environ)
    os.chdir(ground.project)
    kept.YOUNG = 0
    try:
        yield
    finally:
        kept.YOUNG = young
        os.chdir(here)
        os.environ.clear()
        os.environ.update(environ)
