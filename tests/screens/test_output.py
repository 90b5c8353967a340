"""What a script writes is seen as on a terminal; what is typed reaches it; the log is scrolled, searched and kept."""

from __future__ import annotations

import asyncio
import re
import sys
import textwrap
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from luci.screens.emulator import Emulator
from luci.screens.feed import BACKLOG, NEWEST, Feed
from luci.screens.ink import strip_of, text_of
from luci.screens.live import Live
from luci.screens.output import Output
from luci.screens.scrollback import Place, Scrollback
from luci.terminals.logs import Log
from tests.conftest import hide_machine_configuration
from tests.screens.output_host import Host, until

SIZE = (80, 24)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of luci's own; the environment for scripts without packages is built once."""
    with pytest.MonkeyPatch.context() as patch:
        hide_machine_configuration(patch)
        patch.setenv("LUCI_HOME", str(tmp_path_factory.mktemp("home")))
        yield tmp_path_factory.mktemp("scripts")


@pytest.fixture
def script(home: Path) -> Callable[..., Path]:
    def write(code: str, name: str = "work.py") -> Path:
        path = home / name
        path.write_text(textwrap.dedent(code))
        return path

    return write


Story = Callable[[Host, Pilot[None]], Coroutine[Any, Any, None]]


def play(story: Story, size: tuple[int, int] = SIZE) -> Host:
    """Let a person do something with the app."""
    app = Host()

    async def work() -> None:
        async with app.run_test(size=size) as pilot:
            await story(app, pilot)

    asyncio.run(work())
    return app


# What is seen


def test_colours_and_a_progress_bar_are_seen_as_on_a_terminal(script: Callable[..., Path]) -> None:
    path = script("""
        import time
        print("\\x1b[1;32mgreen\\x1b[0m, \\x1b[38;5;208morange\\x1b[0m and \\x1b[48;2;20;40;90mblue\\x1b[0m 日本")
        for i in range(101): print(f"\\r{i:3d}% " + "#" * (i // 5), end="", flush=True)
        print("\\n\\x1b[Aup\\x1b[2Cto here\\x1b[K")
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: "exit code 0" in app.state)
        assert app.live.visible_text().rstrip() == "green, orange and blue 日本\nup0%to here"
        styles = {segment.text: segment.style for segment in app.live.render_line(0) if segment.style}
        assert styles["green"].bold and styles["green"].color.number == 2
        assert styles["orange"].color.number == 208
        assert styles["blue"].bgcolor.triplet == (20, 40, 90)

    play(story)


def test_a_script_sees_the_size_of_the_pane_and_hears_of_a_new_one(script: Callable[..., Path]) -> None:
    path = script("""
        import os, signal, time
        def tell(*_): print(*os.get_terminal_size(), flush=True)
        signal.signal(signal.SIGWINCH, tell)
        tell()
        while True: time.sleep(0.05)
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows(f"{app.live.size.width} {app.live.size.height}"))
        await pilot.resize_terminal(100, 30)
        await until(pilot, lambda: app.live.size.width == 100 and app.shows(f"100 {app.live.size.height}"))

    play(story)


def test_a_full_screen_program_leaves_what_was_there_before(script: Callable[..., Path]) -> None:
    path = script("""
        print("before")
        input("\\x1b[?1049h\\x1b[H\\x1b[2Jfull screen")
        print("\\x1b[?1049lafter")
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows("full screen") and app.live.waiting)
        assert not app.shows("before")
        await pilot.press("enter")
        await until(pilot, lambda: app.shows("after"))
        assert app.shows("before") and not app.shows("full screen")

    play(story)


# What is typed


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not tell")
def test_a_script_that_was_stopped_is_told_of_and_goes_on_when_it_is_woken(script: Callable[..., Path]) -> None:
    path = script("""
        import os, signal
        print("before", flush=True)
        os.kill(os.getpid(), signal.SIGSTOP)
        print("after")
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: "stopped by a signal" in app.state)
        assert app.shows("before") and not app.shows("after")
        await pilot.press("c")
        await until(pilot, lambda: "exit code 0" in app.state)
        assert app.shows("after")

    play(story)


