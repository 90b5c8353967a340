"""A shell in an environment: the person's own, marked, and kept from being removed while it is open."""

from __future__ import annotations

import shutil

import pytest

from tests.cli.conftest import Luci

SHELLS = ("bash", "dash", "zsh", "fish", "ksh")


@pytest.fixture
def ready(luci: Luci) -> Luci:
    luci.write("a.py", "import quokka")
    done = luci("run", "a.py")
    assert done.code == 0, done.err
    return luci


def test_a_command_runs_in_the_environment_and_its_exit_code_is_lucis(ready: Luci) -> None:
    done = ready("env", "shell", "a.py", "--", "python", "-c", "import quokka, sys; print(sys.prefix); sys.exit(7)")
    assert done.code == 7, done.err
    assert done.out.strip() == str(ready.env_of("a.py"))


def test_words_behind_the_dashes_are_the_commands_own(ready: Luci) -> None:
    done = ready("env", "shell", "a.py", "--", "python", "-c", "import sys; print(sys.argv[1:])", "--help", "--", "-q")
    assert done.out == "['--help', '--', '-q']\n"


def test_a_command_that_is_not_there_is_said(ready: Luci) -> None:
    done = ready("env", "shell", "a.py", "--", "no-such-command")
    assert done.code == 2 and "no-such-command" in done.err


@pytest.mark.parametrize("name", SHELLS)
def test_the_persons_own_shell_opens_with_a_marked_prompt(lone: Luci, name: str) -> None:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not here")
    lone.write("a.py", "import quokka")
    assert lone("run", "a.py").code == 0
    home = lone.folder / "home"
    home.mkdir()
    strange = "export PATH=/usr/bin:/bin:$PATH\n"
    for file in (".bashrc", ".zshrc"):
        (home / file).write_text(f"{strange}export MINE=theirs\n")
    terminal = lone.terminal("env", "shell", "a.py", env={"SHELL": path, "HOME": str(home)})
    terminal.see("(a) ")
    terminal.type('python -c "import quokka, sys; print(sys.prefix)"\n')
    terminal.see(str(lone.env_of("a.py")))
    if name in ("bash", "zsh"):
        terminal.type("echo got $MINE\n")
        terminal.see("got theirs")
    terminal.type("exit 3\n")
    assert terminal.exit_code() == 3


def test_an_open_shell_keeps_the_environment_from_being_removed(lone: Luci) -> None:
    lone.write("a.py", "import quokka")
    assert lone("run", "a.py").code == 0
    terminal = lone.terminal("env", "shell", "a.py", env={"SHELL": "/bin/sh"})
    terminal.see("(a) ")
    done = lone("env", "remove", "a.py", "--yes")
    assert done.code == 125 and f"in use by process {terminal.process.pid}" in done.err
    terminal.type("exit\n")
    assert terminal.exit_code() == 0
    assert lone("env", "remove", "a.py", "--yes").code == 0


def test_a_shell_that_nobody_knows_gets_the_environment_all_the_same(ready: Luci) -> None:
    strange = ready.write("strangesh", '#!/bin/sh\nexec python -c "import sys; print(sys.prefix)"\n')
    strange.chmod(0o755)
    done = ready("env", "shell", "a.py", env={"SHELL": str(strange)})
    assert done.out.strip() == str(ready.env_of("a.py"))


def test_a_broken_environment_opens_no_shell(lone: Luci) -> None:
    lone.write("a.py", "import quokka")
    lone("run", "a.py")
    lone.python_of("a.py").unlink()
    done = lone("env", "shell", "a.py", "--", "ls")
    assert done.code == 125 and "rebuild" in done.err


def test_a_script_without_an_environment_is_told_how_to_get_one(luci: Luci) -> None:
    luci.write("new.py", "import quokka")
    done = luci("env", "shell", "new.py")
    assert done.code == 125 and "luci run" in done.err
