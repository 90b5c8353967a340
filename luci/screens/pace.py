"""When to take in what a script wrote, and when to draw it: keys come first, and a flood of output last."""

from __future__ import annotations

import time

SLICE = 0.006  # seconds of emulation between two looks at the keyboard
GAP = 0.004  # seconds for others between two slices
FRAME, FLOOD_FRAME = 1 / 30, 1 / 10  # nobody can read what comes too fast to be shown in full
SHARE = 4  # a frame that took long is followed by so many times as long for others


class Pace:
    """All times are seconds of `time.monotonic`."""

    def __init__(self) -> None:
        self._next_frame = 0.0

    def rest(self, began: float, *, unread: bool) -> float:
        """Return how long to leave it after a slice that began then; nobody can read a flood, or what is not shown."""
        return FLOOD_FRAME if unread else max(GAP, time.monotonic() - began)

    def until_frame(self) -> float:
        """Return how long to wait before the next frame; nothing or less where it is due."""
        return self._next_frame - time.monotonic()

    def begin_frame(self, *, flooded: bool) -> float:
        """Return when it began."""
        began = time.monotonic()
        # with a flood, each slice is drawn
        self._next_frame = began + (0 if flooded else FRAME)
        return began

    def end_frame(self, began: float) -> None:
        now = time.monotonic()
        self._next_frame = max(self._next_frame, now + SHARE * (now - began))
