"""A script runs behind the wall that was asked for, or is refused; only `auto` takes a weaker one, and says so."""

from __future__ import annotations

import json

import pytest

from luci.walls.machine import Machine, tried
from tests.cli.conftest import Luci, events_in

HERE: Machine = tried()
WHY_NOT = {"bwrap": HERE.no_bwrap, "landlock": HERE.no_landlock, "limits": ""}
REAL = [
    pytest.param(name, marks=pytest.mark.skipif(bool(WHY_NOT[name]), reason=f"{name}: {WHY_NOT[name]}"))
    for name in ("bwrap", "landlock")
]
ALL = [*REAL, "limits"]
grouped = pytest.mark.skipif(bool(HERE.no_trees), reason=f"control groups: {HERE.no_trees}")

# what it lacks cannot be seen by reading it
LACKS = "import importlib, sys\nquokka = importlib.import_module(sys.argv[1])\nprint(quokka.hop(), file=open(1, 'w'))\n"
LOOKS = """
    import json, os, quokka
    told = {"hop": quokka.hop(), "token": os.environ.get("TOKEN"), "chosen": os.environ.get("CHOSEN")}
    for name in ("mine.txt", "made/yours.txt"):
        try:
            open(name, "w").close()
        except OSError as error:
            told[name] = type(error).__name__
    print(json.dumps(told))
"""


@pytest.mark.parametrize("wall", REAL)
def test_a_script_with_packages_runs_behind_a_wall_and_writes_where_it_may(luci: Luci, wall: str) -> None:
    luci.write("a.py", LOOKS)
    luci.write("made/.keep", "")
    words = ("--sandbox", wall, "--writable", "made", "--variable", "CHOSEN", "--events", "events", "a.py")
    done = luci("run", *words, env={"TOKEN": "secret", "CHOSEN": "yes"})
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told.pop("mine.txt") in ("PermissionError", "OSError")
    assert told == {"hop": "hop", "token": None, "chosen": "yes"}
    assert (luci.folder / "made" / "yours.txt").exists() and not (luci.folder / "mine.txt").exists()
    assert [event["wall"] for event in events_in(luci.folder / "events") if event["event"] == "walled"] == [wall]
    shown = luci("runs", "show", "--json").json
    assert (shown["wall"], shown["exit_code"]) == (wall, 0) and "writes made" in shown["limits"]
    plan = luci("plan", "--json", "--sandbox", wall, "--writable", "made", "a.py").json
    assert plan["wall"] == {"name": wall, "gives": ["writes made"], "lacks": []}


@pytest.mark.parametrize("wall", ALL)
def test_a_script_that_lacks_a_module_is_mended_behind_a_wall(luci: Luci, wall: str) -> None:
    luci.write("a.py", LACKS)
    done = luci("run", "--sandbox", wall, "--retry", "always", "a.py", "quokka")
    assert (done.code, done.out) == (0, "hop\n"), done.err
    assert "running again" in done.err
