"""A script runs behind the wall that was asked for, or is refused; only `auto` takes a weaker one, and says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from luci.config import Settings
from luci.context import Context, Question
from luci.errors import Refused
from luci.runner.request import RunRequest
from luci.runner.script import read_script
from luci.runner.walled import insist_on_a_wall
from luci.values import replace
from luci.walls.asked import Asked
from luci.walls.machine import Machine, tried
from tests.cli.conftest import Done, Luci, events_in

HERE: Machine = tried()
NearOf = Callable[[Luci], Callable[..., Done]]
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
def test_a_script_with_packages_runs_behind_a_wall_and_writes_where_it_may(
    luci: Luci, wall: str, near_of: NearOf
) -> None:
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
    shown = near_of(luci)("runs", "show", "--json").json
    assert (shown["wall"], shown["exit_code"]) == (wall, 0) and "writes made" in shown["limits"]
    plan = near_of(luci)("plan", "--json", "--sandbox", wall, "--writable", "made", "a.py").json
    assert plan["wall"] == {"name": wall, "gives": ["writes made"], "lacks": [], "why": []}


@pytest.mark.parametrize("wall", ALL)
def test_a_script_that_lacks_a_module_is_mended_behind_a_wall(luci: Luci, wall: str) -> None:
    luci.write("a.py", LACKS)
    done = luci("run", "--sandbox", wall, "--retry", "always", "a.py", "quokka")
    assert (done.code, done.out) == (0, "hop\n"), done.err
    assert "running again" in done.err


HITS = """
    import os, sys, time
    match sys.argv[1]:
        case "memory":
            blocks = [bytearray(b"x" * 5_000_000) for _ in range(400)]
        case "pids":
            while os.fork():
                pass
            time.sleep(100)
        case "time":
            time.sleep(100)