def test_input_is_asked_for_and_taken(script: Callable[..., Path]) -> None:
    path = script("name = input('Your name? '); print(f'Hello {name}!')")

    async def story(app: Host, pilot: Pilot[None]) -> None:
        job = app.launch(path)
        await until(pilot, lambda: "waits for your input" in app.state)
        await until(pilot, lambda: app.heard)
        (said,) = (message for message in app.heard if isinstance(message, Output.Waiting))
        assert (said.job, said.waiting, said.hidden) == (job, True, False)
        await pilot.press(*"Zoëx", "backspace", "enter")
        await until(pilot, lambda: app.shows("Hello Zoë!"))

    play(story)


def test_hidden_input_is_not_shown(script: Callable[..., Path]) -> None:
    path = script("import getpass; print(len(getpass.getpass()), 'characters')")

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: "will not show" in app.state)
        await pilot.press(*"secret", "enter")
        await until(pilot, lambda: app.shows("6 characters"))
        assert not app.shows("secret")

    play(story)


def test_a_program_that_takes_single_keys_has_all_of_them(script: Callable[..., Path]) -> None:
    path = script("""
        import os, tty
        tty.setraw(0)
        os.write(1, b"ready")
        got = b""
        while not got.endswith(b"q"): got += os.read(0, 100)
        os.write(1, b"\\r\\n%a" % got)
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows("ready") and app.live.waiting)
        await pilot.press("escape", "tab", "up", "slash", "f5", "ctrl+a", "q")
        await until(pilot, lambda: app.shows(r"b'\x1b\t\x1b[A/\x1b[15~\x01q'"))

    play(story)


def test_an_interrupt_by_key_reaches_the_script(script: Callable[..., Path]) -> None:
    path = script("""
        import time
        try:
            print("ready", flush=True); time.sleep(600)
        except KeyboardInterrupt: print("interrupted")
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows("ready"))
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.shows("interrupted") and "exit code 0" in app.state)

    play(story)


# Following, holding, searching


NUMBERS = "for i in range(5000): print('line', i)\n"


def test_it_holds_while_more_comes_and_follows_again(script: Callable[..., Path]) -> None:
    path = script(f"{NUMBERS}input('more? ')\nprint('the end')\ninput()")

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows("more?") and app.live.waiting)
        bottom = app.live.visible_text().rstrip()
        await pilot.press("escape")
        assert app.live.visible_text() == bottom
        await pilot.press("pageup")
        held = app.live.visible_text()
        assert not app.shows("more?") and app.shows("line 4970")
        app.live.terminal.write(b"\n")
        await until(pilot, lambda: "came since" in app.state)
        assert app.live.visible_text() == held
        assert re.search(r"held at line 4,9\d\d of 5,00\d", app.state)
        await pilot.press("escape")
        assert app.shows("the end")

    play(story)


def test_scrolling_reaches_every_line_of_the_log(script: Callable[..., Path]) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("for i in range(250): print('line', i)\n"))
        await until(pilot, lambda: "exit code 0" in app.state)
        await pilot.press("home")
        assert app.live.visible_text().startswith("line 0\n")
        found = set()
        while not app.shows("line 249"):
            found |= set(app.live.visible_text().split("\n"))
            await pilot.press("pagedown")
        assert found >= {f"line {i}" for i in range(220)}
        await pilot.press("k")
        assert app.shows("line 248") and not app.shows("line 249")

    play(story)


def test_the_wheel_holds_and_follows(script: Callable[..., Path]) -> None:
    path = script(f"{NUMBERS}input('more? ')")

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.live.waiting)
        await pilot._post_mouse_events([_scroll("Up")], app.live, (5, 5))
        assert not app.live.following and not app.shows("more?")
        for _ in range(3):
            await pilot._post_mouse_events([_scroll("Down")], app.live, (5, 5))
        assert app.live.following and app.shows("more?")

    play(story)


def _scroll(way: str) -> Any:
    from textual import events

    return getattr(events, f"MouseScroll{way}")


def test_what_is_searched_for_is_found_and_stepped_through(script: Callable[..., Path]) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script(NUMBERS))
        await until(pilot, lambda: "exit code 0" in app.state)
        await pilot.press("slash", *"LINE 42", "enter")
        await until(pilot, lambda: "is not in it" in app.state)
        await pilot.press("slash", *"line 42", "enter")
        await until(pilot, lambda: "match 111 of 111" in app.state)
        assert app.shows("line 4299")
        await pilot.press("n")
        assert "match 1 of 111" in app.state and app.shows("line 42\n")
        await pilot.press("N")
        assert "match 111 of 111" in app.state
        row = app.live.visible_text().split("\n").index("line 4299")
        assert any(s.text == "line 42" and s.style and s.style.bgcolor for s in app.live.render_line(row))

    play(story)


