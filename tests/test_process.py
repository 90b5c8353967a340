"""A command runs as it would without us, and ends with all its children when it must."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from luci import process
from luci.errors import EnvError
from luci.events import Ended, Event, Output
from luci.process import StdinSpool, run

PATIENCE = 60  # seconds until a test that waits for a fact is given up


def python(code: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(code)]


def ended(events: list[Event]) -> Ended:
    assert isinstance(events[-1], Ended)
    return events[-1]


def written(events: list[Event], stream: str = "stdout") -> bytes:
    text = "".join(event.text for event in events if isinstance(event, Output) and event.stream == stream)
    return text.encode("utf-8", "surrogateescape")


def captured(code: str, **options: object) -> list[Event]:
    return list(run(python(code), environ=os.environ, capture=True, **options))  # type: ignore[arg-type]


def wait_for(fact: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not fact():
        assert time.monotonic() < deadline, "the fact never came"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False


# What a command says


def test_what_is_captured_comes_apart_and_unchanged() -> None:
    events = captured("import sys; sys.stdout.buffer.write(bytes(range(256))); sys.stderr.write('ö')")
    assert written(events) == bytes(range(256))
    assert written(events, "stderr") == "ö".encode()


def test_with_a_screen_its_stderr_is_a_terminal_and_nothing_of_it_is_lost_or_changed() -> None:
    code = """
        import os, sys
        print(os.isatty(1), os.get_terminal_size(2)[:2])
        sys.stderr.write("one\\ntwo\\r\\x1b[2K" + "x" * 100_000 + "last")
    """
    events = captured(code, screen=(50, 7))
    assert written(events) == b"False (50, 7)\n"
    assert written(events, "stderr") == b"one\ntwo\r\x1b[2K" + b"x" * 100_000 + b"last"


def test_a_character_cut_in_two_stays_one() -> None:
    events = captured(
        """
        import os, time
        os.write(1, b"\\xc3"); time.sleep(0.05); os.write(1, b"\\xb6")
        """
    )
    assert "".join(e.text for e in events if isinstance(e, Output)) == "ö"


def test_ten_megabytes_arrive() -> None:
    events = captured("import sys; sys.stdout.write('0123456789abcdef' * 655360)")
    assert written(events) == b"0123456789abcdef" * 655360


def test_with_a_log_the_bytes_go_to_both(tmp_path: Path) -> None:
    script = """
        import os, sys
        from luci.process import run
        code = "import os; os.write(1, bytes(range(256)) * 9000); os.write(2, b'to the other')"
        with open(sys.argv[1], "wb") as log:
            list(run([sys.executable, "-c", code], environ=os.environ, log=log))
    """
    done = subprocess.run([*python(script), str(tmp_path / "log")], capture_output=True, timeout=PATIENCE, check=True)
    assert done.stdout == bytes(range(256)) * 9000
    assert done.stderr == b"to the other"
    log = (tmp_path / "log").read_bytes()
    assert len(log) == len(done.stdout) + len(done.stderr)
    assert b"to the other" in log


def test_a_reader_that_leaves_ends_the_writer_as_it_would_without_us(tmp_path: Path) -> None:
    script = """
        import os, sys
        from luci.process import run
        code = "while True: print('y' * 1000)"
        with open(sys.argv[1], "wb") as log:
            *_, last = run([sys.executable, "-c", code], environ=os.environ, log=log)
        sys.exit(last.exit_code)
    """
    child = subprocess.Popen(
        [*python(script), str(tmp_path / "log")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout and child.stderr
    child.stdout.read(10)
    child.stdout.close()
    assert "BrokenPipeError" in child.stderr.read()
    assert child.wait(PATIENCE) == 1
    child.stderr.close()


def test_a_log_that_cannot_be_written_costs_only_the_log() -> None:
    class Full(io.RawIOBase):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    events = captured("print('hello')", log=Full())
    assert written(events) == b"hello\n"
    assert [type(event).__name__ for event in events if not isinstance(event, Output)] == ["Warned", "Ended"]


# How it ends


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_its_exit_code_is_told(code: int) -> None:
    assert ended(captured(f"raise SystemExit({code})")).exit_code == code


def test_a_signal_that_killed_it_is_told() -> None:
    last = ended(captured("import os; os.kill(os.getpid(), 9)"))
    assert (last.exit_code, last.signal) == (137, 9)


def test_a_command_that_is_not_there_is_an_error() -> None:
    with pytest.raises(EnvError, match="could not be started"):
        list(run(["/nowhere/at-all"], environ={}))


def test_what_it_leaves_running_on_purpose_goes_on() -> None:
    events = captured(
        """
        import subprocess, sys
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
        print(child.pid)
        """
    )
    pid = int(written(events))
    assert ended(events).exit_code == 0
    assert is_alive(pid)
    os.kill(pid, signal.SIGKILL)


TREE = """
    import os, signal, subprocess, sys, time
    def note(): open(f"{sys.argv[1]}/{os.getpid()}", "w").close()
    def stubborn():
        signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.signal(signal.SIGINT, signal.SIG_IGN); note()
        time.sleep(600)
    if os.fork() == 0: stubborn()                           # a child in the group
    if os.fork() == 0: os.setsid(); stubborn()              # one in a session of its own
    if os.fork() == 0:                                      # a daemon, whose parent is gone
        os.setsid()
        if os.fork(): os._exit(0)
        stubborn()
    subprocess.Popen([sys.executable, "-c", "import os, sys, time; open(f'{sys.argv[1]}/{os.getpid()}', 'w').close();"
        "time.sleep(600)", sys.argv[1]], start_new_session=True)
    note()
    while len(os.listdir(sys.argv[1])) < 5: time.sleep(0.01)
    os.write(1, b"ready\\n")
    time.sleep(600)
