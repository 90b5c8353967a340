"""A running command: its process, the streams we stand between, the terminal it was lent."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from luci.errors import EnvError
from luci.events import Event, Output, Warned
from luci.process import peaks
from luci.process.spool import StdinSpool
from luci.process.streams import ENDS, Stream, wait_for
from luci.process.terminal import Pty, Terminal, blank_screen
from luci.process.tree import GRACE_SECONDS, MARK, TICK_SECONDS, Ending, Tree

if TYPE_CHECKING:
    from luci import terminals

QUIET_SECONDS = 0.05  # a terminal hands on what was written to it a moment later


class Log(Protocol):
    """What keeps a copy of what passes through us: a binary file, or whatever takes bytes as one."""

    def write(self, data: bytes, /) -> object: ...

    def flush(self) -> object: ...


class Child:
    """A running command: its process, the streams we stand between, the terminal it was lent."""

    def __init__(
        self,
        argv: list[str],
        environ: Mapping[str, str],
        cwd: str | Path | None,
        stdin: int | Path | StdinSpool | None,
        capture: bool,
        log: Log | None,
        screen: tuple[int, int] | None,
        given: terminals.Terminal | None,
    ) -> None:
        self.stdin, self.capture, self.log, self.given = stdin, capture, log, given
        self.screen = screen if capture else None
        self.streams: list[Stream] = []
        self.exited = self.idle = self.left_alone = False
        self.ended_at = 0.0
        self.pidfd = -1
        self.peak_bytes: int | None = None
        self.stack = contextlib.ExitStack()
        with contextlib.ExitStack() as undo:
            undo.push(self.stack)
            self._start(argv, environ, cwd)
            undo.pop_all()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if not self.left_alone:
                self._end()
            elif self.given:
                Tree.ended.append(self.tree)
        finally:
            self.stack.close()

    def _start(self, argv: list[str], environ: Mapping[str, str], cwd: str | Path | None) -> None:
        import subprocess  # 5 ms, which a run that luci does not watch need not pay

        through_us = self.log is not None and not self.capture and not self.given
        self.pty = Pty(self.stack) if through_us and os.isatty(1) else None
        session = self.given or self.pty  # a terminal of its own is the middle of a session of its own
        token = os.urandom(8).hex()
        self.ours = peaks.own()
        with contextlib.ExitStack() as theirs:  # descriptors that are the child's alone once it runs
            if self.pty:
                theirs.callback(os.close, self.pty.slave)
            command, passed = argv, []
            if self.given:
                hearing, telling = os.pipe()
                self.leader = self.stack.enter_context(os.fdopen(hearing, encoding="ascii"))
                theirs.callback(os.close, telling)
                command, passed = self.given.led(argv, telling), [self.given.slave, telling]
            try:
                self.popen = subprocess.Popen(
                    command,
                    env={**environ, MARK: f"{environ.get(MARK, '')}:{token}"},
                    cwd=cwd,
                    stdin=self._stdin(theirs),
                    stdout=self._output(1, theirs),
                    stderr=self._output(2, theirs),
                    process_group=None if session else 0,
                    start_new_session=session is not None,
                    preexec_fn=self.pty.take_control if self.pty else None,
                    pass_fds=passed,
                )
            except OSError as error:
                raise EnvError(f"{argv[0]} could not be started.", cause=str(error)) from error
        if self.given and (failed := self._told("failed")):
            self.popen.wait()
            raise EnvError(f"{argv[0]} could not be started.", cause=os.strerror(failed))
        self.tree = Tree(self.popen.pid, token)
        Tree.running.add(self.tree)
        self.stack.callback(Tree.running.discard, self.tree)
        self.terminal = None if session else Terminal.in_our_hands(self.stack)
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
        if self.stdin is None and self.given:
            return self.given.slave
        if self.stdin is None and self.pty and os.isatty(0):
            if self.pty.in_foreground:
                self.streams.append(Stream("stdin", 0, self.pty.master))
            return self.pty.slave
        return self.stdin

    def _output(self, fd: int, theirs: contextlib.ExitStack) -> int | None:
        if self.given:
            return self.given.slave
        if not self.capture and self.log is None:
            return None
        if self.pty and os.isatty(fd):
            if fd == 1:
                self.streams.append(Stream("stdout", self.pty.master, 1))
            return self.pty.slave
        ours, childs = blank_screen(*self.screen) if self.screen and fd == 2 else os.pipe()
        theirs.callback(os.close, childs)
        stream = Stream("stdout" if fd == 1 else "stderr", ours, None if self.capture else fd, owned=True)
        self.stack.callback(stream.shut)
        self.streams.append(stream)
        return childs

    def _end(self) -> None:
        """End the command, hearing nothing more of it."""
        ending = Ending(self.tree, signal.SIGTERM)
        while not (self.exited and ending.is_over()) and not ending.has_given_up():
            ending.go_on()
            self.notice()
            wait_for({}, TICK_SECONDS / 5)

    def is_done(self, ending: Ending | None) -> bool:
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
        ready = wait_for(wanted, self._patience(hurry))
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

    def _is_heard(self) -> bool:
        """Whether somebody still holds the other end of a stream."""
        return any(stream.open for stream in self.streams)

    def _patience(self, hurry: bool) -> float:
        if self.exited and not hurry and not self._is_waiting():
            return QUIET_SECONDS if self.pty or (self.screen and self._is_heard()) else 0
        return TICK_SECONDS / 5 if hurry or self.pidfd < 0 else TICK_SECONDS

    def _said(self, stream: Stream, data: bytes) -> Iterator[Event]:
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
        if self.given:
            self.given.settle()
        for stream in self.streams:
            if self.capture and (text := stream.decoder.decode(b"", final=True)):
                yield Output(stream.name, text)

    def _told(self, what: str) -> int:
        """Return the number that the leader of the command's session tells next, 0 where it tells something else."""
        word, _, number = self.leader.readline().partition(" ")
        return int(number) if word == what else 0

    def notice(self) -> None:
        """See whether the child ended or was stopped."""
        if self.exited:
            return
        self.ended_at = time.monotonic()
        try:
            pid, status, used = os.wait4(self.popen.pid, os.WNOHANG)
        except ChildProcessError:  # who ignores SIGCHLD never hears of an end
            self.exited, self.popen.returncode = True, 0
            return
        if pid:
            self.exited, self.popen.returncode = True, os.waitstatus_to_exitcode(status)
            counted = peaks.of(used, self.ours) or self.peak_bytes
            self.peak_bytes = (self._told("peak") or None) if self.given else counted
        elif not self.given:
            self.peak_bytes = peaks.now(self.popen.pid) or self.peak_bytes
        if not self.exited and self.terminal and hasattr(os, "waitid"):
            try:
                change = os.waitid(os.P_PID, self.popen.pid, os.WSTOPPED | os.WNOHANG)
            except ChildProcessError:  # it ended in this very moment
                return
            if change is not None:
                self.terminal.on_stop(self.popen.pid, change.si_status)