def test_what_is_in_sight_is_copied_and_all_of_it_saved(script: Callable[..., Path], tmp_path: Path) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("print('\\x1b[31mred\\x1b[0m')\n" + NUMBERS))
        await until(pilot, lambda: "exit code 0" in app.state and app.shows("line 4999"))
        await pilot.press("y")
        assert app.copied and "line 4999" in app.copied[0] and "line 4000" not in app.copied[0]
        row = app.live.visible_text().split("\n").index("line 4998")
        await pilot.mouse_down(app.live, offset=(0, row))
        await pilot.hover(app.live, offset=(3, row))
        await pilot.hover(app.live, offset=(4, row + 1))
        await pilot.mouse_up(app.live, offset=(4, row + 1))
        await pilot.press("y")
        assert app.copied[1].startswith("line 4998\nline") and "4999" not in app.copied[1]
        chosen = app.live.render_line(row)._segments[0].style
        assert chosen and chosen.bgcolor != app.live.rich_style.bgcolor and chosen.color != chosen.bgcolor
        await pilot.press("s")
        app.query_one("#output-field", Input).value = str(tmp_path / "saved.txt")
        await pilot.press("enter")
        await until(pilot, (tmp_path / "saved.txt").exists)
        await app.workers.wait_for_complete()
        assert (tmp_path / "saved.txt").read_text() == "red\n" + "".join(f"line {i}\n" for i in range(5000))

    play(story)


# Runs


def test_each_run_has_a_tab(script: Callable[..., Path]) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        first = app.launch(script("input('the first ')", "first.py"))
        await until(pilot, lambda: app.shows("the first") and app.live.waiting)
        app.launch(script("input('the second ')", "second.py"))
        await until(pilot, lambda: app.shows("the second") and app.live.waiting)
        app.output.show(first)
        await until(pilot, lambda: app.shows("the first"))
        app.output.focus()
        await pilot.press("enter")
        await until(pilot, lambda: "exit code 0" in app.state)
        labels = [str(tab.label) for tab in app.query("#output-tabs Tab")]  # type: ignore[attr-defined]
        assert labels == ["✓ first.py", "? second.py"]

        await pilot.press("f7")  # a key of the pane, which no script is sent
        await until(pilot, lambda: app.shows("the second"))
        await pilot.press("escape", "w")  # what runs stays
        await pilot.press("shift+f7")
        await until(pilot, lambda: app.shows("the first"))
        await pilot.press("w")
        await until(pilot, lambda: app.shows("the second") and len(app.query("#output-tabs Tab")) == 1)
        app.output.show(first)
        await until(pilot, lambda: app.shows("the first") and "exit code 0" in app.state)

    play(story)


def test_stop_ends_a_script_that_does_not_want_to(script: Callable[..., Path]) -> None:
    path = script("""
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN)
        print("ready", flush=True)
        time.sleep(600)
    """)

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(path)
        await until(pilot, lambda: app.shows("ready"))
        await pilot.press("escape", "x")
        await until(pilot, lambda: "exit code 137" in app.state)

    play(story)


def test_a_failed_run_can_be_edited_at_the_line_and_run_again(script: Callable[..., Path]) -> None:
    path = script("print('on it')\n\nraise ValueError('no')\n")

    async def story(app: Host, pilot: Pilot[None]) -> None:
        job = app.launch(path)
        await until(pilot, lambda: "exit code 1" in app.state)
        assert app.shows("ValueError: no")
        await pilot.press("e", "r")
        await until(pilot, lambda: any(isinstance(m, Output.RestartRequested) for m in app.heard))
        (edit,) = (m for m in app.heard if isinstance(m, Output.EditRequested))
        assert (edit.job, edit.path, edit.line) == (job, str(path), 3)

    play(story)


def test_a_flood_is_all_in_the_log_and_its_end_in_sight(script: Callable[..., Path]) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("for i in range(100_000): print('line', i, 'of many')"))
        await until(pilot, lambda: "exit code 0" in app.state and app.shows("line 99999 of many"))
        log = app.live.terminal.log
        assert log and log.read_bytes() == b"".join(b"line %d of many\r\n" % i for i in range(100_000))

    play(story)


# Parts


def look(emulator: Emulator) -> tuple[list[Any], object]:
    rows = [strip_of(emulator.cells(y), emulator.columns) for y in range(emulator.rows)]
    return [(strip.text, [segment.style for segment in strip]) for strip in rows], emulator.cursor


