"""Run a command, yield what it writes, as it writes it, and end it with all its children for certain."""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

from luci.context import never
from luci.errors import EnvError
from luci.events import Ended, Event, Output, Warned

if TYPE_CHECKING:
    import queue
    import subprocess
    from types import FrameType

GRACE_SECONDS = 2.0  # between asking processes to end and making them
STUCK_SECONDS = 5.0  # what SIGKILL has not ended by then is held by the kernel
TICK_SECONDS = 0.1
QUIET_SECONDS = 0.05  # a terminal hands on what was written to it a moment later
CHUNK = 65536
ENDS = 0x38  # POLLERR, POLLHUP and POLLNVAL, which poll tells unasked
TIMED_OUT = 124
MARK = "LUCI_TREE"  # in the environment of the child, and so of all that descends from it


def run(
    argv: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: int | Path | StdinSpool | None = None,
    timeout: float | None = None,
    stop: Callable[[], bool] = never,
    capture: bool = False,
    log: BinaryIO | None = None,
) -> Iterator[Event]:
    """Run a command; the last event is Ended. Closing the generator ends the command and all its children.

    Without `capture` the command writes where we do: straight there, or, with `log`, through us into both, over a
    pseudo-terminal where our stdout is a terminal. With `capture` it is heard as Output events only.
    `timeout` is in seconds. SIGINT, SIGTERM and SIGHUP that reach us go to the command and end it.
    Raises EnvError where it cannot be started.
    """
    command = [os.fspath(word) for word in argv]
    if sys.platform == "win32":
        yield from _run_on_windows(command, environ, cwd, stdin, timeout, stop, capture, log)
        return
    began = time.monotonic()
    ending: _Ending | None = None
    timed_out = False
    with _signals_noted() as noted, _Child(command, environ, cwd, stdin, capture, log) as child:
        while not child.is_done(ending):
            yield from child.hear(hurry=ending is not None)
            if ending is not None:
                ending.go_on()
            elif child.exited and (noted or stop()):
                break  # only who reads our output still keeps us
            elif not child.exited:
                timed_out = timeout is not None and time.monotonic() - began >= timeout
                if timed_out or noted or stop():
                    ending = _Ending(child.tree, noted[0] if noted else signal.SIGTERM)
        child.left_alone = True
        yield from child.last_words()
    killed_by = max(0, -child.popen.returncode)
    exit_code = TIMED_OUT if timed_out else 128 + killed_by if killed_by else child.popen.returncode
    yield Ended(exit_code, time.monotonic() - began, killed_by, timed_out)


