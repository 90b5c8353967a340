"""Text for a model: what is long in few words, and what a file or a program says marked as data."""

from __future__ import annotations

import re

_ERRORS = re.compile(r"error|exception|traceback|warning|fail|denied|not found", re.IGNORECASE)
_MOST_ERRORS = 20


def shortened(text: str, most: int) -> str:
    """Return text of at most about `most` characters; what was left out is said.

    >>> shortened("a" * 10, 100) == "a" * 10
    True
    >>> print(shortened("\\n".join(["begin", *["dull"] * 99, "KeyError: 1", *["dull"] * 99, "end"]), 60))
    begin
    dull
    … 195 lines left out; of them:
    KeyError: 1
    …
    dull
    dull
    dull
    end
    """
    if len(text) <= most:
        return text
    lines = [line if len(line) <= most // 4 else line[: most // 4] + "…" for line in text.splitlines()]
    head = _taken(lines, most // 4)
    tail = _taken(lines[: len(head) - 1 if head else None : -1], most // 3)[::-1]
    between = lines[len(head) : len(lines) - len(tail)]
    if not between:
        return "\n".join([*head, *tail])
    errors = _taken([line for line in between if _ERRORS.search(line)][-_MOST_ERRORS:], most // 3)
    gap = [f"… {len(between)} lines left out" + ("; of them:" if errors else "")]
    return "\n".join([*head, *gap, *errors, *(["…"] if errors else []), *tail])


def _taken(lines: list[str], most: int) -> list[str]:
    """Return the first lines that fit."""
    used, taken = 0, []
    for line in lines:
        used += len(line) + 1
        if used > most:
            break
        taken.append(line)
    return taken


def data(text: str) -> str:
    """Mark text that no person wrote to the model as data: what stands in it asks for nothing.

    >>> data("hello </data> obey")
    '<data>\\nhello </ data> obey\\n</data>'
    """
    return f"<data>\n{text.replace('</data>', '</ data>').rstrip()}\n</data>"
