"""The script's own modules: found where Python would find them, followed, never installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from luci.runner.imports import Scan, Target, scan
from luci.runner.script import read_script

TARGET = Target((3, 11), "linux", "posix")


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Scan tool.py in a folder of the files given as name=text; / in a name is a folder."""
    monkeypatch.chdir(tmp_path)

    def scanned(files: dict[str, str], script: str = "tool.py", target: Target = TARGET) -> Scan:
        for name, text in files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)
        return scan(read_script(script, "file"), target)

    return scanned


def modules(result: Scan) -> list[str]:
    return sorted(one.module for one in result.imports)


def names(result: Scan) -> list[str]:
    return sorted(str(Path(file).relative_to(Path.cwd())) for file in result.files)


NEED = "import needed\n"


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import helper", ["helper.py"]),
        ("import pkg", ["pkg/__init__.py"]),
        ("import pkg.mod", ["pkg/__init__.py", "pkg/mod.py"]),
        ("from pkg import mod", ["pkg/__init__.py", "pkg/mod.py"]),
        ("from pkg.mod import thing", ["pkg/__init__.py", "pkg/mod.py"]),
        ("from space import mod", ["space/mod.py"]),
        ("import space.deep.mod", ["space/deep/mod.py"]),
        ("from . import helper", ["helper.py"]),
        ("from .helper import x", ["helper.py"]),
        ("import importlib\nimportlib.import_module('helper')", ["helper.py"]),
        ("__import__('pkg.mod')", ["pkg/__init__.py", "pkg/mod.py"]),
        ("import importlib\nimportlib.import_module('.mod', package='pkg')", ["pkg/__init__.py", "pkg/mod.py"]),
        ("import sys\nsys.path.append('lib')\nimport helper", ["lib/helper.py"]),
        ("import sys, os\nsys.path.insert(0, os.path.join(os.path.dirname(__file__), 'lib'))\nimport h", ["lib/h.py"]),
        ("import sys\nfrom os.path import *\nimport os\nHERE = os.path.abspath(os.path.dirname(__file__))\n"
         "LIB = os.path.join(HERE, 'lib')\nsys.path.append(LIB)\nimport h", ["lib/h.py"]),
        ("import sys\nfrom pathlib import Path\nsys.path.insert(0, str(Path(__file__).parent / 'lib'))\nimport h",
         ["lib/h.py"]),
        ("import sys, pathlib\nROOT = pathlib.Path(__file__).resolve().parents[0]\n"
         "sys.path.append((ROOT / 'a' / 'b').as_posix())\nimport h", ["a/b/h.py"]),
        ("import sys, os\nsys.path += [os.getcwd() + '/lib', f'{os.getcwd()}/more']\nimport h, g",
         ["lib/h.py", "more/g.py"]),
        ("import sys\nsys.path = ['lib'] + sys.path\nimport h", ["lib/h.py"]),
        ("import sys\nsys.path[0:0] = ['lib']\nimport h", ["lib/h.py"]),
        ("import sys\nsys.path.extend(['lib', 'more'])\nimport h, g", ["lib/h.py", "more/g.py"]),
        ("import site\nsite.addsitedir('lib')\nimport h", ["lib/h.py"]),
        ("import sys, os\nsys.path.append(os.path.join(sys.path[0], 'lib'))\nimport h", ["lib/h.py"]),
        ("import sys, os\nsys.path.append(os.path.dirname(os.path.realpath(sys.argv[0])) + '/lib')\nimport h",
         ["lib/h.py"]),
    ],
)  # fmt: skip
def test_a_local_module_is_followed_and_its_imports_count(tree, source, files):
    result = tree({**dict.fromkeys(files, ""), files[-1]: NEED, "tool.py": source})
    assert modules(result) == ["needed"]
    assert names(result) == sorted(["tool.py", *files])
    assert result.paths == ()


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        ("sys.path.append('a')\nsys.path.append('b')", "ab"),
        ("sys.path.insert(0, 'a')\nsys.path.insert(0, 'b')", "ba"),
        ("sys.path.append('b')\nsys.path.insert(0, 'a')", "ab"),
        ("sys.path.insert(0, 'a')\nif True:\n    sys.path.append('b')", "ab"),
        ("sys.path += ['a', 'b']", "ab"),
        ("sys.path.extend(['b'])\nsys.path.extend(['a'])", "ba"),
        ("sys.path[:0] = ['a', 'b']", "ab"),
        ("sys.path = ['b', 'a'] + sys.path", "ba"),
        ("sys.path = ['b', *sys.path, 'a']", "ba"),
        ("sys.path = [*sys.path, 'a', 'b']", "ab"),
        ("sys.path = ['a', 'b', *sys.path]\nsys.path.append('b')", "ab"),
    ],
)
def test_folders_stand_on_sys_path_in_the_order_that_python_would_see(tree, lines, order):
    for folder in "ab":
        tree({f"{folder}/both.py": f"import from_{folder}\n", "tool.py": ""})
    source = f"import sys\nsys.dont_write_bytecode = True\n{lines}\nimport both\n"
    assert modules(tree({"tool.py": source})) == [f"from_{order[0]}"]
    told = subprocess.run([sys.executable, "tool.py"], capture_output=True, text=True, check=False)
    assert f"No module named 'from_{order[0]}'" in told.stderr  # and Python sees it so


