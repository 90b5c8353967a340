"""The log of a run, read in blocks of whole lines: nothing is kept in memory but where lines are."""

from __future__ import annotations

import contextlib
import os
import re
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from luci.context import never

BLOCK = 1 << 14  # bytes; a longer line is cut where a block ends
_MANY = 16  # blocks read at once where much is read
_SGR = re.compile(rb"\x1b\[[0-9;:]*m")
_RESETS = (b"\x1b[0;", b"\x1b[;")
_FAR = 1 << 20  # bytes that are looked back over for what is in force
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
)
_FRAME = re.compile(r'^ *File "([^"\n]+)", line (\d+)', re.MULTILINE)
_NOT_OWN = re.compile(r"[/\\](site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<")


def keep(fd: int) -> None:
    """Say of a log that it is being written, for as long as anybody has this descriptor; see `is_kept`."""
    import fcntl

    with contextlib.suppress(OSError):  # a disk without locks: its time says enough, as long as it is written to
        fcntl.flock(fd, fcntl.LOCK_SH)


def is_kept(path: Path) -> bool:
    """Whether somebody writes the log."""
    import fcntl

    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class Log:
    """Bytes that only ever get more. A block is told by its number, a line by the offset of its first byte."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._newlines = array("Q", [0])  # how many come before each block

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @property
    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def read(self, start: int, end: int) -> bytes:
        return os.pread(self._fd, max(0, end - start), start)

    # -- blocks and lines

    def start_of(self, block: int) -> int:
        """Return where the first line that begins in the block begins; one longer than a block is cut."""
        if block <= 0:
            return 0
        at = block * BLOCK
        data = self.read(at - 1, at + BLOCK - 1)
        found = data.find(b"\n")
        if found >= 0:
            return at + found
        return at if len(data) == BLOCK else min(at, self.size) + max(0, len(data) - 1)

    def block_at(self, offset: int) -> int:
        block = offset // BLOCK
        return block - 1 if block and self.start_of(block) > offset else block

    def line_after(self, offset: int) -> int:
        """Return where the next line begins, at `offset` or after it; `offset` where none begins soon."""
        if offset <= 0:
            return 0
        found = self.read(offset - 1, offset + 2 * BLOCK).find(b"\n")
        return offset + found if found >= 0 else offset

    def line_before(self, offset: int) -> int:
        """Return where the line with the byte at `offset` begins."""
        start = self.start_of(self.block_at(offset))
        return start + self.read(start, offset).rfind(b"\n") + 1

    def pen_at(self, offset: int) -> bytes:
        """Return the escape sequences that set colours as they are at `offset`, where they were set not long before."""
        start = offset
        while start > max(0, offset - _FAR):
            start = max(0, start - _MANY * BLOCK)
            if found := _SGR.findall(self.read(start, offset)):
                break
        else:
            return b""
        resets = [number for number, sgr in enumerate(found) if not sgr.strip(b"\x1b[0m") or sgr.startswith(_RESETS)]
        return b"".join(found[resets[-1] if resets else 0 :][-64:])

    # -- line numbers

    def count_lines(self, seconds: float) -> bool:
        """Count on, for so long; return whether all full blocks are counted."""
        until = time.monotonic() + seconds
        whole = self.size // BLOCK
        while len(self._newlines) <= whole:
            at = (len(self._newlines) - 1) * BLOCK
            data = self.read(at, min(at + _MANY * BLOCK, whole * BLOCK))
            for start in range(0, len(data), BLOCK):
                self._newlines.append(self._newlines[-1] + data.count(b"\n", start, start + BLOCK))
            if time.monotonic() > until:
                return len(self._newlines) > whole
        return True

    def number_of(self, offset: int) -> int | None:
        """Return the number of the line with the byte at `offset`, from 1; None where it is not counted yet."""
        block = offset // BLOCK
        if block >= len(self._newlines):
            return None
        return self._newlines[block] + self.read(block * BLOCK, offset).count(b"\n") + 1

    # -- the whole of it

    def failing_line(self) -> tuple[str, int] | None:
        """Return the file and line of the innermost frame of the last traceback that is not a package's."""
        shown = plain(self.read(max(0, self.size - _MANY * BLOCK), self.size)).decode("utf-8", "replace")
        own = [found for found in _FRAME.findall(shown) if not _NOT_OWN.search(found[0])]
        return (own[-1][0], int(own[-1][1])) if own else None

    def search(self, text: str, stop: Callable[[], bool] = never) -> Iterator[list[int]]:
        """Yield, a stretch at a time, where lines begin that show `text`; small letters stand for large ones too."""
        pattern = re.compile(re.escape(text), re.IGNORECASE if text == text.lower() else 0)
        for start, data in self._stretches():
            if stop():
                return
            found: list[int] = []
            shown = plain(data).decode("utf-8", "replace")
            lines: list[int] | None = None
            number = at = 0
            for match in pattern.finditer(shown):
                if lines is None:
                    lines = [0, *(newline.end() for newline in re.finditer(b"\n", data))]
                number += shown.count("\n", at, match.start())
                at = match.start()
                if number < len(lines) and (not found or found[-1] != start + lines[number]):
                    found.append(start + lines[number])
            yield found

    def save(self, target: Path, *, as_shown: bool, stop: Callable[[], bool] = never) -> int:
        """Write all of it to a file; `as_shown`: without what only steers a terminal. Returns how many bytes."""
        written = 0
        with open(target, "wb") as file:
            for _, data in self._stretches():
                if stop():
                    break
                written += file.write(plain(data) if as_shown else data)
        return written

    def _stretches(self) -> Iterator[tuple[int, bytes]]:
        block, size = 0, self.size
        while (start := self.start_of(block)) < size:
            block += _MANY
            end = min(self.start_of(block), size) if block * BLOCK < size else size
            if end > start:
                yield start, self.read(start, end)


def plain(data: bytes) -> bytes:
    """Return what a person sees of it in the end, as far as single lines tell: no colours, nothing overwritten.

    >>> plain(b"\\x1b[31m50%\\x1b[0m\\r100%\\r\\nnext")
    b'100%\\nnext'
    """
    data = data.replace(b"\r\n", b"\n")
    if b"\x1b" in data or b"\r" in data or b"\b" in data:
        data = b"\n".join(map(_overwritten, _ESCAPES.sub(b"", data).split(b"\n")))
    return data


def _overwritten(line: bytes) -> bytes:
    return line.rstrip(b"\r").rpartition(b"\r")[2]