@contextlib.contextmanager
def _signals_noted() -> Iterator[list[int]]:
    """Note the signals that ask us to end, instead of ending at once. Only the main thread can."""
    noted: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(number)

    earlier = {}
    if threading.current_thread() is threading.main_thread():
        asked = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        earlier = {number: handler for number, handler in asked.items() if handler not in (signal.SIG_IGN, None)}
    for number in earlier:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _Child:
    """A running command: its process, the streams we stand between, the terminal it was lent."""

    def __init__(
        self,
        argv: list[str],
        environ: Mapping[str, str],
        cwd: str | Path | None,
        stdin: int | Path | StdinSpool | None,
        capture: bool,
        log: BinaryIO | None,
    ) -> None:
        self.stdin, self.capture, self.log = stdin, capture, log
        self.streams: list[_Stream] = []
        self.exited = self.idle = self.left_alone = False
        self.ended_at = 0.0
        self.pidfd = -1
        self.stack = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.push(self.stack)
            self._start(argv, environ, cwd)
            undo.pop_all()

    def __enter__(self) -> _Child:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.left_alone:
                _Ending(self.tree, signal.SIGTERM).wait(self)
        finally:
            self.stack.close()

    def _start(self, argv: list[str], environ: Mapping[str, str], cwd: str | Path | None) -> None:
        import subprocess  # 5 ms, which a run that luci does not watch need not pay

        through_us = self.log is not None and not self.capture
        self.pty = _Pty(self.stack) if through_us and os.isatty(1) else None
        token = os.urandom(8).hex()
        with contextlib.ExitStack() as theirs:  # descriptors that are the child's alone once it runs
            if self.pty:
                theirs.callback(os.close, self.pty.slave)
            try:
                self.popen = subprocess.Popen(
                    argv,
                    env={**environ, MARK: f"{environ.get(MARK, '')}:{token}"},
                    cwd=cwd,
                    stdin=self._stdin(theirs),
                    stdout=self._output(1, theirs),
                    stderr=self._output(2, theirs),
                    process_group=None if self.pty else 0,
                    start_new_session=self.pty is not None,
                    preexec_fn=self.pty.take_control if self.pty else None,
                )
            except OSError as error:
                raise EnvError(f"{argv[0]} could not be started.", cause=str(error)) from error
        self.tree = _Tree(self.popen.pid, token)
        self.terminal = None if self.pty else _Terminal.in_our_hands(self.stack)
        if self.terminal and self.stdin is None and os.isatty(0):
            self.terminal.lend(self.popen.pid)
        with contextlib.suppress(AttributeError, OSError):  # Linux 5.3; elsewhere the tick notices the end
            self.pidfd = os.pidfd_open(self.popen.pid)
            self.stack.callback(os.close, self.pidfd)

    def _stdin(self, theirs: contextlib.ExitStack) -> int | None:
        if isinstance(self.stdin, Path):
            return theirs.enter_context(self.stdin.open("rb")).fileno()
        if isinstance(self.stdin, StdinSpool):
            fd = self.stdin.attach()
            self.stack.callback(self.stdin.detach)
            theirs.callback(os.close, fd)
            return fd
        if self.stdin is None and self.pty and os.isatty(0):
            if self.pty.in_foreground:
                self.streams.append(_Stream("stdin", 0, self.pty.master))
            return self.pty.slave
        return self.stdin

    def _output(self, fd: int, theirs: contextlib.ExitStack) -> int | None:
        if not self.capture and self.log is None:
            return None
        if self.pty and os.isatty(fd):
            if fd == 1:
                self.streams.append(_Stream("stdout", self.pty.master, 1))
            return self.pty.slave
        ours, childs = os.pipe()
        theirs.callback(os.close, childs)
        stream = _Stream("stdout" if fd == 1 else "stderr", ours, None if self.capture else fd, owned=True)
        self.stack.callback(stream.shut)
        self.streams.append(stream)
        return childs

    def is_done(self, ending: _Ending | None) -> bool:
        """Whether the command ended, and nothing that it wrote is on its way; what it left running may go on."""
        if ending is None or not self.exited:
            return self.exited and self.idle
        return ending.is_over() and (self.idle or time.monotonic() - self.ended_at > GRACE_SECONDS)

    def hear(self, *, hurry: bool) -> Iterator[Event]:
        """Wait a moment for something to happen, and hand on what was written."""
        wanted = {self.pidfd: select.POLLIN} if self.pidfd >= 0 and not self.exited else {}
        for stream in self.streams:
            fd, event = stream.waits_for()
            wanted[fd] = wanted.get(fd, 0) | event
        ready = _ready(wanted, self._patience(hurry))
        was_exited, active = self.exited, False
        for stream in self.streams:
            fd, event = stream.waits_for()
            if event and ready.get(fd, 0) & (event | ENDS):
                active = active or stream.name != "stdin"
                yield from self._said(stream, stream.move())
        self.idle = was_exited and not active and not self._is_waiting()
        self.notice()
        if self.pty:
            self.pty.follow_size()

    def _is_waiting(self) -> bool:
        """Whether something was read that its reader has not taken."""
        return any(stream.pending for stream in self.streams if stream.name != "stdin")

    def _patience(self, hurry: bool) -> float:
        if self.exited and not hurry and not self._is_waiting():
            return QUIET_SECONDS if self.pty else 0
        return TICK_SECONDS / 5 if hurry or self.pidfd < 0 else TICK_SECONDS

    def _said(self, stream: _Stream, data: bytes) -> Iterator[Event]:
        if not data or stream.name == "stdin":
            return
        if self.log is not None:
            try:
                self.log.write(data)
                self.log.flush()
            except OSError as error:
                self.log = None
                yield Warned("The log of this run is not complete.", hint=str(error))
        if self.capture and (text := stream.decoder.decode(data)):
            yield Output(stream.name, text)

    def last_words(self) -> Iterator[Event]:
        for stream in self.streams:
            if self.capture and (text := stream.decoder.decode(b"", final=True)):
                yield Output(stream.name, text)

    def notice(self) -> None:
        """See whether the child ended or was stopped."""
        if self.exited:
            return
        self.exited = self.popen.poll() is not None
        self.ended_at = time.monotonic()
        if not self.exited and self.terminal and hasattr(os, "waitid"):
            change = os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WNOHANG)
            if change is not None:
                self.terminal.on_stop(self.popen.pid, change.si_status)


