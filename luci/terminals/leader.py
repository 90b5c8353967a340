"""Run a command as a shell would: a session leader that stays out of its way, and is there when it ends.

Were the command itself the leader of its session, its end would hang up the terminal for all that it left running: a
server that it started would be ended with it, which no terminal that a person knows does. The leader is also as small
as a process of Python can be, so that what the kernel counts of the command's memory is not that of a fork of ours.

Run as its own session, with a terminal and a pipe to tell through, then the command. It tells, a line each:
`failed ERRNO` where the command cannot be started, else `started`; then `peak BYTES`. It ends as the command ended.
"""

from __future__ import annotations

import os
import signal
import sys

DEAF = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
PYTHONS_OWN = (signal.SIGPIPE, signal.SIGXFSZ)  # which this interpreter ignores, and its children should not
UNIT = 1 if sys.platform == "darwin" else 1024  # what a process's peak is counted in: see getrusage(2)


def lead(terminal: int, telling: int, command: list[str]) -> int:
    """Run the command; return its status as waitpid tells it."""
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for fd in (terminal, telling):
        os.set_inheritable(fd, False)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in DEAF}
    hearing, failing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpid())  # SIGTTOU is ignored: this is still the background
        for number in PYTHONS_OWN:
            signal.signal(number, signal.SIG_DFL)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if handler is signal.SIG_IGN else signal.SIG_DFL)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            os.write(failing, str(error.errno).encode("ascii"))
            os._exit(127)
    os.close(failing)
    failed = os.read(hearing, 64)
    tell(telling, b"failed " + failed if failed else b"started")
    while True:
        _, status, used = os.wait4(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            break
        if os.WSTOPSIG(status) != signal.SIGSTOP:  # here nobody could wake it
            os.tcsetpgrp(terminal, child)
            os.killpg(child, signal.SIGCONT)
    os.tcsetpgrp(terminal, os.getpgrp())  # what it left running is in the background: our end does not concern it
    tell(telling, b"peak %d" % (used.ru_maxrss * UNIT))
    return status


def tell(telling: int, words: bytes) -> None:
    try:
        os.write(telling, words + b"\n")
    except BrokenPipeError:  # who started us is gone
        pass


def end_as(status: int) -> None:
    """End with a command's exit code, or by the signal that ended it."""
    if os.WIFSIGNALED(status):
        import resource

        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        os._exit(128 + number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    end_as(lead(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
