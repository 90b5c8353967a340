"""What cannot be run: one clear message, the right exit code, and no traceback of luci's own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Done, Luci

USAGE, NOT_STARTED = 2, 125


def message(done: Done, code: int) -> str:
    """Check that luci refused in its own words, and return them."""
    assert (done.code, done.out) == (code, ""), done.err
    assert "Traceback" not in done.err and done.err.count("error: ") == 1
    return done.err


def test_a_stream_that_is_closed_stops_nothing(luci: Luci) -> None:
    luci.write("a.py", "import quokka\nopen('said', 'w').write(quokka.hop())\n")
    shut = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", str(Path(sys.executable).with_name("luci"))]
    for words, code in ((["run", "a.py"], 0), (["run", "a.py"], 0), (["run", "none.py"], USAGE), (["env", "list"], 0)):
        done = subprocess.run([*shut, *words], cwd=luci.folder, env=luci.environ, check=False)
        assert done.returncode == code
    assert (luci.folder / "said").read_text() == "hop"


# Sources


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param(b"import os\nprint 'hello'\n", 2, id="print"),
        pytest.param(b"try:\n    pass\nexcept ValueError, error:\n    pass\n", 3, id="except"),
        pytest.param(b"x = 1\nos.chmod('x', 0755)\n", 2, id="octal"),
    ],
)
def test_python_2(luci: Luci, source: bytes, line: int) -> None:
    (luci.folder / "a.py").write_bytes(source)
    told = message(luci("run", "a.py"), NOT_STARTED)
    assert "Python 2" in told and f"line {line}" in told


def test_a_syntax_error(luci: Luci) -> None:
    luci.write("a.py", "x = 1\n\ndef f(:\n    pass\n")
    told = message(luci("run", "a.py"), NOT_STARTED)
    assert "a.py, line 3" in told and "def f(:" in told


def test_a_syntax_error_in_a_line_of_code(luci: Luci) -> None:
    assert "line 1" in message(luci("run", "-c", "import ("), NOT_STARTED)


def test_a_syntax_error_in_standard_input(luci: Luci) -> None:
    assert "line 2" in message(luci("run", "-", input="x = 1\nimport (\n"), NOT_STARTED)


def test_a_markdown_fence(luci: Luci) -> None:
    luci.write("a.py", "```python\nprint(1)\n```\n")
    assert "fence" in message(luci("run", "a.py"), NOT_STARTED)


BINARY = {
    "archive": b"PK\x03\x04" + bytes(100),
    "program": b"\x7fELF\x02\x01\x01" + bytes(100),
    "bytecode": b"\xa7\r\r\n" + bytes(12) + b"\xe3\x00\x00",
    "image": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "NUL bytes": b"print(1)\n\0\0\nprint(2)\n",
    "UTF-16": "print(1)\n".encode("utf-16"),
}


@pytest.mark.parametrize("name", BINARY)
def test_a_binary_file(luci: Luci, name: str) -> None:
    (luci.folder / "a.py").write_bytes(BINARY[name])
    assert "a.py" in message(luci("run", "a.py"), NOT_STARTED)


def test_nul_bytes_in_standard_input(luci: Luci) -> None:
    message(luci("run", "-", input=b"print(1)\n\0"), NOT_STARTED)


def test_an_encoding_that_nobody_knows(luci: Luci) -> None:
    luci.write("a.py", "# -*- coding: klingon -*-\nprint(1)\n")
    told = message(luci("run", "a.py"), NOT_STARTED)
    assert "klingon" in told and "line 1" in told


def test_bytes_that_are_not_utf_8(luci: Luci) -> None:
    (luci.folder / "a.py").write_bytes(b"x = 1\nname = 'B\xfcro'\n")
    assert "a.py, line 2" in message(luci("run", "a.py"), NOT_STARTED)


def test_an_empty_file_runs_and_does_nothing(luci: Luci) -> None:
    luci.write("a.py", "")
    done = luci("run", "a.py")
    assert (done.code, done.stdout, done.stderr) == (0, b"", b"")


def test_empty_standard_input_runs_and_does_nothing(luci: Luci) -> None:
    done = luci("run", "-")
    assert (done.code, done.stdout, done.stderr) == (0, b"", b"")


def test_a_byte_order_mark_and_an_old_encoding_are_fine(luci: Luci) -> None:
    (luci.folder / "a.py").write_bytes(b"\xef\xbb\xbfimport quokka; print(quokka.hop())\n")
    (luci.folder / "b.py").write_bytes(b"# coding: latin-1\nimport quokka; print(len('\xfc'))\n")
    assert luci("run", "a.py").out == "hop\n"
    assert luci("run", "b.py").out == "1\n"


@pytest.mark.parametrize("command", ["run", "plan"])
def test_more_than_fifty_megabytes(luci: Luci, command: str) -> None:
    with (luci.folder / "a.py").open("wb") as file:
        file.truncate(60_000_000)
    assert "50 MB" in message(luci(command, "a.py"), NOT_STARTED)


TOO_DEEP = {
    "parentheses": "(" * 300 + ")" * 300,
    "sum": "x = " + "+".join(["1"] * 100_000),
    "minus signs": "x = " + "-" * 100_000 + "1",
    "attributes": "x = a" + ".b" * 100_000,
    "blocks": "".join(" " * n + "if 1:\n" for n in range(150)) + " " * 150 + "pass\n",
}


@pytest.mark.parametrize("name", TOO_DEEP)
def test_what_is_nested_too_deeply_for_python(luci: Luci, name: str) -> None:
    luci.write("a.py", TOO_DEEP[name])
    assert "nested" in message(luci("run", "a.py"), NOT_STARTED)


def test_a_chain_that_python_can_just_read_runs(luci: Luci) -> None:
    luci.write("a.py", "import quokka\nx = " + " + ".join(["1"] * 1500) + "\nprint(x)\n")
    assert luci("run", "a.py").out == "1500\n"


def test_a_folder_without_a_main(luci: Luci) -> None:
    (luci.folder / "tool").mkdir()
    assert "__main__.py" in message(luci("run", "tool"), NOT_STARTED)


@pytest.mark.parametrize("command", ["run", "plan"])
def test_a_missing_file(luci: Luci, command: str) -> None:
    assert "There is no file nowhere.py" in message(luci(command, "nowhere.py"), USAGE)


def test_a_missing_file_whose_name_lacks_the_suffix(luci: Luci) -> None:
    luci.write("tool.py", "")
    assert "There is tool.py." in message(luci("run", "tool"), USAGE)


def test_a_missing_module(luci: Luci) -> None:
    luci.write("package/__init__.py", "")
    assert "package.nowhere" in message(luci("run", "-m", "package.nowhere"), USAGE)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def forbid(path: Path) -> None:
    path.write_text("")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("who runs this may read everything")


def listen(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [loop, forbid, listen])
def test_a_file_that_cannot_be_read(luci: Luci, make: Callable[[Path], None]) -> None:
    make(luci.folder / "a.py")
    assert "a.py" in message(luci("run", "a.py"), USAGE)


@pytest.mark.parametrize("name", ["x" * 5000 + ".py", "a\nb.py", "\x1b[31mred.py"], ids=["long", "lines", "red"])
def test_a_name_that_cannot_be(luci: Luci, name: str) -> None:
    told = message(luci("run", name), USAGE)
    assert "\x1b" not in told


def test_a_broken_local_module_is_the_scripts_own_failure(luci: Luci) -> None:
    luci.write("a.py", "print('began', flush=True)\nimport beside")
    luci.write("beside.py", "def f(:\n")
    done = luci("run", "a.py")
    assert (done.code, done.out) == (1, "began\n")
    assert "SyntaxError" in done.err and "luci/" not in done.err


def test_a_folder_that_is_no_longer_there(luci: Luci) -> None:
    gone = luci.folder / "gone"
    gone.mkdir()
    script = luci.write("a.py", "print('ran')")
    done = luci.command(["sh", "-c", f"rmdir {gone}; exec {sys.executable} -m luci run {script}"], cwd=gone)
    assert "Traceback" not in done.err
    assert (done.code, done.out) in [(0, "ran\n"), (2, ""), (125, "")]


# Declarations


@pytest.mark.parametrize(
    "block",
    [
        pytest.param("# dependencies = [", id="no TOML"),
        pytest.param("# dependencies = 3", id="no list"),
        pytest.param('# dependencies = ["???"]', id="no requirement"),
        pytest.param('# requires-python = "newest"', id="no specifier"),
    ],
)
def test_a_block_that_cannot_be_read(luci: Luci, block: str) -> None:
    luci.write("a.py", f"# /// script\n{block}\n# ///\nprint('ran')\n")
    message(luci("run", "a.py"), NOT_STARTED)


def test_two_blocks(luci: Luci) -> None:
    luci.write("a.py", "# /// script\n# ///\nx = 1\n# /// script\n# ///\n")
    message(luci("run", "a.py"), NOT_STARTED)


def test_a_python_that_no_one_has(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# requires-python = ">=3.99"\n# ///\nprint("ran")\n')
    assert "3.99" in message(luci("run", "a.py"), NOT_STARTED)


def test_a_distribution_that_is_nowhere(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# dependencies = ["no-such-thing-at-all"]\n# ///\nprint("ran")\n')
    assert "no-such-thing-at-all" in message(luci("run", "a.py"), NOT_STARTED)


def test_requirements_that_contradict_each_other(luci: Luci) -> None:
    luci.write("a.py", '# /// script\n# dependencies = ["quokka<1.1", "quokka>1.1"]\n# ///\nprint("ran")\n')
    assert "quokka" in message(luci("run", "a.py"), NOT_STARTED)


# The command line


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["plan"],
        ["run", "-c"],
        ["run", "-m"],
        ["run", "-m", ""],
        ["run", "-m", "not a name"],
        ["run", "--no-such-option", "a.py"],
        ["run", "--timeout", "soon", "a.py"],
        ["run", "--timeout", "0", "a.py"],
        ["run", "--retry", "sometimes", "a.py"],
        ["run", "--with"],
        ["plan", "--json", "--names", "a.py"],
        ["env"],
        ["env", "show"],
        ["env", "remove"],
        ["runs", "show", "no-such-run"],
        ["runs", "log", "no-such-run"],
        ["no-such-command"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_means_nothing(luci: Luci, words: list[str]) -> None:
    luci.write("a.py", "print('ran')")
    done = luci(*words)
    assert (done.code, done.out) == (USAGE, ""), done.err
    assert "Traceback" not in done.err


def test_a_time_out_that_is_no_number(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    assert luci("run", "--timeout", "nan", "a.py").code == USAGE


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[run]\nretry = 'sometimes'\n", "retry"),
        ("[runs]\n", "runs"),
        ("[run]\nspeed = 1\n", "speed"),
        ("[run\n", "config.toml"),
        ("[names]\nx = 3\n", "names"),
        ("[names]\nx = '???'\n", "names"),
    ],
    ids=["choice", "section", "key", "no TOML", "no text", "no requirement"],
)
def test_a_config_file_that_cannot_be_read(lone: Luci, text: str, named: str) -> None:
    config = lone.write("config.toml", text)
    lone.write("a.py", "print('ran')")
    assert named in message(lone("run", "a.py", env={"LUCI_CONFIG": str(config)}), USAGE)


def test_a_variable_that_cannot_be(luci: Luci) -> None:
    luci.write("a.py", "print('ran')")
    assert "LUCI_RUN_RETRY" in message(luci("run", "a.py", env={"LUCI_RUN_RETRY": "sometimes"}), USAGE)


def test_an_unknown_environment_is_one_clear_error(luci: Luci) -> None:
    for verb in ("show", "path", "tree", "verify", "rebuild", "remove"):
        assert "no environment" in message(luci("env", verb, "nowhere-at-all"), NOT_STARTED)


def test_a_reader_that_leaves_is_no_error_of_lucis(luci: Luci) -> None:
    for number in range(5):
        luci.write(f"a{number}.py", "import quokka")
        luci("run", f"a{number}.py")
    done = luci.command(["sh", "-c", f"{sys.executable} -m luci runs list | true"])
    assert done.err == ""


def test_control_characters_of_a_source_are_shown_not_obeyed(luci: Luci) -> None:
    luci.write("a.py", "x = 1\ny = '\x1b[2J' (:\n")
    told = message(luci("run", "a.py"), NOT_STARTED)
    assert "\x1b" not in told


def test_an_unknown_option_is_repeated_without_what_a_terminal_would_obey(luci: Luci) -> None:
    told = luci("run", "--no\x1b[31m-such", "a.py")
    assert told.code == USAGE and "\x1b" not in told.err and "\\x1b[31m" in told.err


@pytest.mark.parametrize("python", ["~nobody-here/bin/python", "x" * 300, "/" + "x" * 300])
def test_a_python_that_cannot_be_named_so(luci: Luci, python: str) -> None:
    (luci.folder / "a.py").write_text("")
    message(luci("run", "--python", python, "a.py"), NOT_STARTED)
