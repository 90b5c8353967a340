"""What is put upon a row of output: the cursor, what was searched for, what is selected."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip


def with_cursor(strip: Strip, x: int, style: Style) -> Strip:
    """Return the row with the cell at `x` in that style; the row must be wider than `x`."""
    return _styled(strip, x, x + 1, style)


def with_selection(strip: Strip, span: tuple[int, int], style: Style) -> Strip:
    """Return the row with what is between two cells in that style; an end of -1 is the row's."""
    start, end = span
    return _styled(strip, start, strip.cell_length if end < 0 else end, style)


def with_matches(strip: Strip, query: str, style: Style) -> Strip:
    """Return the row with each place that shows the text in that style; small letters stand for large ones too."""
    text = strip.text.lower() if query == query.lower() else strip.text
    if not query or len(text) != len(strip.text):
        return strip
    found = text.find(query)
    while found >= 0:
        start, end = cell_len(strip.text[:found]), cell_len(strip.text[: found + len(query)])
        strip = _styled(strip, start, end, style)
        found = text.find(query, found + len(query))
    return strip


def _styled(strip: Strip, start: int, end: int, style: Style) -> Strip:
    width = strip.cell_length
    before, inside, after = (*strip.divide([start, min(end, width), width]), Strip([]), Strip([]))[:3]
    marked = Strip([type(segment)(segment.text, (segment.style or style) + style) for segment in inside])
    return Strip.join([before, marked, after])
