"""What luci knows already it says at once, and in the same words."""

from __future__ import annotations

import sys

import pytest

from tests.cli.conftest import Luci

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere plans are made each time")

SCRIPTS = {
    "installs": "import yaml, quokka\n",
    "needs nothing": "import os\n",
    "asks": "import yaml, dingo\n",
    "cannot run": "import bpy\n",
    "finds a file in the way": "import json\n",
}
TELLS = """
import sys
from luci import kept
from luci.__main__ import main
kept.YOUNG = 0  # every file here is young, and none changes within a clock tick
code = main()
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(code)
"""


def modules(luci: Luci, *words: str) -> set[str]:
    """The top-level modules that a command had loaded in the end."""
    return set(luci.command([sys.executable, "-P", "-c", TELLS, *words]).err.split())


@pytest.mark.parametrize("form", [(), ("--json",), ("--names",), ("--quiet",)])
@pytest.mark.parametrize("kind", SCRIPTS)
def test_a_plan_is_told_again_in_the_same_words(luci: Luci, kind: str, form: tuple[str, ...]) -> None:
    luci.write("a.py", SCRIPTS[kind])
    if kind == "finds a file in the way":
        luci.write("json.py", "")
    made = luci("plan", *form, "a.py")
    again = luci("plan", *form, "a.py")
    assert (again.code, again.out, again.err) == (made.code, made.out, made.err)


def test_a_plan_that_stands_needs_next_to_nothing(luci: Luci) -> None:
    luci.write("a.py", "import yaml, quokka\n")
    first = modules(luci, "plan", "a.py")
    again = modules(luci, "plan", "a.py")
    heavy = {"argparse", "dataclasses", "pathlib", "packaging", "rich", "requests", "tomllib", "subprocess", "typing"}
    assert first >= {"pathlib", "packaging"} and not again & heavy


def test_a_plan_that_stands_is_told_to_nobody_without_complaint(luci: Luci) -> None:
    luci.write("a.py", "import yaml, quokka\n")
    luci("plan", "a.py")
    told = luci.command(["bash", "-c", '("$0" -m luci plan --json a.py; echo "$?" >&2) | true', sys.executable])
    assert told.err in ("141\n", "0\n")  # 0: the pipe took it all before it was closed


def test_what_was_planned_is_run(luci: Luci) -> None:
    luci.write("a.py", "import quokka; print(quokka.hop())\n")
    assert [luci("plan", "a.py").code for _ in range(2)] == [0, 0]
    assert luci("run", "a.py").out == "hop\n"
    assert "reuse" in luci("plan", "a.py").out


def test_environments_are_listed_with_next_to_nothing_in_the_words_of_the_ordinary_way(lone: Luci) -> None:
    lone.write("a.py", "import quokka\n")
    lone("run", "a.py")
    ordinary = "import sys; from luci.cli import commands; sys.exit(commands.main(sys.argv[1:]))"
    for form in ((), ("--json",), ("--quiet", "--json")):
        at_once = lone("env", "list", *form)
        made = lone.command([sys.executable, "-P", "-c", ordinary, "env", "list", *form])
        assert (at_once.code, at_once.out, at_once.err) == (0, made.out, "") and "quokka" in made.out
    heavy = {"argparse", "dataclasses", "pathlib", "packaging", "rich", "requests", "tomllib", "subprocess", "typing"}
    modules(lone, "env", "list")
    assert not modules(lone, "env", "list") & {*heavy, "json"}
