"""A run's terminal: everything that was written is in its log, and what it waits for is known."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luci import process, terminals
from luci.context import Context
from luci.errors import EnvError
from luci.events import Ended
from luci.process import run
from luci.terminals import Terminal
from luci.terminals.logs import BLOCK, Log, plain

PATIENCE = 60  # seconds until a fact that must come true is given up
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a process waits for")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def wait_for(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "the fact never came"
        time.sleep(0.01)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(80, 24)
    made.begin(tmp_path / "log")
    yield made
    made.close()


def on(terminal: Terminal, code: str) -> Ended:
    *_, last = run(python(code), environ=terminal.environ(os.environ), terminal=terminal)
    assert isinstance(last, Ended)
    return last


@contextlib.contextmanager
def running(terminal: Terminal, code: str) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        python(code),
        stdin=terminal.slave,
        stdout=terminal.slave,
        stderr=terminal.slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal.slave, termios.TIOCSCTTY, 0),
        env=terminal.environ(os.environ),
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def drains() -> list[int]:
    """The processes that write our logs."""
    found = []
    for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        for pid in child.read_text().split():
            with contextlib.suppress(OSError):
                if str(terminals.DRAIN).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


# What is written


def test_all_that_a_run_wrote_is_in_the_log_when_it_ended(terminal: Terminal) -> None:
    ended = on(terminal, "for i in range(50_000): print('line', i)")
    assert ended.exit_code == 0
    assert terminal.log and terminal.log.read_bytes() == b"".join(b"line %d\r\n" % i for i in range(50_000))


def test_attempts_follow_each_other_in_one_log(terminal: Terminal, tmp_path: Path) -> None:
    on(
        terminal,
        "import termios; m = termios.tcgetattr(0); m[3] &= ~termios.ECHO; termios.tcsetattr(0, 0, m); print(1)",
    )
    assert not terminal.echo
    assert terminal.begin(tmp_path / "another") == terminal.log
    assert terminal.echo
    on(terminal, "print(2)")
    assert terminal.log and terminal.log.read_bytes() == b"1\r\n2\r\n"
    assert not (tmp_path / "another").exists()


def test_the_script_sees_a_terminal_of_our_size(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "33")
    monkeypatch.setenv("TERM", "dumb")
    terminal.resize(101, 30)
    on(
        terminal,
        """
        import os, shutil, sys
        print(all(map(os.isatty, range(3))), tuple(shutil.get_terminal_size()), os.environ["TERM"], os.ttyname(0))
        open("/dev/tty").close()
        """,
    )
    assert terminal.log and terminal.log.read_text().split("\n")[0].strip() == (
        f"True (101, 30) xterm-256color {terminal.name}"
    )


def test_a_new_size_is_told_to_the_script(terminal: Terminal) -> None:
    code = """
        import os, signal
        signal.signal(signal.SIGWINCH, lambda *_: None)
        print("ready", flush=True)
        signal.pause()
        print(os.get_terminal_size())
    """
    with running(terminal, code) as child:
        wait_for(lambda: terminal.log and b"ready" in terminal.log.read_bytes())
        wait_for(lambda: Path(f"/proc/{child.pid}/wchan").exists() and child.poll() is None)
        while child.poll() is None:
            terminal.resize(terminal.columns % 90 + 1, 25)
            time.sleep(0.05)
    terminal.settle()
    assert terminal.log and b"lines=25" in terminal.log.read_bytes()


def test_a_script_may_be_interrupted_by_key(terminal: Terminal) -> None:
    with running(terminal, "print('ready', flush=True); import time; time.sleep(600)") as child:
        wait_for(lambda: terminal.log and b"ready" in terminal.log.read_bytes())
        terminal.write(b"\x03")
        assert child.wait(PATIENCE) == -signal.SIGINT or child.returncode == 130


def test_control_z_stops_nothing(terminal: Terminal) -> None:
    with running(terminal, "print(repr(input()))") as child:
        terminal.write(b"\x1a\n")
        child.wait(PATIENCE)
    terminal.settle()
    assert terminal.log and b"'\\x1a'" in terminal.log.read_bytes()


def test_much_typed_at_once_arrives(terminal: Terminal) -> None:
    code = """
        import sys, tty
        tty.setraw(0)
        print("ready", flush=True)
        got = 0
        while got < 300_000: got += len(sys.stdin.buffer.raw.read(65536))
        print("got", got)
    """
    with running(terminal, code) as child:
        wait_for(lambda: terminal.log and b"ready" in terminal.log.read_bytes())
        terminal.write(b"x" * 300_000)
        child.wait(PATIENCE)
    terminal.settle()
    assert terminal.log and b"got 300000" in terminal.log.read_bytes()


def test_stop_ends_the_whole_group(terminal: Terminal) -> None:
    code = """
        import os, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if os.fork() == 0: os.setsid()
        os.write(1, b"%d\\n" % os.getpid())
        time.sleep(600)
    """

    def started() -> list[int]:
        return [int(word) for word in terminal.log.read_bytes().split()] if terminal.log else []

    *_, last = run(python(code), environ=os.environ, terminal=terminal, stop=lambda: len(started()) == 2)
    assert isinstance(last, Ended) and last.signal == signal.SIGKILL
    for pid in started():
        with contextlib.suppress(FileNotFoundError):
            assert Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"


# Who writes the log


@linux
def test_another_takes_over_when_the_writer_of_the_log_dies(terminal: Terminal) -> None:
    code = "for i in range(60_000): print('line', i)"
    with running(terminal, code) as child:
        for _ in range(terminals.REVIVALS + 2):
            wait_for(lambda: drains() or "cannot be had" in terminal.trouble)
            for pid in drains():
                os.kill(pid, signal.SIGKILL)
                wait_for(lambda pid=pid: pid not in drains())
        assert child.wait(PATIENCE) == 0
    assert terminal.settle()
    assert terminal.log and terminal.log.read_bytes().endswith(b"line 59999\r\n")
    assert "log" in terminal.trouble


def test_a_full_disk_holds_up_no_script(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    terminal = Terminal()
    terminal.begin(Path("/dev/full"))
    try:
        assert on(terminal, "for i in range(20_000): print('line', i)").exit_code == 0
        assert "no space left on device" in terminal.trouble
    finally:
        terminal.close()


@linux
def test_nothing_is_left_when_it_is_closed(tmp_path: Path) -> None:
    code = """
        import os, pathlib, sys, time
        from luci.process import run
        from luci.terminals import Terminal

        def held():
            tasks = pathlib.Path("/proc/self/task").glob("*/children")
            return len(os.listdir("/proc/self/fd")), [pid for task in tasks for pid in task.read_text().split()]

        before = held()
        terminal = Terminal()
        terminal.begin(pathlib.Path(sys.argv[1]))
        list(run([sys.executable, "-c", "print(1)"], environ=os.environ, terminal=terminal))
        assert held() != before
        terminal.close()
        while held() != before: time.sleep(0.01)
        assert not terminal.waiting
        terminal.write(b"to nobody")
        terminal.resize(20, 20)
    """
    subprocess.run([*python(code), str(tmp_path / "log")], check=True, timeout=PATIENCE)


# Whether it waits


@linux
@pytest.mark.parametrize(
    "code",
    [
        "input('name? ')",
        "import readline; input('name? ')",
        "import sys; sys.stdin.readline()",
        "import select, sys; select.select([sys.stdin], [], [])",
        "import selectors; s = selectors.DefaultSelector(); s.register(0, 1); s.select()",
        "import threading; t = threading.Thread(target=input); t.start(); t.join()",
        "import subprocess; subprocess.run(['cat'])",
    ],
)
def test_a_script_that_waits_for_input_is_known(terminal: Terminal, code: str) -> None:
    with running(terminal, code):
        wait_for(lambda: terminal.waiting)
        assert terminal.echo or not terminal.by_line


@linux
def test_hidden_input_is_known(terminal: Terminal) -> None:
    with running(terminal, "import getpass; getpass.getpass()") as child:
        wait_for(lambda: terminal.waiting and not terminal.echo)
        terminal.write(b"secret\n")
        child.wait(PATIENCE)
    terminal.settle()
    assert terminal.echo
    assert terminal.log and b"secret" not in terminal.log.read_bytes()


@linux
@pytest.mark.parametrize(
    "code",
    [
        "print('prompt: ', end='', flush=True); import time; time.sleep(600)",
        "import os; r, w = os.pipe(); print('x', end='', flush=True); os.read(r, 1)",
    ],
)
def test_a_script_that_waits_for_something_else_does_not_count(terminal: Terminal, code: str) -> None:
    with running(terminal, code) as child:
        wait_for(lambda: terminal.log and terminal.log.stat().st_size)
        assert terminals.waits_for(terminal.name, child.pid) is False
        assert not terminal.waiting


# The log, read


def log_of(path: Path, data: bytes) -> Log:
    path.write_bytes(data)
    return Log(path)


def test_blocks_are_all_of_the_log_in_whole_lines(tmp_path: Path) -> None:
    lines = [b"%d %s\n" % (i, b"x" * (i % 700)) for i in range(1000)]
    log = log_of(tmp_path / "log", b"".join(lines))
    read, block = b"", 0
    while (start := log.start_of(block)) < log.size:
        end = min(log.start_of(block + 1), log.size)
        assert start in (0, end) or log.read(start - 1, start) == b"\n"
        read += log.read(start, end)
        block += 1
    assert read == b"".join(lines)


def test_a_line_without_an_end_is_cut(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", b"x" * (5 * BLOCK))
    assert [log.start_of(block) for block in range(5)] == [block * BLOCK for block in range(5)]


def test_lines_are_numbered(tmp_path: Path) -> None:
    lines = [b"line %d\n" % i for i in range(30_000)]
    log = log_of(tmp_path / "log", b"".join(lines))
    assert log.number_of(log.size - 1) is None
    while not log.count_lines(0.001):
        pass
    assert log.number_of(0) == 1
    assert log.number_of(log.size - 1) == 30_000
    offset = len(b"".join(lines[:12_345]))
    assert log.number_of(offset) == 12_346
    assert log.line_before(offset + 3) == offset
    assert log.line_after(offset - 3) == offset


@pytest.mark.parametrize("text", ["line 12344", "LINE 12344"])
def test_search_finds_lines_as_they_show(tmp_path: Path, text: str) -> None:
    data = [b"\x1b[3%dmline\x1b[0m %d\r\n" % (i % 8, i) for i in range(20_000)]
    data[700] = b" 10%\r line 12344\r 100%\r\n"  # written over
    log = log_of(tmp_path / "log", b"".join(data))
    expected = [len(b"".join(data[:12_344]))] if text.islower() else []
    assert [offset for found in log.search(text) for offset in found] == expected


def test_the_pen_is_known_in_the_middle(tmp_path: Path) -> None:
    log = log_of(tmp_path / "log", b"\x1b[31mred\x1b[0m\x1b[1mbold\x1b[32mgreen\nand on")
    assert log.pen_at(log.size) == b"\x1b[0m\x1b[1m\x1b[32m"


def test_it_is_saved_as_it_shows_or_as_it_came(tmp_path: Path) -> None:
    data = b"\x1b[31m 50%\x1b[0m\r100%\r\nnext\r\n"
    log = log_of(tmp_path / "log", data)
    log.save(tmp_path / "shown", as_shown=True)
    log.save(tmp_path / "raw", as_shown=False)
    assert (tmp_path / "shown").read_bytes() == b"100%\nnext\n"
    assert (tmp_path / "raw").read_bytes() == data


def test_the_failing_line_is_that_of_the_script_itself(tmp_path: Path) -> None:
    trace = b"""Traceback (most recent call last):\r
  File "/home/ada/work.py", line 12, in <module>\r
    main()\r
  File "/home/ada/parts.py", line 3, in main\r
  File "/home/ada/.venv/lib/python3.12/site-packages/yaml/__init__.py", line 50, in load\r
