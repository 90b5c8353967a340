"""From a log into an emulator: all of it while that can be shown, the newest where it comes too fast."""

from __future__ import annotations

import time
from collections import deque

from luci.screens.emulator import Emulator
from luci.terminals.logs import Log

FAST = 1_000_000  # bytes a second; slower output is never passed over
UNREAD = 400_000  # bytes a second of which a few frames a second say as much
BACKLOG = 1 << 20
NEWEST = 1 << 18  # bytes that are shown of what came too fast
PIECE = 1 << 17
LEAST = 1 << 12
REPLAYED = 1 << 16  # bytes of the log that fill a screen anew
_WINDOW = 1.0  # seconds over which the speed is taken
_MOST_PASSED = 1 << 23  # bytes of what is passed over that are looked at for what still matters


class Feed:
    """Where in the log the emulator is. `advance` is called again and again, for a moment each."""

    def __init__(self, log: Log, emulator: Emulator) -> None:
        self.log, self.emulator = log, emulator
        self.at = 0
        self.passed = 0  # bytes never shown
        self._piece = LEAST
        self._sizes: deque[tuple[float, int]] = deque()

    @property
    def flooded(self) -> bool:
        """Whether output comes faster than is shown in full."""
        return self._speed > FAST

    @property
    def hurried(self) -> bool:
        """Whether lines run by faster than a person reads. The frames of a full-screen program are all to be seen."""
        return self._speed > UNREAD and not self.emulator.alternate

    @property
    def _speed(self) -> float:
        """Bytes a second, of late."""
        (then, less), (now, more) = (self._sizes[0], self._sizes[-1]) if self._sizes else ((0.0, 0), (0.0, 0))
        return (more - less) / max(_WINDOW, now - then)

    def advance(self, seconds: float) -> bool:
        """Feed for about so long; return whether there is more."""
        now = time.monotonic()
        size = self._measure(now)
        if size - self.at > BACKLOG and self.flooded:
            self._pass_over(self.log.line_after(size - NEWEST))
        until = now + seconds
        while self.at < size:
            data = self.log.read(self.at, min(size, self.at + self._piece))
            if len(data) == self._piece:
                data = data[: data.rfind(b"\r\n") + 2] or data if data.rfind(b"\r\n") > 0 else data
            self.emulator.feed(data)
            self.at += len(data)
            before, now = now, time.monotonic()
            wanted = len(data) * seconds / 2 / max(now - before, 1e-6)  # half the time that there is
            self._piece = max(LEAST, min(PIECE, 2 * self._piece, int(wanted)))
            if now > until:
                break
        return self.at < self.log.size

    def restart(self, emulator: Emulator) -> None:
        """Fill another emulator with what the one so far has shown last."""
        start = self.log.line_after(max(0, self.at - REPLAYED))
        emulator.pass_over(self.log.read(max(0, start - _MOST_PASSED), start), self.log.pen_at(start))
        if start < self.at:
            emulator.feed(self.log.read(start, self.at))
        self.emulator = emulator

    def _measure(self, now: float) -> int:
        size = self.log.size
        self._sizes.append((now, size))
        while len(self._sizes) > 2 and self._sizes[1][0] <= now - _WINDOW:
            self._sizes.popleft()
        return size

    def _pass_over(self, to: int) -> None:
        self.passed += to - self.at
        self.emulator.pass_over(self.log.read(max(self.at, to - _MOST_PASSED), to), self.log.pen_at(to))
        self.at = to