"""
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells where the children went")


def pids(folder: Path) -> list[int]:
    return [int(name) for name in os.listdir(folder)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "pids").mkdir()
    yield tmp_path / "pids"
    for pid in filter(is_alive, pids(tmp_path / "pids")):
        os.kill(pid, signal.SIGKILL)


@linux
def test_a_time_out_ends_the_whole_tree(folder: Path) -> None:
    ready: list[Event] = []
    events = run([*python(TREE), str(folder)], environ=os.environ, capture=True, timeout=5)
    ready.extend(events)
    last = ended(ready)
    assert written(ready) == b"ready\n"
    assert (last.exit_code, last.timed_out) == (124, True)
    assert len(pids(folder)) == 5
    assert not any(map(is_alive, pids(folder)))


@linux
def test_stop_ends_the_whole_tree(folder: Path) -> None:
    argv = [*python(TREE), str(folder)]
    list(run(argv, environ=os.environ, capture=True, stop=lambda: len(pids(folder)) == 5))
    assert not any(map(is_alive, pids(folder)))


@linux
def test_closing_the_generator_ends_the_whole_tree(folder: Path) -> None:
    events = run([*python(TREE), str(folder)], environ=os.environ, capture=True)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert not any(map(is_alive, pids(folder)))


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_to_us_ends_the_whole_tree(folder: Path, number: int) -> None:
    luci = subprocess.Popen(
        [
            *python(
                """
                import os, sys
                from luci.process import run
                *_, last = run(sys.argv[1:], environ=os.environ)
                sys.exit(last.exit_code)
                """
            ),
            *python(TREE),
            str(folder),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert luci.stdout and luci.stdout.readline() == b"ready\n"
    luci.send_signal(number)
    assert luci.wait(PATIENCE) == 128 + number
    luci.stdout.close()
    assert not any(map(is_alive, pids(folder)))


def test_it_may_tidy_up_before_it_ends(tmp_path: Path) -> None:
    code = f"""
        import pathlib, signal, sys, time
        def tidy(*_): print("tidied"); time.sleep(0.2); sys.exit(5)
        signal.signal(signal.SIGTERM, tidy)
        pathlib.Path({str(tmp_path / "ready")!r}).touch()
        time.sleep(600)
    """
    events = captured(code, stop=(tmp_path / "ready").exists)
    assert written(events) == b"tidied\n"
    assert ended(events).exit_code == 5


def test_a_stopped_child_is_ended_too() -> None:
    events = captured("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", timeout=1)
    assert ended(events).exit_code == 124


def test_no_zombie_is_left() -> None:
    code = """
        import os, sys
        from luci.process import run
        child = "print('hello', flush=True); import time; time.sleep(600)"
        events = run([sys.executable, "-c", child], environ=os.environ, capture=True)
        next(events)
        events.close()
        try: os.waitpid(-1, os.WNOHANG)
        except ChildProcessError: print("none")
    """
    assert subprocess.run(python(textwrap.dedent(code)), capture_output=True, text=True).stdout == "none\n"


def test_it_works_beside_the_main_thread() -> None:
    heard: list[Event] = []
    thread = threading.Thread(target=lambda: heard.extend(captured("print('hello')")))
    thread.start()
    thread.join(PATIENCE)
    assert written(heard) == b"hello\n"


def test_our_own_signal_handlers_are_as_before() -> None:
    before = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    captured("pass")
    assert before == [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]


# Standard input


def test_a_closed_or_empty_stdin_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    events = captured("import sys; print(repr(sys.stdin.read()))", stdin=tmp_path / "empty")
    assert written(events) == b"''\n"


@pytest.fixture
def source() -> Iterator[tuple[int, Callable[[bytes], None]]]:
    """A pipe to read from, and a way to write all of something to it and close it."""
    reader, writer = os.pipe()

    def write(data: bytes) -> None:
        def work() -> None:
            with open(writer, "wb") as file, contextlib.suppress(BrokenPipeError):
                file.write(data)

        threading.Thread(target=work, daemon=True).start()

    yield reader, write
    os.close(reader)


DATA = bytes(range(256)) * 20_000


def test_a_second_attempt_reads_stdin_from_the_start(source: tuple[int, Callable[[bytes], None]]) -> None:
    reader, write = source
    spool = StdinSpool(reader)
    write(DATA)
    first = captured("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read(100_000))", stdin=spool)
    second = captured("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=spool)
    third = captured("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=spool)
    spool.close()
    assert written(first) == DATA[:100_000]
    assert written(second) == DATA
    assert written(third) == DATA
    assert spool.is_whole


def test_a_child_that_never_reads_does_not_keep_us(source: tuple[int, Callable[[bytes], None]]) -> None:
    reader, write = source
    spool = StdinSpool(reader)
    write(DATA)
    assert ended(captured("pass", stdin=spool)).exit_code == 0
    assert written(captured("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())", stdin=spool)) == DATA
    spool.close()


def test_a_child_that_closes_stdin_goes_on(source: tuple[int, Callable[[bytes], None]]) -> None:
    reader, write = source
    spool = StdinSpool(reader)
    write(DATA)
    assert written(captured("import os; os.close(0); print('on')", stdin=spool)) == b"on\n"
    spool.close()


def test_a_source_that_stays_silent_does_not_keep_us(source: tuple[int, Callable[[bytes], None]]) -> None:
    spool = StdinSpool(source[0])
    assert written(captured("print('done')", stdin=spool)) == b"done\n"
    spool.close()


# Terminals


def resize(fd: int, lines: int, columns: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    """A real pseudo-terminal with a process of ours in front of it, as a person would have."""

    def __init__(self, code: str, *args: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            resize(0, 24, 80)
            os.execv(sys.executable, [*python(code), *args])
        self.seen = b""

    def see(self, text: bytes) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            if not self._read():
                raise AssertionError(self.seen)

    def type(self, data: bytes) -> None:
        os.write(self.fd, data)

    def exit_code(self) -> int:
        while self._read():
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def _read(self) -> bytes:
        if not select.select([self.fd], [], [], PATIENCE)[0]:
            raise AssertionError(self.seen)
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.seen += data
        return data

    def close(self) -> None:
        os.close(self.fd)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def open_one(code: str, *args: str) -> Terminal:
        opened.append(Terminal(code, *args))
        return opened[-1]

    yield open_one
    for each in opened:
        with contextlib.suppress(OSError):
            each.close()


RUN = """
    import os, sys
    from luci.process import run
    log = open(sys.argv[1], "wb") if sys.argv[1] else None
    *_, last = run([sys.executable, "-c", sys.argv[2]], environ=os.environ, log=log)
    sys.exit(last.exit_code)
