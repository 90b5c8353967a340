"""Our terminal: lent to a command, or played to it by a pseudo-terminal of its own."""

from __future__ import annotations

import contextlib
import os
import signal


class Terminal:
    """Our controlling terminal, while it is ours to lend."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lent = False

    @classmethod
    def in_our_hands(cls, stack: contextlib.ExitStack) -> Terminal | None:
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


class Pty:
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


def blank_screen(columns: int, lines: int) -> tuple[int, int]:
    """Return both sides of a terminal that is nobody's, the reader's first; it hands on bytes as they are written.

    A pipe where the system has no terminal to give.
    """
    import termios
    import tty

    try:
        reader, writer = os.openpty()
    except OSError:
        return os.pipe()
    tty.setraw(writer)
    termios.tcsetwinsize(writer, (lines, columns))
    return reader, writer


def _in_foreground(fd: int) -> bool:
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return False