yaml.YAMLError\r
"""
    assert log_of(tmp_path / "log", trace).failing_line() == ("/home/ada/parts.py", 3)
    assert log_of(tmp_path / "none", b"all is well\n").failing_line() is None


def test_plain_keeps_what_only_looks_odd() -> None:
    assert plain("ünï \x1b]0;title\x07日本\n".encode()) == "ünï 日本\n".encode()
    assert plain(b"a\rb\r\r\n" + b"x" * 1_000_000) == b"b\n" + b"x" * 1_000_000  # and soon


# Through a run of luci's own


def test_a_run_writes_into_its_terminal_and_is_recorded(luci_home: Path, tmp_path: Path) -> None:
    from luci import runs
    from luci.actions.door import perform
    from luci.config import Settings
    from luci.runner.request import RunRequest

    (tmp_path / "a.py").write_text("print('\\x1b[32mgreen\\x1b[0m'); raise SystemExit(3)")
    terminal = Terminal()
    steps = perform("run", RunRequest(str(tmp_path / "a.py"), terminal=terminal), Context(Settings()))
    with contextlib.suppress(StopIteration):
        while True:
            next(steps)
    (recorded,) = runs.all_of_them()
    assert recorded.exit_code == 3
    assert recorded.log == str(terminal.log)
    assert Path(recorded.log).read_bytes() == b"\x1b[32mgreen\x1b[0m\r\n"
    assert terminal.ended
    terminal.close()


SERVER = """
    import subprocess, sys
    serve = "import time\\nwhile True: print('served', flush=True); time.sleep(0.05)"
    print("server", subprocess.Popen([sys.executable, "-c", serve]).pid, flush=True)
