"""What was said before in a conversation that goes on: only what is near is read and shown, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from luci.screens.columns import Columns
from luci.screens.plain import harmless

if TYPE_CHECKING:
    from luci.screens.retold import Said

AT_FIRST = 8  # requests that are shown when a conversation is opened
AT_ONCE = 5  # that come when a person scrolls towards them
MOST = 40  # that are there together


class Gap(Static):
    """Stands for requests that are not here, below those that are."""

    def __init__(self) -> None:
        super().__init__("⋮", classes="gap")


class Past:
    """The requests of a conversation; of those that were read, the ones from `first` up to `last` are shown. `pieces`
    are read when they are wanted, the last one first."""

    def __init__(self, pieces: Iterable[list[Said]] = ()) -> None:
        self._pieces = iter(pieces)
        self._is_whole = not pieces  # nothing is left to read
        self.said: list[Said] = []
        self.first = self.last = 0
        self.shown: dict[int, list[Widget]] = {}

    @property
    def has_more_above(self) -> bool:
        return self.first > 0 or not self._is_whole

    @property
    def has_more_below(self) -> bool:
        return self.last < len(self.said)

    def above(self, count: int) -> list[Widget]:
        """Return the widgets of what comes before what is shown."""
        while self.first < count and not self._is_whole:
            self._read()
        begin = max(0, self.first - count)
        widgets = self._made(range(begin, self.first))
        self.first = begin
        return widgets

    def _read(self) -> None:
        before = next(self._pieces, None)
        if before is None:
            self._is_whole = True
            return
        self.said[:0] = before
        self.first += len(before)
        self.last += len(before)
        self.shown = {number + len(before): widgets for number, widgets in self.shown.items()}

    def below(self, count: int) -> list[Widget]:
        end = min(len(self.said), self.last + count)
        widgets = self._made(range(self.last, end))
        self.last = end
        return widgets

    def _made(self, numbers: Iterable[int]) -> list[Widget]:
        from luci.screens.retold import Retold

        found: list[Widget] = []
        for number in numbers:
            said = self.said[number]
            line = [said_line(said.request)] if said.request else []
            self.shown[number] = [*line, Retold(said)]
            found += self.shown[number]
        return found

    def too_many_below(self, is_far: Callable[[Widget], bool]) -> list[Widget]:
        """Forget what is shown too far below; return its widgets."""
        gone = []
        while self.last - self.first > MOST and _may_go(self.shown[self.last - 1], is_far):
            self.last -= 1
            gone += self.shown.pop(self.last)
        return gone

    def too_many_above(self, is_far: Callable[[Widget], bool]) -> list[Widget]:
        gone = []
        while self.last - self.first > MOST and _may_go(self.shown[self.first], is_far):
            gone += self.shown.pop(self.first)
            self.first += 1
        return gone

    def to_the_end(self) -> list[Widget]:
        """Forget all that is shown, so that the last comes next; return its widgets."""
        gone = [widget for widgets in self.shown.values() for widget in widgets]
        self.shown.clear()
        self.first = self.last = len(self.said)
        return gone

    def went(self, widgets: Iterable[Widget]) -> None:
        """Take into account that the first that are shown were taken away."""
        gone = set(widgets)
        while self.first < self.last and self.shown[self.first][-1] in gone:
            del self.shown[self.first]
            self.first += 1

    @property
    def first_shown(self) -> Widget | None:
        return self.shown[self.first][0] if self.first in self.shown else None


def said_line(text: str) -> Widget:
    return Columns(
        [(Content.styled("❯", "$text-accent"), Content.styled(harmless(text), "bold"))], indent=2, classes="said"
    )


def _may_go(widgets: Iterable[Widget], is_far: Callable[[Widget], bool]) -> bool:
    return all(is_far(widget) and not (widget.has_focus or widget.has_focus_within) for widget in widgets)
