"""Who uses an environment: a marker for each process, written by it before it starts the environment's Python.

A user writes its marker and then looks whether the environment is still published; a remover unpublishes and then
looks for markers. Whichever comes second sees the other, so no moment between them is uncovered.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from luci.envs import files


def mark(env_root: Path) -> None:
    """Say that this process uses the environment. Its pid stays the same when it becomes the script."""
    with open(env_root / "uses" / str(os.getpid()), "wb"):
        pass


def unmark(env_root: Path, pid: int) -> None:
    (env_root / "uses" / str(pid)).unlink(missing_ok=True)


def users(env_root: Path) -> list[int]:
    """Return the processes that use the environment now, this one left out."""
    marked = {int(name) for name in files.listing(env_root / "uses") if name.isdigit()}
    users = {pid for pid in marked if lives_since(pid, files.mtime(env_root / "uses" / str(pid)))}
    return sorted((users | set(_children_of(env_root))) - {os.getpid()})


def last(env_root: Path) -> float:
    """Return when it was last used, in seconds since the epoch. A time in the future counts as now."""
    folder = env_root / "uses"
    times = [files.mtime(folder), *(files.mtime(folder / name) for name in files.listing(folder))]
    return min(max(times) / 1e9, time.time())


def forget_the_dead(env_root: Path) -> None:
    """Drop the markers of processes that are gone; the folder keeps the time of the last use."""
    folder = env_root / "uses"
    when = last(env_root)
    living = set(users(env_root)) | {os.getpid()}
    for name in files.listing(folder):
        if name.isdigit() and int(name) not in living:
            (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(FileNotFoundError):  # somebody removed the environment in the meantime
        os.utime(folder, (when, when))


def lives_since(pid: int, marked_ns: int) -> bool:
    """Whether the process that wrote a marker still runs, and is not a later one with the same number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return not Path("/proc/self/stat").exists() and _answers(pid)
    except OSError:
        return _answers(pid)
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return False
    return _booted() + int(fields[19]) / os.sysconf("SC_CLK_TCK") <= marked_ns / 1e9 + 2  # 2 s: clocks are coarse


def _booted() -> float:
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith("btime"):
            return float(line.split()[1])
    return 0.0


def _answers(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it there; sweeping waits for another day
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _children_of(env_root: Path) -> Iterator[int]:
    """Processes without a marker that run the environment's Python: a script's children, an editor, a shell.
    Only where /proc tells."""
    inside = os.fsencode(str(env_root)) + b"/"
    for name in files.listing("/proc"):
        if name.isdigit():
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(inside):
                yield int(name)