"""


@linux
def test_what_a_script_leaves_running_goes_on_until_the_terminals_close(terminal: Terminal) -> None:
    ended = on(terminal, SERVER)
    assert ended.exit_code == 0 and ended.peak_bytes
    terminal.end()
    wait_for(lambda: terminal.output and terminal.output.read(0, terminal.output.size).count(b"served") > 3)
    pid = int(terminal.output.read(0, 100).split()[1]) if terminal.output else 0
    assert pid in process.left_running()
    process.hang_up()
    wait_for(lambda: pid not in process.left_running())


def test_the_peak_of_a_command_is_its_own_and_a_command_that_is_not_there_is_told(terminal: Terminal) -> None:
    ours = bytearray(200_000_000)
    small = on(terminal, "pass").peak_bytes
    large = on(terminal, "kept = bytearray(100_000_000)").peak_bytes
    assert small and large and small < 100_000_000 < large < len(ours)
    with pytest.raises(EnvError, match="could not be started"):
        list(run(["/nowhere/at/all"], environ=terminal.environ(os.environ), terminal=terminal))


@linux
def test_a_command_is_in_the_foreground_and_sees_signals_as_from_a_shell(terminal: Terminal) -> None:
    code = """
        import os, signal
        assert os.tcgetpgrp(0) == os.getpgrp() == os.getpid() != os.getsid(0)
        assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTSTP)  # nobody could wake it: it goes on
        os.kill(os.getpid(), signal.SIGUSR1)
    """
    ended = on(terminal, code)
    assert (ended.signal, ended.exit_code) == (signal.SIGUSR1, 128 + signal.SIGUSR1)
