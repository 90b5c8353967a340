"""Rows of an emulator's cells as strips that Textual draws, in the theme's own sixteen colours."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from luci.screens.emulator import Cells

# what would turn the direction of the text around it, or hide in it
_UNSEEN = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF, 0xAD))


def strip_of(cells: Cells, width: int) -> Strip:
    """Return a row as wide as it was drawn, at most `width`; what follows is the background's."""
    if not cells:
        return Strip([])
    row = cells[:width]
    styles, chars = zip(*row, strict=True)
    drawn = list(dict(zip(map(id, styles), styles, strict=True)).values())
    if all(style == drawn[0] for style in drawn):  # most rows: told at once, not cell by cell
        text = "".join(chars)
        plain = text.isascii()
        return Strip([Segment(text if plain else _harmless(text), style_of(drawn[0]))], len(text) if plain else None)
    return Strip(_segments(row))


def _segments(row: Cells) -> list[Segment]:
    segments: list[Segment] = []
    run: list[str] = []
    drawn: Any = None
    for style, char in row:
        if style is not drawn and style != drawn:
            if run:
                segments.append(Segment("".join(run), style_of(drawn)))
                run = []
            drawn = style
        run.append(char)
    if run:
        segments.append(Segment("".join(run), style_of(drawn)))
    return [Segment(_harmless(segment.text), segment.style) for segment in segments]


def text_of(cells: Cells) -> str:
    return _harmless("".join(char for _, char in cells)).rstrip()


def _harmless(text: str) -> str:
    return text if text.isascii() else text.translate(_UNSEEN)


@lru_cache(4096)
def style_of(style: Any) -> Style:
    """Return an emulator's style as Rich's. Colours that are not set are the widget's."""
    return Style(
        color=_colour(style.fg),
        bgcolor=_colour(style.bg),
        bold=style.bold,
        dim=style.dim,
        italic=style.italic,
        underline=style.underline,
        blink=style.blink,
        reverse=style.reverse,
        conceal=style.conceal,
        strike=style.strike,
        overline=style.overline,
    )


def _colour(colour: Any) -> Color | None:
    if colour is None or colour.mode == "default":
        return None
    return Color.from_ansi(colour.value) if colour.mode == "indexed" else Color.from_rgb(*colour.value)