def _ready(wanted: dict[int, int], seconds: float) -> dict[int, int]:
    poll = select.poll()
    for fd, events in wanted.items():
        if events:
            poll.register(fd, events)
    return dict(poll.poll(seconds * 1000))


class _Stream:
    """Bytes on their way from one descriptor to another, in pieces that do not block where the reader is slow."""

    def __init__(self, name: str, source: int, sink: int | None, *, owned: bool = False) -> None:
        self.name, self.source, self.sink, self.owned = name, source, sink, owned
        self.open = True
        self.pending = b""
        self.decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def waits_for(self) -> tuple[int, int]:
        if self.pending and self.sink is not None:
            return self.sink, select.POLLOUT
        return self.source, select.POLLIN if self.open else 0

    def move(self) -> bytes:
        """Write a piece of what is pending, else read more; returns what was read."""
        if self.pending and self.sink is not None:
            self._write(self.sink)
            return b""
        try:
            data = os.read(self.source, CHUNK)
        except BlockingIOError:
            return b""
        except OSError:  # how Linux says that the other side of a terminal is gone
            data = b""
        if not data:
            self.shut()
        elif self.sink is not None:
            self.pending = data
        return data

    def _write(self, sink: int) -> None:
        try:
            self.pending = self.pending[os.write(sink, self.pending[: select.PIPE_BUF]) :]
        except BlockingIOError:
            return
        except OSError:  # nobody reads it any more: the child must learn that as it would from its own stdout
            self.pending, self.sink = b"", None
            if self.owned:
                self.shut()

    def shut(self) -> None:
        self.open = False
        if self.owned:
            self.owned = False
            os.close(self.source)


class _Tree:
    """A process, its group, and on Linux all that descends from it, wherever it went."""

    def __init__(self, root: int, token: str) -> None:
        self.root, self.token = root, token.encode()

    def send(self, number: int) -> None:
        """Signal every member, once: a second SIGTERM would break into the tidying up that the first one began."""
        members = self.members()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.root, number)
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self.root:
                    os.kill(pid, number)

    def members(self) -> set[int]:
        """Return the living: the group's, children's children, and those that carry our mark."""
        processes = dict(_processes())
        if not processes:
            return {self.root} if self._group_lives() else set()
        found = {pid for pid, (_, group, session) in processes.items() if self.root in (pid, group, session)}
        found |= {pid for pid in processes.keys() - found if self.token in _told(pid, "environ")}
        while more := {pid for pid, (parent, _, _) in processes.items() if parent in found} - found:
            found |= more
        return found - {os.getpid()}

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.root, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def _processes() -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Yield (pid, (parent, group, session)) of all that live and are no zombies; nothing where there is no /proc."""
    with contextlib.suppress(FileNotFoundError), os.scandir("/proc") as entries:
        for name in (entry.name for entry in entries if entry.name.isdecimal()):
            if stat := _told(name, "stat"):
                state, parent, group, session = stat.rpartition(b")")[2].split()[:4]
                if state not in b"ZX":
                    yield int(name), (int(parent), int(group), int(session))


def _told(pid: int | str, what: str) -> bytes:
    """Return what the kernel tells of a process; nothing where it is gone, or another person's."""
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read()
    except OSError:
        return b""


