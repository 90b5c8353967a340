"""The log as rows to scroll through: each block is drawn as a terminal draws it, when it comes into sight."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass

from textual.strip import Strip

from luci.screens.emulator import Emulator
from luci.screens.ink import strip_of
from luci.terminals.logs import BLOCK, Log

_KEPT = 24  # drawn blocks


@dataclass(frozen=True, slots=True)
class Page:
    """One block, drawn: its rows, and for each the offset of the line that it shows."""

    start: int
    end: int
    rows: tuple[Strip, ...]
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A row: the block, and which of its rows."""

    block: int = 0
    row: int = 0


class Scrollback:
    def __init__(self, log: Log, columns: int, rows: int) -> None:
        self.log, self.columns, self.rows = log, columns, rows
        self._pages: OrderedDict[int, Page] = OrderedDict()

    def window(self, top: Place, height: int) -> list[tuple[Strip, int]]:
        """Return the rows in sight and the offsets of their lines."""
        found: list[tuple[Strip, int]] = []
        place = top
        while len(found) < height and place.block <= self._last:
            page = self._page(place.block)
            found += zip(page.rows[place.row :], page.lines[place.row :], strict=True)
            place = Place(place.block + 1)
        return found[:height]

    def moved(self, top: Place, by: int, height: int) -> Place:
        """Return the place so many rows further down (or up), kept where a full window shows."""
        block, row = top.block, top.row + by
        while row < 0 and block > 0:
            block -= 1
            row += len(self._page(block).rows)
        while row >= (length := len(self._page(block).rows)) and block < self._last:
            row -= length
            block += 1
        return min(Place(block, max(0, row)), self.bottom(height))

    def bottom(self, height: int) -> Place:
        """Return the place from which the window shows the end of the log."""
        block = self._last
        row = len(self._page(block).rows) - height
        while row < 0 and block > 0:
            block -= 1
            row += len(self._page(block).rows)
        return Place(block, max(0, row))

    def place_of(self, offset: int) -> Place:
        """Return the row where the line with that offset begins."""
        block = self.log.block_at(min(offset, max(0, self.log.size - 1)))
        page = self._page(block)
        return Place(block, min(bisect_left(page.lines, offset), max(0, len(page.rows) - 1)))

    def offset_of(self, place: Place) -> int:
        page = self._page(place.block)
        return page.lines[min(place.row, len(page.lines) - 1)] if page.lines else page.start

    @property
    def _last(self) -> int:
        size = self.log.size
        return self.log.block_at(size - 1) if size else 0

    def _page(self, block: int) -> Page:
        size = self.log.size
        start = self.log.start_of(block)
        end = self.log.start_of(block + 1) if (block + 1) * BLOCK < size else size
        page = self._pages.get(block)
        if page is None or (page.start, page.end) != (start, end):
            page = self._drawn(start, max(start, end))
            self._pages[block] = page
        self._pages.move_to_end(block)
        while len(self._pages) > _KEPT:
            self._pages.popitem(last=False)
        return page

    def _drawn(self, start: int, end: int) -> Page:
        emulator = Emulator(self.columns, self.rows, keep=True)
        emulator.feed(self.log.pen_at(start))
        lines: list[int] = []
        at = last = start
        for line in self.log.read(start, end).split(b"\n"):
            emulator.feed(line + b"\n" if at + len(line) < end else line)
            lines += [at] * (emulator.position() - len(lines))
            last, at = (at, at + len(line) + 1) if line else (last, at + 1)
        rows = tuple(strip_of(cells, self.columns) for cells in emulator.drawn())
        lines += [last] * (len(rows) - len(lines))
        return Page(start, end, rows, tuple(lines[: len(rows)]))
