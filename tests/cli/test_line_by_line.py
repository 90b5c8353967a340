"""luci --plain: the conversation line by line, in a real terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Luci, Terminal
from tests.model_server import ModelServer, Said


def prompt(terminal: Terminal, after: str = "") -> Terminal:
    """Wait until the prompt is back behind what was said: a key before would be the terminal's, not the prompt's."""
    terminal.see(after)
    while "luci>" not in terminal.seen.rpartition(after or "quit leaves.")[2]:
        terminal.read()
    return terminal


def test_it_runs_asks_fails_lists_and_leaves(luci: Luci) -> None:
    luci.write("hop.py", "import quokka; print(quokka.hop(), input('name? '))")
    luci.write("bad.py", "import quokka\n{}['absent']")
    terminal = prompt(luci.terminal("--plain"))
    terminal.type("run ho\t\r")  # a path is completed
    terminal.see("name? ")
    terminal.type("Ada\r")
    prompt(terminal, "exit 0 after")
    assert "hop Ada" in terminal.seen and "1 package, Python" in terminal.seen
    terminal.type("bad.py\r")
    prompt(terminal, "exit 1 after")
    assert f"KeyError: 'absent' at {luci.folder / 'bad.py'}, line 2" in terminal.seen.replace("\n", "")
    terminal.type("plan\r")
    prompt(terminal, "(reuse)")
    terminal.type("envs\r")
    prompt(terminal, "last used")
    terminal.type("/rnu\r")
    prompt(terminal, "Did you mean /run?")
    terminal.type("quit\r")
    assert terminal.exit_code() == 0
    logs = [luci("runs", "log", run["id"]).out for run in luci("runs", "list", "--json").json]
    assert any("hop Ada" in log for log in logs)


def test_ctrl_c_ends_the_script_and_not_the_conversation(luci: Luci) -> None:
    luci.write("a.py", "import time\nprint('ready', flush=True)\nwhile True: time.sleep(0.05)")
    terminal = prompt(luci.terminal("--plain"))
    terminal.type("a.py\r")
    terminal.see("ready")
    terminal.type("\x03")
    prompt(terminal, "stopped after")
    terminal.type("\x04")
    assert terminal.exit_code() == 0


def test_what_was_typed_is_there_the_next_day_without_secrets(luci: Luci) -> None:
    terminal = prompt(luci.terminal("--plain"))
    terminal.type("help\r")
    prompt(terminal, "ctrl+d leaves")
    terminal.type("quit\r")
    assert terminal.exit_code() == 0
    again = prompt(luci.terminal("--plain"))
    again.type("\x1b[A\x1b[A")
    again.see("help")
    again.type("\r")
    prompt(again, "ctrl+d leaves")
    again.type("/rnu sk-0123456789abcdefghij\\\rand more\r")
    prompt(again, "Did you mean /run?")
    again.type("\x04")
    assert again.exit_code() == 0
    (kept,) = Path(luci.environ["LUCI_HOME"]).rglob("typed.jsonl")
    assert kept.stat().st_mode & 0o777 == 0o600
    last = json.loads(kept.read_text().splitlines()[-1])
    assert last.startswith("/rnu [secret api-key") and last.endswith("\nand more")


def test_another_model_is_chosen_and_a_file_is_pointed_at(luci: Luci) -> None:
    luci.write("table.csv", "height\n180\n")
    with ModelServer(Said("One."), models=("scripted", "second")) as model:
        terminal = prompt(luci.terminal("--plain", env=model.environ), "scripted of 127.0.0.1 answers")
        terminal.type("model\r")
        prompt(terminal, "has scripted, second.")
        terminal.type("model sec\t\r")
        prompt(terminal, "second of 127.0.0.1 answers.")
        terminal.type("how high is @tab\t\r")
        prompt(terminal, "One.")
        terminal.type("quit\r")
        assert terminal.exit_code() == 0
        assert model.requests[0]["model"] == "second" and "180" in model.told()


def test_without_a_model_it_does_what_it_can_by_itself(luci: Luci) -> None:
    luci.write("bad.py", "import quokka\n{}['absent']")
    terminal = prompt(luci.terminal("--plain"))
    terminal.type("please run bad.py\r")
    prompt(terminal, "exit 1 after")
    terminal.type("why doesn't it work?\r")
    prompt(terminal, "I take it for: why")
    assert "KeyError: 'absent' at" in terminal.seen.rpartition("I take it for: why")[2]
    terminal.type("don't run bad.py\r")
    prompt(terminal, "run FILE, plan FILE")
    terminal.type("quit\r")
    assert terminal.exit_code() == 0
    ran = [run for run in luci("runs", "list", "--json").json if run["script"] == str(luci.folder / "bad.py")]
    assert len(ran) == 1


@pytest.mark.parametrize("variable", ["LUCI_APP_PLAIN=yes", "TERM=dumb"])
def test_a_setting_or_a_dumb_terminal_opens_it_too(luci: Luci, variable: str) -> None:
    name, value = variable.split("=")
    terminal = prompt(luci.terminal(env={name: value}))
    terminal.type("quit\r")
    assert terminal.exit_code() == 0
    assert "\x1b[?1049h" not in terminal.raw.decode()


def test_without_a_terminal_it_says_what_to_do(luci: Luci) -> None:
    done = luci("--plain", input="help\n")
    assert done.code == 2 and "luci run SCRIPT" in done.err