"""
ASK = "import os, sys; print([os.isatty(n) for n in (0, 1, 2)], os.get_terminal_size()[:2], input('name? '))"


@pytest.fixture(params=["straight", "logged"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "" if request.param == "straight" else str(tmp_path / "log")


# it says so when the terminal is its own: a key typed earlier is luci's
LENT = """
import os, time
while os.tcgetpgrp(0) != os.getpgrp(): time.sleep(0.01)
print("ready", flush=True)
for _ in range(6000): time.sleep(0.1)
"""


def test_the_child_has_the_terminal(terminal: Callable[..., Terminal], log: str) -> None:
    screen = terminal(RUN, log, ASK)
    screen.see(b"name? ")
    screen.type(b"ada\n")
    screen.see(b"[True, True, True] (80, 24) ada\r\n")
    assert screen.exit_code() == 0
    if log:
        assert b"(80, 24) ada\r\n" in Path(log).read_bytes()


def test_ctrl_c_is_the_childs(terminal: Callable[..., Terminal], log: str) -> None:
    code = f"try:\n{textwrap.indent(LENT, '  ')}\nexcept KeyboardInterrupt: print('mine')"
    screen = terminal(RUN, log, code)
    screen.see(b"ready")
    screen.type(b"\x03")
    screen.see(b"mine")
    assert screen.exit_code() == 0


def test_ctrl_c_ends_the_child_and_tells_so(terminal: Callable[..., Terminal], log: str) -> None:
    screen = terminal(RUN, log, LENT)
    screen.see(b"ready")
    screen.type(b"\x03")
    assert screen.exit_code() == 130
    assert b"KeyboardInterrupt" in screen.seen


def test_a_new_window_size_reaches_the_child(terminal: Callable[..., Terminal], log: str) -> None:
    code = """
