"""Text for a terminal or a pipe: harmless, in columns, as JSON. It imports next to nothing, so that a list is there at
once."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

_BLANK = (0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0)  # letters without a width, or that look like a space
_HIDDEN = frozenset({*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF, *_BLANK})
_NARROWEST = 10  # columns that a cell is squeezed to, where a line is too long for the terminal
_GAP = 2


def harmless(text: str) -> str:
    """Return text with control characters and direction marks shown instead of obeyed; lines stay lines.

    >>> harmless("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char in "\n\t" or (char.isprintable() and ord(char) not in _HIDDEN) else ascii(char)[1:-1]
        for char in text
    )


def as_json(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, default=_plain)


def _plain(value: Any) -> Any:
    return value.as_dict() if hasattr(value, "as_dict") else str(value)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], width: int = 0) -> str:
    """Return rows in columns below their names; cells are folded where a line would be longer than `width`, 0 for none.

    >>> print(table(("name", "size"), [("a", "1 kB"), ("longer", "2 kB")]))
    name    size
    ──────  ────
    a       1 kB
    longer  2 kB
    """
    cells = [[harmless(cell).replace("\t", " ") for cell in row] for row in (columns, *rows)]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    widths = _squeezed(widths, width) if width else widths
    lines = [_line(row, widths) for row in cells]
    return "\n".join([lines[0], (" " * _GAP).join("─" * each for each in widths), *lines[1:]])


def terminal_width() -> int:
    """The columns of the terminal that stdout is; 0 where it is none, and lines may be as long as they are."""
    try:
        return int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return 0


def _width(text: str) -> int:
    """The columns of the longest line."""
    if text.isascii() and "\n" not in text:
        return len(text)
    return max(sum(map(_columns, line)) for line in text.split("\n"))


def _columns(char: str) -> int:
    if char.isascii():
        return 1
    import unicodedata  # only for what is not ASCII

    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _squeezed(widths: list[int], width: int) -> list[int]:
    """Take from the widest column until a line fits, or until none can give any more."""
    widths = list(widths)
    while sum(widths) + _GAP * (len(widths) - 1) > width and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _line(row: list[str], widths: list[int]) -> str:
    folded = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(map(len, folded))
    lines = []
    for number in range(height):
        parts = [cell[number] if number < len(cell) else "" for cell in folded]
        padded = (part + " " * (width - _width(part)) for part, width in zip(parts, widths, strict=True))
        lines.append((" " * _GAP).join(padded).rstrip())
    return "\n".join(lines)


def _folded(text: str, width: int) -> list[str]:
    """Break text into lines, between words where that is possible."""
    if _width(text) <= width and "\n" not in text:
        return [text]
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if _width(longer) <= width:
                line = longer
                continue
            lines += [line] if line else []
            line = word
            while _width(line) > width:
                head = _head(line, width)
                lines.append(head)
                line = line[len(head) :]
        lines.append(line)
    return lines


def _head(text: str, width: int) -> str:
    """The longest beginning that fits, one character at least."""
    end = used = 0
    for char in text:
        used += _columns(char)
        if used > width:
            break
        end += 1
    return text[: max(1, end)]
