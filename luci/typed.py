"""What a person typed at the prompt, kept from one day to the next."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from luci import paths

MOST = 2000  # lines that are kept


def load() -> list[str]:
    """Return the lines typed before, the oldest first, each once. Lines cut short by a crash are passed over."""
    lines: dict[str, None] = {}
    try:
        written = _place().read_bytes().splitlines()
    except OSError:
        return []
    for record in written:
        try:
            text = json.loads(record)
        except (ValueError, RecursionError):
            continue
        if isinstance(text, str):
            lines.pop(text, None)  # said again: it moves to the end
            lines[text] = None
    kept = list(lines)[-MOST:]
    if len(written) > 2 * MOST:
        _rewrite(kept)
    return kept


def add(text: str) -> None:
    """Keep a line. A disk that takes nothing stops nobody."""
    with contextlib.suppress(OSError):
        place = _place()
        place.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # arguments may be private
        with open(handle, "ab") as file:
            file.write(json.dumps(text).encode("ascii") + b"\n")


def search(lines: list[str], part: str) -> list[str]:
    """Return the lines that hold all words of `part`, the latest first.

    >>> search(["run a.py", "plan a.py", "run b.py"], "run a")
    ['run a.py']
    """
    words = part.lower().split()
    return [line for line in reversed(lines) if all(word in line.lower() for word in words)]


def _rewrite(lines: list[str]) -> None:
    with contextlib.suppress(OSError):
        from luci.envs import files

        files.write(_place(), b"".join(json.dumps(line).encode("ascii") + b"\n" for line in lines))


def _place() -> Path:
    return paths.state() / "typed.jsonl"
