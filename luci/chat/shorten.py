"""Text for a model: what is long in few words, and what a file or a program says marked as data."""

from __future__ import annotations

import re
import secrets

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
    """Mark text that no person wrote to the model as data: what stands in it asks for nothing. The mark is made anew
    each time, so that no file and no program can know how to end it."""
    mark = secrets.token_hex(4)
    return f"<data {mark}>\n{text.rstrip()}\n</data {mark}>"


def unmarked(text: str) -> str:
    """Return text for a person: what is data in it speaks for itself."""
    return re.sub(r"^</?data [0-9a-f]{8}>\n?", "", text, flags=re.MULTILINE)


def sound(text: str) -> str:
    """Return text that can be sent and kept: without halves of characters, as names on a disk may have them.

    >>> sound("a\\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")
