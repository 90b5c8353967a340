"""A terminal that a run writes into: a pseudo-terminal on one side, its log on disk on the other.

A process of its own (`drain.py`) carries the bytes from one to the other, so that nothing that happens in ours
holds up the script. Whoever shows the terminal reads the log.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from luci.terminals.drain import Drain
from luci.terminals.logs import Log, keep
from luci.terminals.waits import stopped_in, waits_for

DRAIN = Path(__file__).with_name("drain.py")
LEADER = Path(__file__).with_name("leader.py")
SETTLE_SECONDS = 3.0
REVIVALS = 3
_ERASE_UTF8 = 0x4000  # IUTF8, which the termios module does not name
# what the outer terminal said of itself and its size does not hold in this one
_OUTER = {"COLUMNS", "LINES", "TERM_PROGRAM", "TERM_PROGRAM_VERSION", "TERMCAP", "TMUX", "TMUX_PANE", "STY"}
_OUTER |= {"VTE_VERSION", "KITTY_WINDOW_ID", "WT_SESSION", "KONSOLE_VERSION", "ITERM_SESSION_ID", "WEZTERM_PANE"}


def _nobody() -> None:
    pass


class Terminal:
    """Made by who shows it, written into by one run: `begin` before each attempt, `settle` after it, `end` at last.

    `grew` is called from a thread when the log has more, or `trouble` or `ended` changed.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        import termios

        self.grew: Callable[[], None] = _nobody
        self.output: Log | None = None
        self.trouble = ""  # what keeps output from the log, for a person
        self.ended = False
        self._master, self.slave = os.openpty()
        self.name = os.ttyname(self.slave)
        os.set_blocking(self._master, False)
        self._unsent = bytearray()
        self._sending = threading.Lock()
        self._asking = -1
        self._log = -1
        self._settled = threading.Event()
        self._settled.set()
        self._closing = threading.Lock()
        self._deaths = 0  # of drains
        mode: list[Any] = termios.tcgetattr(self.slave)
        mode[0] |= _ERASE_UTF8 if sys.platform == "linux" else 0
        mode[6][termios.VSUSP] = b"\0"  # nobody could wake what Ctrl-Z stops
        termios.tcsetattr(self.slave, termios.TCSANOW, mode)
        self._mode = mode
        self.columns, self.rows = 0, 0
        self.resize(columns, rows)

    @property
    def log(self) -> Path | None:
        return self.output.path if self.output else None

    # -- for the run

    def begin(self, log: Path) -> Path:
        """Get ready for an attempt; return the log, which is that of the first attempt."""
        import termios

        termios.tcsetattr(self.slave, termios.TCSANOW, self._mode)  # a crash may have left the echo off
        if self.output is None:
            self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            keep(self._log)
            self.output = Log(log)
            self._start_drain()
            self.grew()
        return self.output.path

    def environ(self, outer: Mapping[str, str]) -> dict[str, str]:
        """Return the environment for what runs here: this terminal's properties, not those of the one around it."""
        kept = {name: value for name, value in outer.items() if name not in _OUTER}
        return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}

    def led(self, command: Sequence[str], telling: int) -> list[str]:
        """Return what runs a command here as a shell would, with `slave` and `telling` open: see leader.py."""
        return [sys.executable, "-I", "-S", str(LEADER), str(self.slave), str(telling), *command]

    def say(self, text: str) -> None:
        """Write what belongs to the output of the run, as the script would have."""
        with contextlib.suppress(OSError):
            os.write(self.slave, text.encode("utf-8", "surrogateescape"))

    def settle(self) -> bool:
        """Wait until all that was written is in the log; return whether it is."""
        self._settled.clear()
        return self._ask() and self._settled.wait(SETTLE_SECONDS)

    def end(self) -> None:
        """Nothing will run here any more. The log stays readable until `close`."""
        if not self.ended:
            self.settle()
        with self._closing:
            if self.ended:
                return
            self.ended = True
            for fd in (self.slave, self._asking, self._master):
                if fd >= 0:
                    os.close(fd)
            self.slave = self._asking = self._master = -1
        self.grew()

    def close(self) -> None:
        self.end()
        if self.output:
            self.output.close()

    # -- for who shows it

    def resize(self, columns: int, rows: int) -> None:
        """Change the size; who runs in the foreground hears of it (SIGWINCH)."""
        if (columns, rows) == (self.columns, self.rows) or columns < 1 or rows < 1:
            return
        import fcntl
        import termios

        self.columns, self.rows = columns, rows
        with self._closing, contextlib.suppress(OSError):
            if not self.ended:
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def write(self, data: bytes) -> None:
        """Type. Never waits: what the other side has no room for follows when it has."""
        with self._sending:
            waiting = bool(self._unsent)
            self._unsent += data
            if not waiting and not self._send():
                self._listen("luci typing", self._send_rest)

    @property
    def echo(self) -> bool:
        """Whether what is typed shows. For `getpass` it does not; what reads single keys shows them itself."""
        local = self._local_modes()
        return local is None or bool(local[0] or not local[1])

    @property
    def by_line(self) -> bool:
        """Whether typing goes to the program a line at a time, as for `input()`; else each key, as for an editor."""
        local = self._local_modes()
        return local is None or bool(local[1])

    @property
    def waiting(self) -> bool:
        """Whether the program in the foreground waits for what a person types.

        Known for certain on Linux. Elsewhere, or where the kernel does not tell, it is taken to wait when its output
        rests in the middle of a line: as prompts do.
        """
        group = self._foreground()
        known = waits_for(self.name, group) if group > 0 else False
        return self._rests_within_a_line() if known is None else known

    @property
    def stopped(self) -> bool:
        """Whether what runs in the foreground was stopped (SIGSTOP) and goes on only when it is woken. Linux only."""
        group = self._foreground()
        return group > 0 and bool(stopped_in(group))

    def wake(self) -> None:
        """Let what was stopped go on."""
        group = self._foreground()
        for pid in stopped_in(group) if group > 0 else ():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)

    def _foreground(self) -> int:
        """Return the process group that has the terminal; 0 where none does."""
        with self._closing, contextlib.suppress(OSError):
            return 0 if self.ended else os.tcgetpgrp(self._master)
        return 0

    def _rests_within_a_line(self) -> bool:
        if not self.output or not (size := self.output.size):
            return False
        return self.output.read(size - 1, size) not in (b"\n", b"\r")

    def _local_modes(self) -> tuple[int, int] | None:
        import termios

        with self._closing:
            if self.ended:
                return None
            try:
                local = termios.tcgetattr(self.slave)[3]
            except termios.error:
                return None
        return local & termios.ECHO, local & termios.ICANON

    def _send(self) -> bool:
        """Write what is unsent as far as it goes; return whether all of it is gone."""
        with self._closing:
            while self._unsent and not self.ended:
                try:
                    del self._unsent[: os.write(self._master, self._unsent)]
                except BlockingIOError:
                    return False
                except OSError:
                    break
            self._unsent.clear()
        return True

    def _send_rest(self) -> None:
        sent = False
        while not sent:
            poll = select.poll()
            poll.register(self._master, select.POLLOUT)
            poll.poll(100)
            with self._sending:
                sent = self._send()

    # -- the drain

    def _start_drain(self) -> None:
        hearing, telling, asked = self._pipes()
        theirs = (self._master, self._log, telling, asked)
        try:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(DRAIN), *map(str, theirs)],
                pass_fds=theirs,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # what is meant for our group is not meant for it
            )
        except OSError:  # no process can be had: a thread of ours must do
            for fd in (hearing, self._asking):
                os.close(fd)
            self._drain_ourselves()
        else:
            self._listen("luci terminal", self._hear, hearing, process)
        finally:
            os.close(telling)
            os.close(asked)

    def _drain_ourselves(self) -> None:
        hearing, telling, asked = self._pipes()

        def work(master: int, log: int) -> None:
            Drain(master, log, telling, asked).run()
            for fd in (master, log, telling, asked):
                os.close(fd)

        self.trouble = "The process that writes the log cannot be had: a busy screen may hold up the script."
        self._listen("luci drain", work, os.dup(self._master), os.dup(self._log))
        self._listen("luci terminal", self._hear, hearing, None)

    def _pipes(self) -> tuple[int, int, int]:
        """Return where a drain is heard, where it tells, and where it is asked."""
        hearing, telling = os.pipe()
        asked, self._asking = os.pipe()
        os.set_blocking(telling, False)
        return hearing, telling, asked

    def _listen(self, name: str, work: Callable[..., None], *arguments: object) -> None:
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()

    def _ask(self) -> bool:
        with self._closing:
            if self._asking < 0:
                return False
            with contextlib.suppress(OSError):
                os.write(self._asking, b"s")
        return True

    def _hear(self, hearing: int, process: subprocess.Popen[bytes] | None) -> None:
        """Listen to a drain until it is gone."""
        rest = b""
        while words := os.read(hearing, 4096):
            *lines, rest = (rest + words).split(b"\n")
            for line in lines:
                if line == b"settled":
                    self._settled.set()
                elif line.startswith(b"lost "):
                    _, number, lost = line.split()
                    self.trouble = f"{int(lost):,} bytes of the output are lost: {os.strerror(int(number)).lower()}."
            self.grew()
        os.close(hearing)
        if process:
            process.wait()
        self._replace_drain()
        self.grew()

    def _replace_drain(self) -> None:
        with self._closing:
            if self.ended:
                os.close(self._log)
                return
            os.close(self._asking)
            self._deaths += 1
            self.trouble = "The process that writes the log was ended; another has taken over."
            if self._deaths <= REVIVALS:
                self._start_drain()
            else:
                self._drain_ourselves()
        if not self._settled.is_set():
            self._ask()
