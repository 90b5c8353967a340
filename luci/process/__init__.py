"""Run a command, yield what it writes, as it writes it, and end it with all its children for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from luci.context import never
from luci.events import Ended, Event
from luci.process.child import Child, Log
from luci.process.spool import StdinSpool
from luci.process.tree import TIMED_OUT, Ending, Tree, left_running

if TYPE_CHECKING:
    from types import FrameType

    from luci.terminals import Terminal

__all__ = ["StdinSpool", "hang_up", "kill_all", "left_running", "run"]


def run(
    argv: Sequence[str | Path],
    *,
    environ: Mapping[str, str],
    cwd: str | Path | None = None,
    stdin: int | Path | StdinSpool | None = None,
    timeout: float | None = None,
    stop: Callable[[], bool] = never,
    enough: Callable[[], bool] = never,
    capture: bool = False,
    log: Log | None = None,
    screen: tuple[int, int] | None = None,
    terminal: Terminal | None = None,
) -> Iterator[Event]:
    """Run a command; the last event is Ended. Closing the generator ends the command and all its children.

    Without `capture` the command writes where we do: straight there, or, with `log`, through us into both, over a
    pseudo-terminal where our stdout is a terminal. With `capture` it is heard as Output events only;
    with `screen`, columns and lines, its stderr is then a terminal of that size, for what is told to terminals only
    (not on Windows). With `terminal`, which has begun, it reads and writes there, and all it wrote is in the log when
    Ended comes.
    `timeout` is in seconds; `enough` kills it without a word before. SIGINT, SIGTERM and SIGHUP that reach us go to the
    command and end it.
    Raises EnvError where it cannot be started.
    """
    command = [os.fspath(word) for word in argv]
    if sys.platform == "win32":
        from luci.process.windows import run_on_windows  # elsewhere it defines nothing

        yield from run_on_windows(command, environ, cwd, stdin, timeout, stop, capture, log)
        return
    began = time.monotonic()
    ending: Ending | None = None
    timed_out = False
    with _signals_noted() as noted, Child(command, environ, cwd, stdin, capture, log, screen, terminal) as child:
        while not child.is_done(ending):
            yield from child.hear(hurry=ending is not None)
            if ending is not None:
                ending.go_on()
            elif child.exited and (noted or stop()):
                break  # only who reads our output still keeps us
            elif not child.exited:
                timed_out = timeout is not None and time.monotonic() - began >= timeout
                if enough():
                    ending = Ending(child.tree, signal.SIGKILL)
                elif timed_out or noted or stop():
                    ending = Ending(child.tree, noted[0] if noted else signal.SIGTERM)
        child.left_alone = True
        yield from child.last_words()
    killed_by = max(0, -child.popen.returncode)
    exit_code = TIMED_OUT if timed_out else 128 + killed_by if killed_by else child.popen.returncode
    yield Ended(exit_code, time.monotonic() - began, killed_by, timed_out, child.peak_bytes)


def kill_all() -> None:
    """End at once every command that this process runs, with all its children: there is no time to be polite."""
    for tree in list(Tree.running):
        tree.send(signal.SIGKILL)


def hang_up() -> None:
    """Tell what commands left running in terminals of ours that these close; it may heed that or not."""
    for pid in left_running():
        for number in (signal.SIGHUP, signal.SIGCONT):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


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
