"""The stretch of a log that is in sight while the output is held."""

from __future__ import annotations

from textual.strip import Strip

from luci.screens.scrollback import Place, Scrollback


class Held:
    """A window of so many rows into the log; it is made at the end of what is there."""

    def __init__(self, scrollback: Scrollback, height: int) -> None:
        self.scrollback, self.height = scrollback, height
        self._size = scrollback.log.size  # when it was held
        self._top = scrollback.bottom(height)

    @property
    def rows(self) -> list[Strip]:
        return [strip for strip, _ in self.scrollback.window(self._top, self.height)]

    @property
    def shows_end(self) -> bool:
        return len(self.scrollback.window(self._top, self.height)) < self.height

    @property
    def first_line(self) -> int:
        """The offset of the line at the top."""
        return self.scrollback.offset_of(self._top)

    @property
    def numbers(self) -> tuple[int | None, int | None]:
        """The number of the line at the top, and of the last one of all; None where not yet known."""
        log = self.scrollback.log
        return log.number_of(self.first_line), log.number_of(max(0, log.size - 1))

    @property
    def below(self) -> int:
        """Bytes that came since it was held."""
        return self.scrollback.log.size - self._size

    def move(self, by: int) -> bool:
        """Go so many rows down (or up), as far as there are any; return whether it moved."""
        before = self._top
        self._top = self.scrollback.moved(before, by, self.height)
        return self._top != before

    def to_start(self) -> None:
        self._top = Place()

    def to_line(self, offset: int) -> None:
        """Go where the line with that offset is in sight, a third down the window."""
        place = self.scrollback.place_of(offset)
        self._top = self.scrollback.moved(place, -(self.height // 3), self.height)

    def fit(self, scrollback: Scrollback, height: int) -> None:
        """Take another size, and stay at the line."""
        offset = self.first_line
        self.scrollback, self.height = scrollback, height
        self._top = scrollback.moved(scrollback.place_of(offset), 0, height)
