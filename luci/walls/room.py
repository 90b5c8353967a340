"""How much a run may put on the disk: no kernel bounds a folder for who is not root, so what is open to it is weighed
while it runs, and who takes more is ended. One file alone is bounded by the kernel (RLIMIT_FSIZE).

What counts is how much more the folders take than when the run began, whoever wrote it. A file counts as 4 KiB at
least, and what was deleted but is held open as far as /proc shows it.
"""

from __future__ import annotations

import contextlib
import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from luci.walls import verdicts

_LEAST = 4096  # bytes that a file counts for, so that empty ones are bounded too
_OURS = 256 * 2**10  # what folders grow by and luci's own reports take, so that one file may be as large as the limit
_EVERY_SECONDS = 0.2
_SHARE = 4  # it rests so many times as long as weighing takes


class Watch:
    """A thread that weighs folders while a run goes on. `leader` returns the process that all of the run descend from,
    0 where nobody knows. A `limit` (bytes) of 0 watches nothing."""

    def __init__(self, folders: Iterable[str], limit: int, leader: Callable[[], int]) -> None:
        self.folders, self.limit, self._leader = _outermost(folders), limit, leader
        self.most = self._before = 0
        self._over = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._weigh_on, daemon=True)

    def __enter__(self) -> Watch:
        if self.limit:
            self._before = _weight(self.folders)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._done.set()
        if self._thread.ident:
            self._thread.join()

    def is_over(self) -> bool:
        """Whether the run took more than it may."""
        return self._over.is_set()

    def verdict(self) -> list[str]:
        """Return what is said of a run that is over and reached the limit, with the figure."""
        return [verdicts.disk(self.limit, self.most)] if self.limit and self.most >= self.limit else []

    def _weigh_on(self) -> None:
        rest, last = 0.0, False
        while not last:
            last = self._done.wait(rest)  # what was written in the last moment counts too
            began = time.monotonic()
            self.most = max(self.most, _weight(self.folders) - self._before + _held_open(self.folders, self._leader()))
            if self.most > self.limit + _OURS:
                self._over.set()
            rest = max(_EVERY_SECONDS, _SHARE * (time.monotonic() - began))


def _outermost(folders: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for path in sorted({os.path.realpath(folder) for folder in folders}):
        if not any(path.startswith(f"{other}/") for other in found):
            found.append(path)
    return tuple(found)


def _weight(folders: Iterable[str]) -> int:
    """Return the bytes that all below these folders take, each file once however many names it has."""
    total, waiting, linked = 0, list(folders), set()
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:  # it is a file, or gone, or closed to us as well
            continue
        with entries:
            for entry in entries:
                try:
                    info = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if stat.S_ISDIR(info.st_mode):
                    waiting.append(entry.path)
                elif info.st_nlink > 1:
                    if (info.st_dev, info.st_ino) in linked:
                        continue
                    linked.add((info.st_dev, info.st_ino))
                total += max(_LEAST, info.st_blocks * 512)
    return total


def _held_open(folders: Iterable[str], leader: int) -> int:
    """Return the bytes of files in these folders that have no name any more, and are open in who descends from
    `leader`."""
    begins = tuple(f"{folder}/" for folder in folders)
    found = {}
    for pid in _descendants(leader) if leader else ():
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as opened:
            for each in opened:
                with contextlib.suppress(OSError):
                    place = os.readlink(each.path)
                    if place.endswith(" (deleted)") and place.startswith(begins):
                        info = os.stat(each.path)
                        found[info.st_dev, info.st_ino] = 0 if info.st_nlink else info.st_blocks * 512
    return sum(found.values())


def _descendants(leader: int) -> Iterator[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if name.isdecimal():
            with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                children.setdefault(int(file.read().rpartition(b")")[2].split()[1]), []).append(int(name))
    waiting = [leader]
    while waiting:
        yield (pid := waiting.pop())
        waiting += children.get(pid, ())
