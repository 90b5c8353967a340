"""The table of environments: only the lines on the screen are drawn, however many there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from luci.screens.env_rows import BY_NAME, GAP, MARK, Column, Row, layout

SPACE = " " * GAP
QUIET = ("kind", "scripts", "used", "python")  # columns that step back


class EnvTable(ScrollView, can_focus=True):
    """Rows of environments with a cursor, marks, an order and a filter."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "envs--header",
        "envs--header-sorted",
        "envs--cursor",
        "envs--marked",
        "envs--dim",
        "envs--ready",
        "envs--stale",
        "envs--broken",
        "envs--orphaned",
        "envs--building",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(-1)", "First", show=False),
        Binding("end,G", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Details"),
        Binding("space", "mark", "Mark"),
        Binding("a", "mark_all", "Mark all", show=False),
        Binding("s", "sort_next", "Sort", show=False),
        Binding("S", "sort_reverse", "Reverse", show=False),
    ]

    @dataclass
    class Highlighted(Message):
        """The cursor came to another environment; "" where none is left."""

        key: str

    @dataclass
    class Opened(Message):
        """The person wants to see all of one."""

        key: str

    @dataclass
    class Changed(Message):
        """What is shown or marked changed."""

        shown: int
        total: int
        marked: int

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: dict[str, Row] = {}
        self.shown: list[Row] = []
        self.marked: dict[str, None] = {}
        self.cursor = 0
        self.words: list[str] = []
        self.order = BY_NAME["used"]
        self.reverse = False
        self.placeholder = ""  # what stands there where no row does
        self._places: dict[str, int] = {}  # key -> number in `shown`
        self._alike: set[str] = set()  # labels that more than one has: their keys are shown
        self.columns = layout(0)  # as the width allows
        self._styles: dict[tuple[str, ...], Style] = {}
        self._counted = (-1, -1, -1)
        self._told = ""

    # -- what it shows

    def show(self, rows: Iterable[Row]) -> None:
        """Take these rows; cursor and marks stay where their environments are still there."""
        self.rows = {row.key: row for row in rows}
        self.marked = {key: None for key in self.marked if key in self.rows}
        labels = Counter(row.label for row in self.rows.values())
        self._alike = {label for label, count in labels.items() if count > 1}
        self._arrange()

    def measured(self, key: str, bytes: int, freed: int) -> None:
        if row := self.rows.get(key):
            self.rows[key] = replace(row, bytes=bytes, freed=freed)
            if key in self._places:
                self.shown[self._places[key]] = self.rows[key]
                self._redraw(self._places[key])

    def settle(self) -> None:
        """Put the rows in their order again, where it depends on what was measured."""
        if self.order.name in ("size", "frees"):
            self._arrange()

    def filter(self, text: str) -> None:
        self.words = text.lower().split()
        self._arrange()

    def sort(self, column: Column, reverse: bool = False) -> None:
        self.order, self.reverse = column, reverse
        self._arrange()

    @property
    def highlighted(self) -> str:
        return self.shown[self.cursor].key if self.shown else ""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The keys that an action is for: the marked ones, else the one under the cursor."""
        return tuple(self.marked) or ((self.highlighted,) if self.shown else ())

    def _arrange(self) -> None:
        before = self.highlighted
        found = [row for row in self.rows.values() if row.matches(self.words)]
        self.shown = sorted(found, key=self.order.order, reverse=self.reverse)
        self._places = {row.key: number for number, row in enumerate(self.shown)}
        self.cursor = self._places.get(before, min(self.cursor, max(0, len(self.shown) - 1)))
        self._fit()
        self._tell()
        self.refresh()

    def _tell(self) -> None:
        """Say what is other than when it was said last."""
        counts = (len(self.shown), len(self.rows), len(self.marked))
        if counts != self._counted:
            self._counted = counts
            self.post_message(self.Changed(*counts))
        if self.highlighted != self._told:
            self._told = self.highlighted
            self.post_message(self.Highlighted(self.highlighted))

    def _fit(self) -> None:
        alike = all(row.kind == "venv" for row in self.rows.values())
        self.columns = layout(self.scrollable_content_region.width, alike=alike)
        self.virtual_size = Size(self.scrollable_content_region.width, len(self.shown) + 1)
        self._follow()

    def _follow(self) -> None:
        """Scroll so that the cursor is on the screen; the header takes the first line."""
        room = max(1, self.scrollable_content_region.height - 1)
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + room:
            self.scroll_to(y=self.cursor - room + 1, animate=False)

    # -- keys

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self.scrollable_content_region.height - 2))

    def action_edge(self, by: int) -> None:
        self._go(0 if by < 0 else len(self.shown) - 1)

    def _go(self, number: int) -> None:
        before, self.cursor = self.cursor, max(0, min(number, len(self.shown) - 1))
        self._redraw(before)
        self._redraw(self.cursor)
        self._follow()
        self._tell()

    def _redraw(self, number: int) -> None:
        self.refresh_lines(number + 1, 1)

    def action_open(self) -> None:
        if self.shown:
            self.post_message(self.Opened(self.highlighted))

    def action_mark(self) -> None:
        if self.shown:
            self._toggle(self.highlighted)
            self._go(self.cursor + 1)

    def action_mark_all(self) -> None:
        """Mark what is shown; where all of it is marked, take the marks away."""
        keys = [row.key for row in self.shown]
        if all(key in self.marked for key in keys):
            self.marked = {key: None for key in self.marked if key not in keys}
        else:
            self.marked |= dict.fromkeys(keys)
        self._tell()
        self.refresh()

    def unmark(self) -> None:
        self.marked = {}
        self._tell()
        self.refresh()

    def _toggle(self, key: str) -> None:
        if key in self.marked:
            del self.marked[key]
        else:
            self.marked[key] = None
        self._redraw(self._places[key])
        self._tell()

    def action_sort_next(self) -> None:
        """Order by the next column of those on the screen."""
        names = [column for column, _ in self.columns]
        at = names.index(self.order) if self.order in names else -1
        self.sort(names[(at + 1) % len(names)])

    def action_sort_reverse(self) -> None:
        self.sort(self.order, not self.reverse)

    # -- mouse

    def on_click(self, event: events.Click) -> None:
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y == 0:
            self._click_header(place.x)
            return
        number = round(self.scroll_y) + place.y - 1
        if number >= len(self.shown):
            return
        self._go(number)
        if place.x < MARK or event.ctrl or event.shift:
            self._toggle(self.highlighted)
        elif event.chain == 2:
            self.action_open()

    def _click_header(self, x: int) -> None:
        start = MARK
        for column, width in self.columns:
            if start <= x < start + width:
                self.sort(column, not self.reverse if column == self.order else False)
            start += width + GAP

    # -- drawing

    def on_resize(self) -> None:
        self._fit()

    def notify_style_update(self) -> None:
        """The theme or the focus changed."""
        super().notify_style_update()
        self._styles.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = round(self.scroll_y) + y - 1
        if y == 0:
            segments = self._header()
        elif number < len(self.shown):
            segments = self._line(self.shown[number], number == self.cursor)
        elif y == 2 and not self.shown:
            segments = [Segment(_fitted(f"  {self.placeholder}", width), self._style("dim"))]
        else:
            return Strip.blank(width, self._style())
        return Strip(segments).adjust_cell_length(width, segments[-1].style)

    def _style(self, *classes: str) -> Style:
        if classes not in self._styles:
            self._styles[classes] = self.get_visual_style(*(f"envs--{name}" for name in classes)).rich_style
        return self._styles[classes]

    def _header(self) -> list[Segment]:
        plain, chosen = self._style("header"), self._style("header", "header-sorted")
        segments = [Segment(" " * MARK, plain)]
        for column, width in self.columns:
            arrow = ("▼" if self.reverse else "▲") if column == self.order else ""
            text = f"{arrow}{column.title}" if column.right else f"{column.title}{arrow}"
            segments += [Segment(_fitted(text, width, column.right), chosen if arrow else plain)]
            segments += [Segment(" " * GAP, plain)]
        return segments

    def _line(self, row: Row, at_cursor: bool) -> list[Segment]:
        marked = row.key in self.marked
        base = (*(("marked",) if marked else ()), *(("cursor",) if at_cursor else ()))
        plain = self._style(*base)
        dim = plain if base else self._style("dim")
        segments = [Segment("✓ " if marked else "  ", plain)]
        for column, width in self.columns:
            cell = column.cell(row)
            style = dim if column.name in QUIET else plain
            if column.name == "name" and row.label in self._alike and width >= len(cell) + 10:
                segments.append(Segment(cell, plain))
                cell, width, style = f"  {row.key[:8]}", width - cell_len(cell), dim
            elif column.name == "name":
                cell = _shortened(cell, width)
            elif column.name == "state" and not (at_cursor and self.has_focus):
                style = self._style(*base, row.state)
            segments.append(Segment(_fitted(cell, width, column.right) + SPACE, style))
        return segments


def _shortened(name: str, width: int) -> str:
    """Return a name without its middle where it is too long: names that go on alike differ at the end."""
    if cell_len(name) <= width:
        return name
    end = width // 3
    return f"{name[: width - end - 1]}…{name[-end:]}"


def _fitted(text: str, width: int, right: bool = False) -> str:
    """Return text as exactly `width` cells, with a sign where it was cut."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
