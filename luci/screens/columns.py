"""Two columns of text: what it is, and what is told of it, on as many lines as that takes."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget


def beside(left: Content, indent: int, right: Content, width: int) -> list[Content]:
    """Return a text beside its label, each further line below the first."""
    first, *rest = right.wrap(max(10, width - indent))
    return [left.pad_right(max(0, indent - left.cell_length)) + first, *(Content(" " * indent) + line for line in rest)]


class Columns(Widget):
    """Rows of two texts; the left column is `indent` cells wide."""

    rows: reactive[tuple[tuple[Content, Content], ...]] = reactive((), layout=True)

    def __init__(self, rows: Iterable[tuple[Content, Content]] = (), *, indent: int, classes: str = "") -> None:
        super().__init__(classes=classes)
        self.indent = indent
        self.set_reactive(Columns.rows, tuple(rows))

    def _lines(self, width: int) -> list[Content]:
        return [line for left, right in self.rows for line in beside(left, self.indent, right, width)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> Content:
        return Content("\n").join(self._lines(self.content_size.width))