class _Ending:
    """The way from a polite signal to SIGKILL, a step at a time."""

    def __init__(self, tree: _Tree, first: int) -> None:
        self.tree = tree
        self.steps = list(dict.fromkeys([first, signal.SIGTERM, signal.SIGKILL]))
        self.next_at = 0.0
        self.give_up_at = float("inf")

    def go_on(self) -> None:
        now = time.monotonic()
        if now < self.next_at:
            return
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.tree.send(step)
        if step == signal.SIGKILL:
            self.give_up_at = min(self.give_up_at, now + STUCK_SECONDS)
            self.next_at = now + TICK_SECONDS  # again and again: some may have forked meanwhile
        else:
            self.tree.send(signal.SIGCONT)  # who is stopped hears nothing
            self.next_at = now + GRACE_SECONDS

    def is_over(self) -> bool:
        return not self.tree.members() or time.monotonic() > self.give_up_at

    def wait(self, child: _Child) -> None:
        """Go all the way, hearing nothing more."""
        while not (child.exited and self.is_over()) and time.monotonic() < self.give_up_at:
            self.go_on()
            child.notice()
            _ready({}, TICK_SECONDS / 5)


class _Terminal:
    """Our controlling terminal, while it is ours to lend."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lent = False

    @classmethod
    def in_our_hands(cls, stack: contextlib.ExitStack) -> _Terminal | None:
        try:
            fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
        except OSError:
            return None
        stack.callback(os.close, fd)
        terminal = cls(fd)
        if not terminal.is_ours():
            return None
        stack.callback(terminal.take_back)
        return terminal

    def is_ours(self) -> bool:
        return _in_foreground(self.fd)

    def lend(self, group: int) -> None:
        self._give(group)
        self.lent = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGCONT)  # it may have wanted to read before the terminal was its own

    def take_back(self) -> None:
        if self.lent:
            self._give(os.getpgrp())
            self.lent = False

    def _give(self, group: int) -> None:
        # from the background, which is where lending has put us, this sends SIGTTOU and stops us
        earlier = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        with contextlib.suppress(OSError):  # the group or the terminal is gone
            os.tcsetpgrp(self.fd, group)
        signal.pthread_sigmask(signal.SIG_SETMASK, earlier)

    def on_stop(self, child: int, number: int) -> None:
        """Ctrl-Z suspends us with the child, and `fg` wakes both; who was stopped for reading the terminal gets it."""
        if number in (signal.SIGTTIN, signal.SIGTTOU):
            if self.lent or self.is_ours():
                self.lend(child)
            return
        was_lent = self.lent
        self.take_back()
        os.kill(0, signal.SIGTSTP)
        if was_lent and self.is_ours():
            self.lend(child)
        else:
            os.killpg(child, signal.SIGCONT)


class _Pty:
    """A terminal for the child that looks like ours, and ours made transparent."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        import termios
        import tty

        self.master, self.slave = os.openpty()
        stack.callback(os.close, self.master)
        os.set_blocking(self.master, False)
        self.in_foreground = _in_foreground(1)
        self.size = b""
        self.follow_size()
        mode = termios.tcgetattr(1)
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)
        if not self.in_foreground:
            return
        stack.callback(termios.tcsetattr, 1, termios.TCSADRAIN, mode)
        if os.isatty(0):
            tty.setraw(0, termios.TCSADRAIN)
        else:
            clear: list[int | list[bytes | int]] = list(mode)
            clear[1] = mode[1] & ~termios.OPOST  # the child's terminal has done it
            termios.tcsetattr(1, termios.TCSADRAIN, clear)

    def take_control(self) -> None:
        """In the child, before it becomes the command."""
        import fcntl
        import termios

        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)

    def follow_size(self) -> None:
        import fcntl
        import termios

        with contextlib.suppress(OSError):
            size = fcntl.ioctl(1, termios.TIOCGWINSZ, bytes(8))
            if size != self.size:
                fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)
                self.size = size


def _in_foreground(fd: int) -> bool:
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False