PLAIN = b"".join(b"line %d some words\r\n" % i for i in range(6000))
COLOURED = b"".join(
    b"\x1b[%dmline\x1b[1m %d\ttab\x1b[K%s\r\n" % (30 + i % 8, i, b"\x1b[0m" * (i % 3)) for i in range(9000)
)
BARS = b"".join("\r{:3d}% {}".format(i % 100, "█" * (i % 70)).encode() for i in range(900))
MOVES = b"".join(b"a\r\nb\r\n\x1b[2A\x1b[2K%d\r\n\r\n" % i for i in range(1000))


@pytest.mark.parametrize(
    "data",
    [PLAIN, COLOURED, BARS, MOVES, PLAIN + MOVES + COLOURED + "日本e\u0301".encode()],
    ids=["plain", "coloured", "bars", "moves", "all"],
)
def test_much_at_once_looks_as_if_it_came_in_pieces(data: bytes) -> None:
    at_once, in_pieces = Emulator(40, 12), Emulator(40, 12)
    for at in range(0, len(data), 50_000):
        at_once.feed(data[at : at + 50_000])
    for at in range(0, len(data), 997):
        in_pieces.feed(data[at : at + 997])
    assert look(at_once) == look(in_pieces)


def test_nonsense_does_no_harm() -> None:
    emulator = Emulator(20, 5)
    for piece in (
        b"\x1b[5:3C",
        b"\x1b[38:2:1:2:3:4m",
        b"\x1b[999999999C",
        b"\xff\xfe\x00",
        b"\x1b[3;x",
        b"\x1b[8;99;99t",
    ):
        emulator.feed(piece)
    emulator.feed(b"\x1b[m\r\n\x1b]0;never ends" + b"x" * 100_000)
    emulator.feed("\x1b[2J\x1b[Hstill\u202e here".encode())
    assert text_of(emulator.cells(0)) == "still here"


def test_a_terminal_answers_what_programs_ask() -> None:
    answers: list[bytes] = []
    emulator = Emulator(20, 5, reply=answers.append)
    emulator.feed(b"\r\n\r\nab\x1b[6n")
    assert b"".join(answers) == b"\x1b[3;3R"


def fed(tmp_path: Path, data: bytes, columns: int = 40) -> tuple[Log, Feed]:
    path = tmp_path / "log"
    path.write_bytes(data)
    log = Log(path)
    return log, Feed(log, Emulator(columns, 12))


def test_nothing_is_passed_over_that_comes_at_once_and_is_less_than_a_megabyte(tmp_path: Path) -> None:
    log, feed = fed(tmp_path, MOVES * 16)
    assert log.size < BACKLOG
    while feed.advance(1):
        pass
    assert feed.passed == 0


def test_of_what_comes_too_fast_the_newest_is_shown(tmp_path: Path) -> None:
    log, feed = fed(tmp_path, b"first\r\n")
    feed.advance(1)
    with open(log.path, "ab") as file:
        file.write(b"\x1b[?25l" + MOVES * 160)
    assert log.size > 2 * BACKLOG
    while feed.advance(0.01):
        pass
    assert log.size - feed.passed - NEWEST < 100
    assert feed.emulator.cursor is None  # hidden in what was passed over
    whole = Emulator(40, 12)
    whole.feed(b"\x1b[?25l" + MOVES)
    assert look(feed.emulator) == look(whole)


def test_scrolling_shows_the_rows_that_a_terminal_showed(tmp_path: Path) -> None:
    long = b"".join(b"%d %s\r\n" % (i, b"x" * (i % 130)) for i in range(900))
    log, _ = fed(tmp_path, long)
    terminal = Emulator(40, 12, keep=True)
    terminal.feed(long)
    rows = [text_of(cells) for cells in terminal.drawn()]
    scrollback = Scrollback(log, 40, 12)
    assert [strip.text.rstrip() for strip, _ in scrollback.window(Place(), len(rows) + 1)] == rows
    places = [scrollback.bottom(12)]
    while (above := scrollback.moved(places[-1], -12, 12)) != places[-1]:
        places.append(above)
    assert places[-1] == Place() and len(places) == (len(rows) - 12 + 11) // 12 + 1