import os, signal, time
changed = []
signal.signal(signal.SIGWINCH, lambda *_: changed.append(1))
print("ready", flush=True)
while os.get_terminal_size()[:2] != (100, 30) or not changed: time.sleep(0.01)
print("resized")
"""
    screen = terminal(RUN, log, code)
    screen.see(b"ready")
    resize(screen.fd, 30, 100)
    screen.see(b"resized")
    assert screen.exit_code() == 0


@linux
def test_closing_the_terminal_ends_the_whole_tree(terminal: Callable[..., Terminal], log: str, folder: Path) -> None:
    tree = f"import sys; sys.argv[1:] = [{str(folder)!r}]\n" + textwrap.dedent(TREE)
    screen = terminal(RUN, log, tree)
    screen.see(b"ready")
    screen.close()
    os.waitpid(screen.pid, 0)
    assert len(pids(folder)) == 5
    assert not any(map(is_alive, pids(folder)))


def test_the_terminal_is_as_before(terminal: Callable[..., Terminal], log: str) -> None:
    code = "import os, sys, termios, subprocess\nbefore = termios.tcgetattr(0)\n"
    after = "\nprint('same' if (before, os.getpgrp()) == (termios.tcgetattr(0), os.tcgetpgrp(0)) else 'other')"
    body = textwrap.dedent(RUN).replace("sys.exit(last.exit_code)", after.strip())
    screen = terminal(code + body, log, "print('hello')")
    screen.see(b"same")
    assert screen.exit_code() == 0


def test_ctrl_z_suspends_us_and_fg_wakes_both(terminal: Callable[..., Terminal]) -> None:
    shell = """
        import os, signal, sys
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
        status = os.waitpid(job, os.WUNTRACED)[1]
        assert os.WIFSTOPPED(status), status
        os.tcsetpgrp(0, os.getpgrp())
        print("suspended", flush=True)
        input()
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
    """
    script = "print('ready', flush=True); print('got', input()); raise SystemExit(7)"
    screen = terminal(shell, *python(RUN)[1:], "", script)
    screen.see(b"ready")
    screen.type(b"\x1a")
    screen.see(b"suspended")
    screen.type(b"fg\n")
    screen.type(b"word\n")
    screen.see(b"got word")
    assert screen.exit_code() == 7


def test_a_child_with_piped_stdin_may_still_ask_the_terminal(terminal: Callable[..., Terminal]) -> None:
    code = """
        import os, sys
        from luci.process import run
        ask = "f = open('/dev/tty'); print('asks', flush=True); print('got', f.readline())"
        *_, last = run([sys.executable, "-c", ask], environ=os.environ, stdin=os.open(os.devnull, 0))
    """
    screen = terminal(code)
    screen.see(b"asks")
    screen.type(b"secret\n")
    screen.see(b"got secret")
    assert screen.exit_code() == 0


def test_the_process_module_starts_light() -> None:
    code = "import sys, luci.process; print({'asyncio', 'rich', 'textual', 'requests'} & set(sys.modules))"
    assert process.run and subprocess.run(python(code), capture_output=True, text=True, check=True).stdout == "set()\n"