class StdinSpool:
    """Our piped standard input, kept as it is read, so that a second attempt can have it from the start.

    No more is read than the child has room for. `is_whole` says whether all that was read is still here;
    a full disk makes it False, and what is read from then on goes to the child only. Not on Windows.
    """

    def __init__(self, source: int = 0) -> None:
        import tempfile  # 6 ms

        self.source = source
        self.kept = tempfile.TemporaryFile()  # noqa: SIM115
        self.size = 0
        self.is_whole = True
        self.ended = False
        self.feeding: tuple[threading.Thread, int] | None = None

    def attach(self) -> int:
        """Return a descriptor that reads everything from the start; the caller closes it, `detach` ends the feeding."""
        self.detach()
        reader, writer = os.pipe()
        woken, waker = os.pipe()
        os.set_blocking(writer, False)
        thread = threading.Thread(target=self._feed, args=(writer, woken), daemon=True)
        self.feeding = thread, waker
        thread.start()
        return reader

    def detach(self) -> None:
        if self.feeding is not None:
            thread, waker = self.feeding
            os.close(waker)
            thread.join()
            self.feeding = None

    def close(self) -> None:
        self.detach()
        self.kept.close()

    def _feed(self, writer: int, woken: int) -> None:
        try:
            for piece in self._pieces(writer, woken):
                while piece:
                    if woken in _ready({writer: select.POLLOUT, woken: select.POLLIN}, 3600):
                        return
                    with contextlib.suppress(BlockingIOError):
                        piece = piece[os.write(writer, piece) :]
        except BrokenPipeError:  # the child wants no more of it; another may
            pass
        finally:
            os.close(writer)
            os.close(woken)

    def _pieces(self, writer: int, woken: int) -> Iterator[bytes]:
        """Yield what was kept, then what comes, until it ends, or the child or we want no more."""
        at = 0
        while True:
            if at < self.size:
                piece = os.pread(self.kept.fileno(), CHUNK, at)
                at += len(piece)
                yield piece
                continue
            if self.ended:
                return
            ready = _ready({self.source: select.POLLIN, woken: select.POLLIN, writer: select.POLLERR}, 3600)
            if woken in ready or writer in ready:
                return
            if self.source in ready:
                data = os.read(self.source, CHUNK)
                self.ended = not data
                if not self._keep(data):
                    yield data

    def _keep(self, data: bytes) -> bool:
        if self.is_whole:
            try:
                os.pwrite(self.kept.fileno(), data, self.size)
                self.size += len(data)
            except OSError:
                self.is_whole = False
        return self.is_whole


if sys.platform == "win32":

    def _run_on_windows(
        command: list[str],
        environ: Mapping[str, str],
        cwd: str | Path | None,
        stdin: int | Path | StdinSpool | None,
        timeout: float | None,
        stop: Callable[[], bool],
        capture: bool,
        log: BinaryIO | None,
    ) -> Iterator[Event]:
        """As `run`, with a thread for each pipe, since poll is not there. Not tested: no Windows was at hand."""
        import queue
        import subprocess

        began = time.monotonic()
        said: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        pipe = subprocess.PIPE if capture or log is not None else None
        with contextlib.ExitStack() as stack:
            fd = stdin.source if isinstance(stdin, StdinSpool) else stdin
            popen = subprocess.Popen(
                command,
                env=environ,
                cwd=cwd,
                stdin=stack.enter_context(fd.open("rb")) if isinstance(fd, Path) else fd,
                stdout=pipe,
                stderr=pipe,
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )
            stack.callback(_end_on_windows, popen)
            streams = {"stdout": popen.stdout, "stderr": popen.stderr}
            decoders = {name: codecs.getincrementaldecoder("utf-8")("surrogateescape") for name in streams}
            for name, file in streams.items():
                if file is not None:
                    threading.Thread(target=_listen, args=(name, file, said), daemon=True).start()
            timed_out = False
            while True:
                running = popen.poll() is None
                timed_out = timed_out or (running and timeout is not None and time.monotonic() - began >= timeout)
                if running and (timed_out or stop()):
                    _end_on_windows(popen)
                try:
                    name, data = said.get(timeout=TICK_SECONDS)
                except queue.Empty:
                    if running:
                        continue
                    break
                if log is not None:
                    log.write(data)
                if capture:
                    yield Output(name, decoders[name].decode(data))
                else:
                    os.write(1 if name == "stdout" else 2, data)
            yield Ended(TIMED_OUT if timed_out else popen.returncode, time.monotonic() - began, 0, timed_out)

    def _listen(name: str, file: IO[bytes], said: queue.SimpleQueue[tuple[str, bytes]]) -> None:
        while data := os.read(file.fileno(), CHUNK):
            said.put((name, data))

    def _end_on_windows(popen: subprocess.Popen[bytes]) -> None:
        import subprocess

        if popen.poll() is None:
            subprocess.run(["taskkill", "/T", "/F", "/PID", str(popen.pid)], capture_output=True, check=False)
            popen.wait()
