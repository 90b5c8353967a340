"""A lock on a file: held by one at a time, and free again when its holder ends, whatever ended it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from filelock import BaseFileLock


class Lock:
    """The kernel's own lock (flock), as filelock takes it, without the 40 ms that importing filelock takes.

    Where the system or the disk has none, filelock finds another way; both see each other's locks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: int | BaseFileLock | None = None

    def __enter__(self) -> Lock:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def take(self, *, wait: bool = True) -> bool:
        """Take it, after its holder where there is one and it is waited for; return whether it was taken."""
        if sys.platform == "win32":
            return self._take_with_filelock(wait)
        how = fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB
        while self._held is None:
            opened = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
            try:
                fcntl.flock(opened, how)
                if os.fstat(opened).st_nlink:  # else the file was removed meanwhile: others lock the next one
                    self._held = opened
            except BlockingIOError:
                return False
            except OSError as error:
                if error.errno != errno.ENOSYS:
                    raise
                return self._take_with_filelock(wait)
            finally:
                if self._held != opened:
                    os.close(opened)
        return True

    def _take_with_filelock(self, wait: bool) -> bool:
        import filelock

        lock = filelock.FileLock(self.path)
        try:
            lock.acquire(timeout=-1 if wait else 0)
        except filelock.Timeout:
            return False
        self._held = lock
        return True

    def release(self) -> None:
        held, self._held = self._held, None
        if isinstance(held, int):
            os.close(held)
        elif held is not None:
            held.release()
