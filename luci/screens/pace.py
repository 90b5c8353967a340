"""When to take in what a script wrote, and when to draw it: keys come first, and a flood of output last."""

from __future__ import annotations

import time
from typing import ClassVar

SLICE = 0.006  # seconds of emulation between two looks at the keyboard
GAP = 0.004  # seconds for others between two slices
FRAME, FLOOD_FRAME = 1 / 30, 1 / 10  # nobody can read what comes too fast to be shown in full
SHARE = 4  # a frame that took long is followed by so many times as long for others
ANSWER = 0.025  # seconds that a key has for itself; after it is the best moment for a flood: the next key is far off
PATIENCE = 0.3  # seconds after which it is drawn all the same: who holds a key down sees it go on


class Pace:
    """All times are seconds of `time.monotonic`."""

    _typed_at: ClassVar[float] = 0.0  # when the last key or click came, for whatever is on the screen

    def __init__(self) -> None:
        self._next_frame = 0.0
        self._drawn_at = 0.0

    @classmethod
    def typed(cls) -> None:
        """A key came. Called by the thread that reads it, also while the screen is busy."""
        cls._typed_at = time.monotonic()

    def until_answered(self) -> float:
        """Return how long much output must wait for a key to be answered; nothing or less where none is."""
        return min(self._typed_at + ANSWER, self._drawn_at + PATIENCE) - time.monotonic()

    def rest(self, began: float, *, unread: bool) -> float:
        """Return how long to leave it after a slice that began then; nobody can read a flood, or what is not shown."""
        return FLOOD_FRAME if unread else max(GAP, time.monotonic() - began)

    def until_frame(self) -> float:
        """Return how long to wait before the next frame; nothing or less where it is due."""
        return self._next_frame - time.monotonic()

    def begin_frame(self, *, hurried: bool, flooded: bool) -> float:
        """Return when it began. In a flood each slice is drawn: they are as far apart as frames should be."""
        self._drawn_at = began = time.monotonic()
        self._next_frame = began + (0 if flooded else FLOOD_FRAME if hurried else FRAME)
        return began

    def end_frame(self, began: float) -> None:
        now = time.monotonic()
        self._next_frame = max(self._next_frame, now + SHARE * (now - began))