def test_what_was_cleared_is_still_scrolled_to(tmp_path: Path) -> None:
    log, _ = fed(tmp_path, b"one\r\n\x1b[2J\x1b[Htwo\r\n\x1b[H\x1b[Jthree")
    rows = [strip.text.rstrip() for strip, _ in Scrollback(log, 40, 12).window(Scrollback(log, 40, 12).bottom(12), 12)]
    assert rows == ["one", "two", "three"]


def test_colours_go_on_where_a_block_of_the_log_begins(tmp_path: Path) -> None:
    log, _ = fed(tmp_path, b"\x1b[31m" + b"red\r\n" * 10_000)
    scrollback = Scrollback(log, 40, 12)
    for strip, _ in scrollback.window(scrollback.bottom(12), 12):
        assert {segment.style.color.number for segment in strip if segment.text == "red"} == {1}  # type: ignore[union-attr]


# Looks


def looks(home: Path, story: Story, size: tuple[int, int] = SIZE) -> dict[str, Any]:
    app = Host()

    async def before(pilot: Pilot[None]) -> None:
        await story(app, pilot)

    return {"app": app, "run_before": before, "terminal_size": size}


async def drawn(app: Host, pilot: Pilot[None]) -> None:
    """Wait until what was asked for is drawn."""
    busy = "_working", "_told", "_paint_due"
    await until(pilot, lambda: app.focused is not None)
    await until(pilot, lambda: not any(getattr(live, name) for live in app.query(Live) for name in busy))
    await pilot.pause(0.1)


LIVELY = """
    print("\\x1b[1;36mTraining\\x1b[0m on \\x1b[33m3\\x1b[0m files")
    for name, share in (("alpha", 100), ("beta", 100), ("gamma", 42)):
        print(f"\\r{name:8} \\x1b[32m{'━' * (share // 4)}\\x1b[90m{'━' * (25 - share // 4)}\\x1b[0m {share:3}%")
    print("\\x1b[41;97m ERROR \\x1b[0m bad record, \\x1b[4mskipped\\x1b[0m 日本語 \\x1b[2mfaint\\x1b[0m", flush=True)
"""


def test_running_with_colours_and_a_progress_bar(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    """The script's own colours, a bar, and below how it stands."""

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script(LIVELY + "    import time; time.sleep(600)\n", "train.py"))
        await until(pilot, lambda: app.shows("faint"))
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_waiting_for_input(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    """The line below says so loudly; what is typed stands behind the question."""

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("input('Overwrite the results? [y/N] ')", "save.py"))
        await until(pilot, lambda: "waits" in app.state)
        await pilot.press("y")
        await until(pilot, lambda: app.shows("[y/N] y") and "waits" in app.state)
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_hidden_input(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("import getpass; getpass.getpass('Passphrase: ')", "unlock.py"))
        await until(pilot, lambda: "will not show" in app.state)
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_searching(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    """Matches are marked; the line below counts them."""

    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script(NUMBERS, "count.py"))
        await until(pilot, lambda: "exit code 0" in app.state)
        await pilot.press("slash", *"line 99", "enter")
        await until(pilot, lambda: "match" in app.state)
        await pilot.press("n")
        await until(pilot, lambda: "match 1 of" in app.state and "at line" in app.state)
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_asking_what_to_search_for(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script(NUMBERS, "count.py"))
        await until(pilot, lambda: "exit code 0" in app.state)
        app.query_one("#output-field", Input).cursor_blink = False
        await pilot.press("slash", *"line 9")
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_held_while_more_comes(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script(f"{NUMBERS}input()\nprint('x' * 5000, flush=True)\ninput()", "count.py"))
        await until(pilot, lambda: app.live.waiting)
        await pilot.press("escape", "pageup")
        app.live.terminal.write(b"\n")
        await until(pilot, lambda: "5 kB came since" in app.state and "at line" in app.state)
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story))


def test_two_tabs_one_failed(script: Callable[..., Path], home: Path, snap_compare: Any) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        app.launch(script("import time; print('at work', flush=True); time.sleep(600)", "long.py"))
        await until(pilot, lambda: app.shows("at work"))
        app.launch(script("raise SystemExit('The input file is empty.')", "check.py"))
        await until(pilot, lambda: "exit code 1" in app.state)
        await drawn(app, pilot)

    assert snap_compare(**looks(home, story, (120, 30)))


def test_before_the_first_run(home: Path, snap_compare: Any) -> None:
    async def story(app: Host, pilot: Pilot[None]) -> None:
        await pilot.pause()
        assert not app.query(Live)

    assert snap_compare(**looks(home, story))
