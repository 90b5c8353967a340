"""An interpreter as it is: nothing is installed into it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Luci


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python of the person's own, in a virtual environment that has one module."""
    subprocess.run([sys.executable, "-m", "virtualenv", "--quiet", "--no-seed", tmp_path / "own"], check=True)
    site = next((tmp_path / "own").glob("lib/*/site-packages"))
    (site / "platypus.py").write_text("def swim():\n    return 'swim'\n")
    return tmp_path / "own" / "bin" / "python"


def test_a_script_runs_on_the_interpreter_that_is_named_or_hears_what_that_does_not_have(
    luci: Luci, python: Path
) -> None:
    luci.write("app.py", "import sys, os, platypus\nprint(platypus.swim(), sys.executable, os.environ['VIRTUAL_ENV'])")
    words = ("run", "--env", "system", "--python", python)
    for _ in range(2):
        done = luci(*words, "app.py")
        assert (done.code, done.out) == (0, f"swim {python} {python.parent.parent}\n"), done.err
        assert done.err == ""
    assert luci("env", "show", "app.py", "--json").json["kind"] == "system"

    luci.write("lacks.py", "import platypus, quokka\nimport wombat\ntry: import bilby\nexcept ImportError: pass")
    lacking = luci(*words, "lacks.py")
    assert lacking.code == 125 and lacking.out == ""
    assert f"{python} does not have quokka, wombat." in lacking.err
    told = luci("plan", "--json", *words[1:], "lacks.py").json
    assert {choice["module"]: choice["status"] for choice in told["choices"]} == {
        "platypus": "skip",
        "quokka": "none",
        "wombat": "none",
        "bilby": "skip",
    }

    luci.write("late.py", "import importlib\nimportlib.import_module('quo' + 'kka')")
    late = luci(*words, "late.py")
    assert late.code == 1 and f"{python} does not have quokka, and luci installs nothing there." in late.err
    assert list(python.parent.parent.glob("lib/*/site-packages/quokka*")) == []

    for more, said in ((("--with", "quokka"), "Nothing is installed into"), ((), "Which interpreter?")):
        asked = words if more else words[:3]
        refused = luci(*asked, *more, "late.py")
        assert refused.code == 2 and said in refused.err
