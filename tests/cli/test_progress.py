"""While there is something to wait for: a live bar on a terminal, and nothing at all anywhere else."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Luci, Terminal
from tests.package_index import PackageIndex

BLOCK = '# /// script\n# dependencies = ["wombat"]\n# ///\nimport wombat; print(wombat.dig())\n'


@pytest.fixture
def slow(lone: Luci, index: PackageIndex) -> Luci:
    """A script that needs two packages, one of which comes to a halt on its way."""
    lone.write("a.py", BLOCK)
    index.fail("/files/quokka-1.2-py3-none-any.whl", "pause")
    return lone


def waited(slow: Luci, index: PackageIndex, **options: object) -> tuple[list[str], Terminal]:
    """Return the screen as it was while one of two packages was there, and the terminal as it was left."""
    terminal = slow.terminal("run", "a.py", **options)  # type: ignore[arg-type]
    terminal.see("1/2")
    screen = terminal.screen
    index.recover()
    assert terminal.exit_code() == 0, terminal.seen
    return screen, terminal


@pytest.mark.parametrize("columns", [100, 40])
def test_a_bar_with_counts_is_seen_and_leaves_nothing(slow: Luci, index: PackageIndex, columns: int) -> None:
    (line,), terminal = waited(slow, index, columns=columns)
    assert re.fullmatch(r". downloading ━+.* 1/2 .*", line)
    assert ("bytes" in line, "quokka" in line) == (columns == 100, True)
    assert re.fullmatch(r"luci: built an environment with 2 packages in [0-9.]+ sdig", "".join(terminal.screen))
    assert terminal.raw.endswith(b"dig\r\n") and b"\x1b[?25h" in terminal.raw.rpartition(b"\x1b[?25l")[2]


def test_what_is_looked_at_is_seen_before_totals_are_known(slow: Luci, index: PackageIndex) -> None:
    _, terminal = waited(slow, index)
    assert re.search(r"resolving +wombat", terminal.seen)


def test_on_a_very_narrow_terminal_the_count_remains(slow: Luci, index: PackageIndex) -> None:
    (line,), _ = waited(slow, index, columns=22)
    assert re.fullmatch(r". downloading 1/2 .*", line)


def test_no_color_is_no_color(slow: Luci, index: PackageIndex) -> None:
    (line,), terminal = waited(slow, index, env={"NO_COLOR": "1"})
    assert "━" in line and not re.search(rb"\x1b\[[0-9;]*[34][0-9]", terminal.raw)


@pytest.mark.parametrize(("words", "env"), [(("run",), {"TERM": "dumb"}), (("run", "--quiet"), {})])
def test_a_dumb_terminal_and_a_quiet_run_see_no_bar(lone: Luci, words: tuple[str, ...], env: dict[str, str]) -> None:
    lone.write("a.py", BLOCK)
    terminal = lone.terminal(*words, "a.py", env=env)
    assert terminal.exit_code() == 0
    assert b"\x1b" not in terminal.raw and b"downloading" not in terminal.raw


def test_nothing_of_it_is_written_where_stderr_is_no_terminal(slow: Luci, index: PackageIndex) -> None:
    process = slow.start("run", "--events", "events", "a.py")
    file = slow.folder / "events"
    while not (file.exists() and '"done": 1, "total": 2' in file.read_text()):
        assert process.poll() is None
    index.recover()
    out, err = process.communicate(timeout=slow.patience)
    assert re.fullmatch(rb"luci: built an environment with 2 packages in [0-9.]+ s\n", err)
    assert out == b"dig\n"
