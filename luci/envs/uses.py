"""Who uses an environment: a marker for each process, written by it before it starts the environment's Python.

A user writes its marker and then looks whether the environment is still published; a remover unpublishes and then
looks for markers. Whichever comes second sees the other, so no moment between them is uncovered.

A marker is named by the process's number. It holds when that process began, in the kernel's ticks since the machine
started, so that a later process of the same number is told from it whatever becomes of the clock; where it is empty,
its time and the clock must do.

Within a process, a thread is to another what a process is to another: each does one thing at a time.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from luci.envs import files, lately

_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR})  # nobody, or not we, can change it
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_held: dict[str, set[threading.Thread]] = {}  # which of our threads use an environment
_holding = threading.Lock()


def mark(env_root: Path) -> None:
    """Say that this process uses the environment. Its pid stays the same when it becomes the script.

    Raises FileNotFoundError where the environment is gone. A disk without room for a marker stops no script: the
    environment counts as used all the same, from when its Python runs.
    """
    with _holding:
        _held.setdefault(str(env_root), set()).add(threading.current_thread())
        try:
            with open(env_root / "uses" / str(os.getpid()), "wb") as marker:
                marker.write(began(os.getpid()))
        except OSError as error:
            if error.errno not in _CLOSED | _NO_ROOM:
                raise


def let_go() -> None:
    """Say that this thread uses no environment any more; the process goes on and may use others."""
    thread = threading.current_thread()
    with _holding:
        for root in [root for root, threads in _held.items() if thread in threads]:
            _held[root].discard(thread)
            if not _others(root):
                del _held[root]
                with contextlib.suppress(OSError):
                    unmark(Path(root), os.getpid())


def _others(root: str) -> bool:
    """Whether a thread of ours that is not this one uses the environment."""
    return any(thread.is_alive() and thread is not threading.current_thread() for thread in _held.get(root, ()))


def note(env_root: Path) -> None:
    """Say that the environment was used now, by somebody who leaves no marker."""
    with contextlib.suppress(OSError):  # a read-only store
        os.utime(env_root / "uses")


def unmark(env_root: Path, pid: int) -> None:
    (env_root / "uses" / str(pid)).unlink(missing_ok=True)


def users(env_root: Path) -> list[int]:
    """Return the processes that use the environment now; this one counts where another of its threads does.

    Raises OSError where nobody can tell.
    """
    folder = env_root / "uses"
    marked = {pid for name in files.entries(folder) if (pid := _pid(name)) and _holds(folder / name, pid)}
    with _holding:
        ours = {os.getpid()} if _others(str(env_root)) else set()
    return sorted((marked | set(_children_of(env_root))) - {os.getpid()} | ours)


def last(env_root: Path) -> float:
    """Return when it was last used, in seconds since the epoch. A time in the future counts as now."""
    return lately.used(str(env_root))


def forget_the_dead(env_root: Path) -> None:
    """Drop the markers of processes that are gone; the folder keeps the time of the last use.

    A marker is put aside, where it still counts, and looked at once more: a new process of the same number may have
    marked in this very moment.
    """
    folder = env_root / "uses"
    when = last(env_root)
    with contextlib.suppress(OSError):  # a read-only store, or somebody removed the environment in the meantime
        for name in files.entries(folder):
            pid = _pid(name)
            if pid is None or pid == os.getpid():
                continue
            if _holds(folder / name, pid):
                os.replace(folder / name, folder / str(pid))  # one that was put aside comes back
                continue
            aside = folder / f"{pid}.dead"
            os.replace(folder / name, aside)
            if _holds(aside, pid):
                os.replace(aside, folder / str(pid))
            else:
                aside.unlink()
        os.utime(folder, (when, when))


def _pid(marker: str) -> int | None:
    number = marker.removesuffix(".dead")
    return int(number) if number.isascii() and number.isdigit() else None


def _holds(marker: Path, pid: int) -> bool:
    """Whether the process that wrote a marker still runs."""
    try:
        noted = marker.read_bytes()
    except FileNotFoundError:
        return False
    if not noted:
        return lives_since(pid, files.mtime(marker))
    try:
        told = _told(pid)
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self/stat").exists() and _answers(pid)
    return told[0] not in b"ZX" and told[19] == noted


def began(pid: int) -> bytes:
    """Return when a process began, in ticks since the machine started; nothing where that is not told."""
    try:
        return _told(pid)[19]
    except (OSError, IndexError):
        return b""


def lives_since(pid: int, marked_ns: int) -> bool:
    """Whether the process that wrote a file at that time still runs, and is not a later one with the same number."""
    try:
        told = _told(pid)
    except (FileNotFoundError, ProcessLookupError):
        return not Path("/proc/self/stat").exists() and _answers(pid)
    except OSError:
        return _answers(pid)
    if told[0] in b"ZX":
        return False
    return _booted() + int(told[19]) / os.sysconf("SC_CLK_TCK") <= marked_ns / 1e9 + 2  # 2 s: clocks are coarse


def _told(pid: int) -> list[bytes]:
    """Return what /proc tells of a process behind its name: see proc(5), from the third field on."""
    return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()


def _booted() -> float:
    for line in Path("/proc/stat").read_bytes().splitlines():
        if line.startswith(b"btime"):
            return float(line.split()[1])
    return 0.0


def _answers(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it there; sweeping waits for another day
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _children_of(env_root: Path) -> Iterator[int]:
    """Processes without a marker that run the environment's Python: a script's children, an editor, a shell.
    Only where /proc tells."""
    inside = os.fsencode(str(env_root)) + b"/"
    for name in files.entries("/proc"):
        if name.isdigit():
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
            if command.startswith(inside):
                yield int(name)