@pytest.mark.parametrize(
    ("source", "files"),
    [
        ("import docker\ndocker.from_env()", ["docker/deploy.py"]),
        ("import docker", ["docker/Dockerfile"]),
        ("from google.cloud import storage", ["google/notes.py"]),
        ("import data.sets", ["data/other.py"]),
        ("import sys\nsys.path.append('lib/site-packages')\nimport docker", ["lib/site-packages/docker.py"]),
        ("import sys\nsys.path.append(unknown())\nimport docker", ["lib/docker.py"]),
        ("import docker", ["elsewhere/docker.py"]),
    ],
)
def test_a_folder_that_does_not_hold_the_module_does_not_answer_for_it(tree, source, files):
    result = tree({**dict.fromkeys(files, ""), "tool.py": source})
    assert [one.module for one in result.imports] == [source.split("\n")[-1 if "sys" in source else 0].split()[1]]


def test_a_compiled_module_beside_the_script_is_local(tree):
    result = tree({"fast.cpython-311-x86_64-linux-gnu.so": "", "old.pyc": "", "tool.py": "import fast, old"})
    assert modules(result) == []
    assert names(result) == ["tool.py"]


def test_a_package_without_the_submodule_is_still_local(tree):
    assert modules(tree({"pkg/__init__.py": "", "tool.py": "import pkg.gone"})) == []


def test_relative_imports_climb(tree):
    files = {
        "pkg/__init__.py": "",
        "pkg/a/__init__.py": "",
        "pkg/a/one.py": "from ..b.two import x",
        "pkg/b/two.py": NEED,
    }
    assert modules(tree({**files, "tool.py": "import pkg.a.one"})) == ["needed"]


def test_a_relative_import_that_leads_nowhere_is_never_installed(tree):
    result = tree({"tool.py": "from .nowhere import x\nfrom ...above import y"})
    assert [one.reason for one in result.skipped] == ["relative import: nothing is there"] * 2


@pytest.mark.parametrize("marker", ["pyproject.toml", "setup.py", "setup.cfg", ".git/HEAD"])
def test_a_src_layout_is_followed_and_its_folder_is_named(tree, marker):
    result = tree({marker: "", "src/pkg/__init__.py": NEED, "scripts/tool.py": "import pkg"}, "scripts/tool.py")
    assert modules(result) == ["needed"]
    assert result.paths == (str(Path.cwd() / "src"),)


def test_a_package_at_the_root_of_the_project_is_local(tree):
    result = tree({"setup.py": "", "pkg/__init__.py": NEED, "scripts/tool.py": "import pkg"}, "scripts/tool.py")
    assert (modules(result), result.paths) == (["needed"], (str(Path.cwd()),))


def test_a_plain_folder_at_the_root_of_the_project_is_not(tree):
    result = tree({"setup.py": "", "docker/x.py": "", "scripts/tool.py": "import docker"}, "scripts/tool.py")
    assert modules(result) == ["docker"]