"""


@grouped
def test_a_run_that_reaches_a_limit_says_which_with_the_figure(luci: Luci, near_of: NearOf) -> None:
    luci.write("a.py", HITS)
    memory = luci("run", "--memory", "100m", "a.py", "memory")
    assert memory.code == 137
    assert "memory limit of 100 MiB (it had 1" in memory.err and "want of memory" not in memory.err
    pids = luci("run", "--pids", "12", "a.py", "pids")
    assert pids.code == 1
    assert "limit of 12 processes" in pids.err
    late = luci("run", "--sandbox", "limits", "--timeout", "0.5", "a.py", "time")
    assert late.code == 124
    assert "0.5 s" in late.err
    assert near_of(luci)("runs", "show", "3", "--json").json["limits"] == ["memory 100 MiB"]


@pytest.mark.parametrize("wall", ALL)
def test_ctrl_c_reaches_a_script_behind_a_wall_and_its_answer_is_the_exit_code(luci: Luci, wall: str) -> None:
    luci.write(
        "a.py",
        """
        import sys, time
        try:
            print("ready", flush=True)
            time.sleep(100)
        except KeyboardInterrupt:
            print("tidied up", flush=True)
            sys.exit(3)
        """,
    )
    terminal = luci.terminal("run", "--sandbox", wall, "a.py")
    terminal.see("ready")
    terminal.type("\x03")
    terminal.see("tidied up")
    assert terminal.exit_code() == 3


def test_what_cannot_be_had_is_refused_in_a_line_with_a_hint(luci: Luci, near_of: NearOf) -> None:
    luci.write("a.py", "print('ran')\n")
    refusals = [
        (("--sandbox", "bwrap"), 126, "bwrap cannot be had"),
        (("--sandbox", "limits", "--no-network"), 126, "no network"),
        (("--sandbox", "limits", "--disk", "1g"), 126, "limits alone do not hold: disk 1 GiB"),
        (("--sandbox", "off", "--memory", "1g"), 2, "--sandbox off"),
        (("--writable", "nowhere"), 2, "nowhere is not there"),
        (("--readable", "~/.ssh"), 126, "keys"),
    ]
    home = luci.folder / "home"
    (home / ".ssh").mkdir(parents=True)
    for words, code, told in refusals:
        done = near_of(Luci(luci.folder, {**luci.environ, "PATH": str(luci.folder), "HOME": str(home)}))(
            "run", *words, "a.py"
        )
        assert (done.code, done.out) == (code, ""), (words, done.err)
        assert done.err.startswith("error: ") and told in done.err, done.err


def test_auto_takes_what_works_and_the_plan_says_what_it_lacks(luci: Luci) -> None:
    luci.write("a.py", "print('ran')\n")
    env = {"PATH": str(luci.folder)}  # bubblewrap is not on it
    done = luci("run", "--sandbox", "auto", "a.py", env=env)
    assert (done.code, done.out) == (0, "ran\n")
    told = luci("plan", "--json", "--sandbox", "auto", "a.py", env=env).json["wall"]
    assert told["name"] == ("limits" if HERE.no_landlock else "landlock")
    assert all(lack in done.err for lack in told["lacks"])


def test_a_wall_in_the_settings_holds_for_every_run_and_a_project_can_only_tighten_it(
    lone: Luci, near_of: NearOf
) -> None:
    config = Path(lone.environ["LUCI_HOME"]) / "config" / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('[walls]\nsandbox = "limits"\n')
    lone.write("a.py", "print('ran')\n")
    for _ in range(2):  # the second would be the short way
        assert lone("run", "a.py").out == "ran\n"
        assert near_of(lone)("runs", "show", "--json").json["wall"] == "limits"
    assert not (Path(lone.environ["LUCI_HOME"]) / "state" / "warm").exists()
    assert near_of(lone)("plan", "--json", "a.py").json["wall"]["name"] == "limits"
    assert lone("run", "--sandbox", "off", "a.py").code == 0
    assert near_of(lone)("runs", "show", "--json").json["wall"] == ""

    config.write_text("")
    assert lone("run", "a.py").out == "ran\n"  # from now on it would start by the short way
    lone.write("pyproject.toml", '[tool.luci.walls]\nmemory = "300m"\ntimeout = 0.5\n')
    lone.write("a.py", "import time\ntime.sleep(100)\n")
    assert lone("run", "a.py").code == 124
    told = near_of(lone)("runs", "show", "--json").json
    assert (told["wall"], told["limits"]) == ("limits", ["memory 300 MiB", "0.5 s"]) or HERE.no_trees
    assert (
        "[tool.luci.walls] in the project's pyproject.toml"
        in near_of(lone)("plan", "--json", "a.py").json["wall"]["why"]
    )
    config.write_text("[walls]\nmemory = '200m'\n")
    lone.write("pyproject.toml", '[tool.luci.walls]\nmemory = "300m"\nnetworks = true\n')
    assert "unknown key networks" in lone("run", "a.py").err


def test_a_strangers_script_that_no_wall_holds_is_run_after_a_yes_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine without walls is made up: everything else is real."""
    bare = Machine("", "it is not installed", 0, "the kernel has none", (), "not allowed")
    monkeypatch.setattr("luci.walls.machine.machine", lambda: bare)
    monkeypatch.setattr("luci.walls.ladder.engine_trouble", lambda: "no engine answers")
    (tmp_path / "a.py").write_text("print('ran')\n")
    script = read_script(str(tmp_path / "a.py"), "file")
    asked: list[Question] = []
    request = RunRequest(str(tmp_path / "a.py"), walls=Asked(stranger=True))
    with pytest.raises(Refused) as refused:
        insist_on_a_wall(request, script, Context(Settings(), lambda question: bool(asked.append(question))))
    assert "--trust" in (refused.value.hint or "")
    assert "bwrap: it is not installed" in asked[0].details
    insist_on_a_wall(request, script, Context(Settings(), lambda question: True))
    mine = replace(request, walls=Asked(stranger=False))
    insist_on_a_wall(mine, script, Context(Settings()))  # a person's own is asked nothing


@pytest.mark.skipif(bool(HERE.no_bwrap and HERE.no_landlock), reason="no wall works here")
def test_a_strangers_script_is_walled_in_until_it_is_trusted(lone: Luci) -> None:
    looks = "import os\ntry:\n    open('made', 'w')\nexcept OSError:\n    print('held')\n"
    lone.write("Downloads/a.py", looks)
    done = lone("run", "Downloads/a.py", env={"HOME": str(lone.folder)})
    assert (done.code, done.out) == (0, "held\n"), done.err
    assert "is not your own" in done.err and "~/Downloads" in done.err and "--trust" in done.err
    told = lone("plan", "--json", "Downloads/a.py", env={"HOME": str(lone.folder)}).json["wall"]
    assert "no network" in told["gives"] and told["name"] in ("bwrap", "landlock")
    assert lone("run", "--trust", "Downloads/a.py", env={"HOME": str(lone.folder)}).out == ""
    lone.write("mine.py", looks.replace("import os", "import os, quokka"))
    refused = lone("run", "--stranger", "mine.py")
    assert refused.code == 126 and "quokka" in refused.err, refused.err  # what a stranger wants is asked for
    assert lone("run", "--stranger", "--yes", "mine.py").out == "held\n"
    assert lone("run", "--stranger", "mine.py").out == "held\n"
