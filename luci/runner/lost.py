"""A file that a script did not find: where it was looked for, and what there is of a similar name."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path

_NOT_FOUND = re.compile(r"FileNotFoundError: \[Errno 2\] [^:]+: '(?P<path>[^']+)'")
_DENIED = re.compile(r"PermissionError: \[Errno 13\] [^:]+: '(?P<path>[^']+)'")
_MOST_SEEN, _MOST_TOLD = 2_000, 3
_PASSED_OVER = {"venv", "__pycache__", "node_modules", "site-packages"}


def lost_file(error: str, folder: Path, *, walled: bool = False) -> str:
    """Return what is known of the file that an error is about, looked for from a folder; empty for another error.

    `walled`: the script ran behind a wall, which hides what is there.
    """
    found = _NOT_FOUND.search(error) or (_DENIED.search(error) if walled else None)
    if not found:
        return ""
    path = Path(os.path.normpath(folder / os.path.expanduser(found["path"])))
    if walled and not os.path.realpath(path).startswith(f"{os.path.realpath(folder)}/"):
        return f"{path} lies outside the project, which the wall keeps from the script."  # whether it is there, too
    if walled and os.path.lexists(path):
        return f"{path} is there, but the wall keeps it from the script."
    where = f"{found['path']} was looked for in {path.parent}"
    if not path.parent.is_dir():
        where += ", a folder that is not there"
    alike = list(_alike(path.name, folder))
    return f"{where}. {'There is ' + ', '.join(alike) if alike else 'Nothing of a similar name is in the project'}."


def _alike(name: str, folder: Path) -> Iterator[str]:
    """Yield the files below a folder that have the name, then those whose names are close to it."""
    there: dict[str, list[str]] = {}
    for path in _files(folder):
        there.setdefault(path.name.casefold(), []).append(str(path.relative_to(folder)))
    close = difflib.get_close_matches(name.casefold(), there, n=_MOST_TOLD, cutoff=0.7)
    stem = Path(name).stem.casefold()
    same = [other for other in there if Path(other).stem == stem and other not in close]
    yield from [path for other in (*close, *same) for path in there[other]][:_MOST_TOLD]


def _files(folder: Path) -> Iterator[Path]:
    seen = 0
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _PASSED_OVER and not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(base, name)
            seen += 1
        if seen > _MOST_SEEN:
            return