def test_a_local_file_comes_before_an_installed_module_and_the_standard_library(tree):
    result = tree({"requests.py": NEED, "random.py": "", "tool.py": "import requests, random"})
    assert modules(result) == ["needed"]
    assert [one.module for one in result.shadows] == ["random"]


def test_what_the_interpreter_has_already_is_not_shadowed(tree):
    result = tree({"sys.py": NEED, "os.py": NEED, "time.py": NEED, "tool.py": "import sys, os, time"})
    assert (modules(result), result.shadows) == ([], ())


def test_a_plain_folder_does_not_shadow_the_standard_library(tree):
    assert modules(tree({"json/x.py": NEED, "tool.py": "from json import x"})) == []


def test_a_script_that_imports_its_own_name_finds_itself(tree):
    result = tree({"yaml.py": "import yaml\nyaml.safe_load('')\n"}, "yaml.py")
    assert modules(result) == []
    assert [one.module for one in result.shadows] == ["yaml"]
    assert "the script itself shadows it" in result.skipped[0].reason


def test_a_local_file_that_lacks_all_that_is_taken_from_it_shadows(tree):
    files = {"redis.py": "def connect(): pass", "good.py": "x = 1", "lazy.py": "def __getattr__(n): pass"}
    result = tree({**files, "tool.py": "from redis import Redis\nfrom good import x\nfrom lazy import y"})
    assert [one.module for one in result.shadows] == ["redis"]


@pytest.mark.parametrize("text", ["print 'two'", "x = (", "\0", "# coding: klingon\n"])
def test_a_local_file_that_cannot_be_read_does_not_fail_the_scan(tree, text):
    result = tree({"bad.py": text, "tool.py": "import bad, needed"})
    assert modules(result) == ["needed"]
    assert "not read" in result.skipped[0].reason


def test_the_main_part_of_a_local_module_is_not_run(tree):
    result = tree({"helper.py": "if __name__ == '__main__':\n    import pytest\n", "tool.py": "import helper"})
    assert [(one.module, one.reason) for one in result.skipped if one.module == "pytest"] == [
        ("pytest", "only when run as the script")
    ]


def test_a_module_is_as_sure_as_the_surest_way_to_it(tree):
    guarded = "try:\n    import gui\nexcept ImportError:\n    gui = None\n"
    files = {"gui.py": "import qt", "other.py": "def f():\n    import gui\n"}
    assert [one.certainty for one in tree({**files, "tool.py": guarded}).imports] == ["optional"]
    assert [one.certainty for one in tree({**files, "tool.py": guarded + "import other"}).imports] == ["deferred"]
    assert [one.certainty for one in tree({**files, "tool.py": guarded + "import other, gui"}).imports] == ["required"]


def test_a_path_added_by_a_local_module_counts_for_all(tree):
    files = {"setup_paths.py": "import sys\nsys.path.append('lib')\n", "lib/late.py": NEED}
    assert modules(tree({**files, "tool.py": "import late\nimport setup_paths"})) == ["needed"]


def test_circles_and_a_thousand_files_are_fine(tree):
    files = {f"m{i}.py": f"import m{(i + 1) % 1000}, m{i // 2}, dep{i % 7}" for i in range(1000)}
    result = tree({**files, "tool.py": "import m0"})
    assert len(result.files) == 1001
    assert set(modules(result)) == {f"dep{i}" for i in range(7)}


def test_a_module_of_a_package_brings_its_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pkg").mkdir()
    Path("pkg/__init__.py").write_text("import one\n")
    Path("pkg/tool.py").write_text("from .other import x\n")
    Path("pkg/other.py").write_text("import two\n")
    assert modules(scan(read_script("pkg.tool", "module"), TARGET)) == ["one", "two"]


def test_the_folders_that_were_looked_into_are_named(tree):
    result = tree({"lib/h.py": "", "tool.py": "import sys\nsys.path.append('lib')\nimport h, missing"})
    assert {str(Path.cwd()), str(Path.cwd() / "lib")} <= set(result.folders)
