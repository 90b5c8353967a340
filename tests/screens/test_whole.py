"""The program itself, in a real terminal: a session from start to end, and every way in which it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import add_trusted, fill, variables
from tests.package_index import PackageIndex
from tests.screens.tmux_host import LUCI, Tmux, lives, must_have_tmux, opened

EXAMPLES = Path(__file__).parents[2] / "examples"
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="tmux is not to be had on Windows"),
    pytest.mark.usefixtures("tmux_there"),
]

# a script with a child, both deaf to politeness; each says its number
DEAF = """
    import os, signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if sys.argv[1:] != ["child"]:
        subprocess.Popen([sys.executable, __file__, "child"])
    with open(f"pid-{len(sys.argv)}.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(file.name, f"pid-{len(sys.argv)}")
    print("deaf begins", flush=True)
    while True:
        time.sleep(1)
"""
BROKEN = """
    import sys
    from luci import app

    def stumble(self, message):
        '''Stands in for a fault that nobody knows of.'''
        if message.text == "doctor":
            raise KeyError("nobody expected this")

    app.LuciApp.on_prompt_submitted = stumble
    sys.exit(app.main())
"""


@pytest.fixture(scope="module")
def tmux_there() -> None:
    must_have_tmux()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A project folder, and the variables of who works there."""
    base = tmp_path_factory.mktemp("whole")
    (base / "project" / ".git").mkdir(parents=True)
    with PackageIndex(base / "index") as index:
        fill(index)
        delta = "def naturaldelta(delta):\n    return f'{delta.days // 365} years'\n"
        add_trusted(index, "humanize", {"humanize/__init__.py": delta})
        parse = "from datetime import datetime as d\nclass ParserError(ValueError): ...\n"
        parse += "def parse(text):\n    try:\n        return d.strptime(text, '%d %B %Y')\n"
        parse += "    except ValueError:\n        raise ParserError from None\n"
        add_trusted(index, "python-dateutil", {"dateutil/__init__.py": "", "dateutil/parser/__init__.py": parse})
        yield base / "project", variables(base / "home", index, base / "uv-cache")


@pytest.fixture
def tmux(world: tuple[Path, dict[str, str]]) -> Iterator[Tmux]:
    folder, environ = world
    for name in ("before", "after", "pid-1", "pid-2"):
        (folder / name).unlink(missing_ok=True)
    (folder / "deaf.py").write_text(textwrap.dedent(DEAF))
    with opened(folder, environ) as tmux:
        yield tmux


def pids(tmux: Tmux) -> list[int]:
    """Wait until the deaf script and its child run; return their numbers."""
    files = [tmux.folder / "pid-1", tmux.folder / "pid-2"]
    tmux.until(lambda: all(file.exists() for file in files))
    return [int(file.read_text()) for file in files]


def family(pid: int) -> list[int]:
    """A process and all that descends from it."""
    children = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return [pid, *(one for child in children for one in family(int(child)))]


def state(tmux: Tmux) -> Path:
    return Path(tmux.environ["LUCI_HOME"], "state")


def latest_run(tmux: Tmux) -> dict[str, object]:
    """What the journal tells of the run that started last."""
    told = [json.loads(line) for line in (state(tmux) / "runs.jsonl").read_text().splitlines() if line]
    start = [record["start"] for record in told if "start" in record][-1]
    ends = [record["end"] for record in told if "end" in record and record["end"]["id"] == start["id"]]
    return {**start, **(ends[-1] if ends else {})}


def test_a_session_from_start_to_end(tmux: Tmux) -> None:
    shutil.copy(EXAMPLES / "birthday.py", tmux.folder)
    (tmux.folder / "passing.py").write_text("import quokka\nprint(quokka.hop(), 'and gone')\n")
    tmux.start()

    tmux.say("run passing.py")
    tmux.until("hop and gone")
    tmux.until("exit 0")
    (tmux.folder / "passing.py").unlink()

    tmux.say("run birthday.py")
    tmux.until("When were you born?")
    tmux.until("waits for your input")
    tmux.press("F3")
    tmux.until("esc Scroll, search")
    tmux.say("soon")
    tmux.until("no date that I know")
    tmux.say("10 December 1815")
    tmux.until("You were born on a Sunday")
    tmux.until("exit code 0")

    tmux.press("F4")
    tmux.until("orphaned")
    tmux.press("p")
    tmux.until("1 of 1 chosen")
    tmux.press("d")
    tmux.until("Remove this environment?")
    tmux.answer("y", "Removed 1 environment")
    tmux.until(lambda: "orphaned" not in tmux.screen and "birthday" in tmux.screen)

    tmux.press("C-q")
    assert "ended with 0" in tmux.ended()


def test_it_waits_in_the_background_and_ends_what_runs_when_it_is_left(tmux: Tmux) -> None:
    tmux.start()
    tmux.say("deaf.py")
    running = pids(tmux)
    tmux.until("deaf begins")

    tmux.press("C-z")
    tmux.until("Stopped")
    tmux.say("stty -g >meanwhile; echo in the shell")
    tmux.until(lambda: (tmux.folder / "meanwhile").exists() and "\nin the shell" in tmux.screen)
    assert (tmux.folder / "meanwhile").read_text() == (tmux.folder / "before").read_text()
    assert all(map(lives, running))
    tmux.say("fg")
    tmux.until(lambda: "deaf begins" in tmux.screen and "in the shell" not in tmux.screen)

    tmux.press("C-q")
    tmux.until("Quit luci now?")
    assert "deaf.py is ended, with all that it started" in tmux.screen
    tmux.answer("n", lambda: "Quit luci now?" not in tmux.screen)
    assert all(map(lives, running))
    tmux.press("C-q")
    tmux.answer("y", "ended with 0")
    tmux.ended()
    assert not any(map(lives, running))
    assert latest_run(tmux)["exit_code"] == 137


def test_an_editor_and_a_shell_have_the_terminal_for_themselves_and_give_it_back(tmux: Tmux) -> None:
    editor = tmux.folder / "nano"
    editor.write_text('#!/bin/sh\necho "$@" >edited\necho the editor has it\nread line\necho "$line" >>edited\n')
    editor.chmod(0o755)
    (tmux.folder / "fails.py").write_text("def half(n):\n    return n / 0\n\n\nhalf(3)\n")
    tmux.start(f"VISUAL={editor} {LUCI}")
    tmux.say("fails.py")
    tmux.until("ZeroDivisionError")
    tmux.until("exit code 1")
    tmux.press("BTab")
    tmux.until("e Edit")
    tmux.press("e")
    tmux.until("the editor has it")
    tmux.say("written by hand")
    tmux.until("e Edit")
    assert (tmux.folder / "edited").read_text().split("\n") == [f"+2 {tmux.folder}/fails.py", "written by hand", ""]

    tmux.press("F4")
    tmux.until("d Remove")
    tmux.until("● ready")
    tmux.press("t")
    tmux.until(lambda: re.search(r"^\(\w+\) ", tmux.screen, re.MULTILINE))
    tmux.say("python -c 'import sys, time; print(\"in\", sys.prefix, flush=True); time.sleep(600)'")
    tmux.until(lambda: "in /" in tmux.screen)
    assert "data/envs/luci_" in tmux.screen.replace("\n", "")
    tmux.press("C-c")
    tmux.say("exit 3")
    tmux.until("d Remove")
    tmux.press("C-q")
    assert "ended with 0" in tmux.ended()


def test_when_the_terminal_closes_nothing_is_left_behind_and_the_log_is_whole(tmux: Tmux) -> None:
    tmux.start()
    tmux.say("deaf.py")
    running = pids(tmux)
    tmux.until("deaf begins")
    everyone = {*family(int(tmux("display", "-p", "#{pane_pid}"))), *running}
    assert len(everyone) > 4  # the shells, luci, what writes its log, the scripts
    tmux("kill-server")
    tmux.until(lambda: not any(map(lives, everyone)))
    ended = latest_run(tmux)
    assert ended["exit_code"] == 137
    assert "deaf begins" in Path(str(ended["log"])).read_text()
    assert not list((state(tmux) / "crashes").glob("*"))


def test_a_terminal_whose_app_is_gone_from_one_moment_to_the_next_is_as_before(tmux: Tmux) -> None:
    tmux.start()
    tmux.say("deaf.py")
    running = pids(tmux)
    tmux.until("deaf begins")
    (luci,) = (pid for pid in family(int(tmux("display", "-p", "#{pane_pid}"))) if command(pid)[1:3] == ["-m", "luci"])
    os.kill(luci, signal.SIGKILL)
    tmux.until("error: luci was ended from one moment to the next.")
    tmux.say("clear; stty -g >after; echo settled")  # what the shell had said before was on the app's screen
    tmux.ended()
    assert not list((state(tmux) / "crashes").glob("*-fault.log"))  # Python knew nothing of it
    for pid in filter(lives, running):  # they are deaf to the end of their terminal
        os.kill(pid, signal.SIGKILL)


def command(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def test_a_fault_of_its_own_is_told_in_words_and_the_terminal_is_as_before(tmux: Tmux) -> None:
    (tmux.folder / "broken.py").write_text(textwrap.dedent(BROKEN))
    tmux.start(f"{sys.executable} broken.py")
    tmux.say("deaf.py")
    running = pids(tmux)
    tmux.say("doctor")
    screen = tmux.ended()
    assert "ended with 1" in screen and "error: luci met an error" in screen and "Traceback" not in screen
    assert "KeyError: 'nobody expected this'" in screen
    (log,) = (state(tmux) / "crashes").glob("*.log")
    assert log.name in screen.replace("\n", "")
    assert "stumble" in log.read_text()
    assert not any(map(lives, running))
