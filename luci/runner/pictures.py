"""The images that a run made: figures it would have opened in a window, and image files it wrote.

Figures come from a matplotlib backend in the environment, which writes into a folder instead of opening a window.
Files are looked for where a script writes: in its working folder and its own, and where its output says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
MOST_ENTRIES = 5_000  # of folders that are looked through
DEEPEST = 3
MOST = 50  # images that are told of
LONGEST = 4096  # characters of a path
_WORD = re.compile(r"""[^\s'"<>()\[\]{}|]+""")
_NAMED = re.compile(r".+\.(?:png|jpe?g|gif|webp|svg)(?![\w.])", re.IGNORECASE)


def without_window(environ: Mapping[str, str], figures: Path) -> dict[str, str]:
    """Return the environment in which matplotlib writes what it would show into `figures`.

    A backend that the person chose stays.
    """
    if environ.get("MPLBACKEND"):
        return dict(environ)
    figures.mkdir(parents=True, exist_ok=True)
    return {**environ, "MPLBACKEND": "module://_luci_matplotlib", "LUCI_FIGURES": str(figures)}


def made(since: float, figures: Path, folders: list[Path], output: str) -> list[Path]:
    """Return the images written since a time (seconds since the epoch), the oldest first.

    `folders` are looked through, some levels deep; `output` is the last that the script said, relative to the first.
    """
    found: dict[Path, float] = {}
    for path in (*_listed(figures), *_within(folders), *_told(output, folders[0])):
        if path.suffix.lower() not in SUFFIXES or path.is_symlink():
            continue
        try:
            info = path.stat()
        except OSError:
            continue
        if info.st_mtime >= since and info.st_size:
            found[path.resolve()] = info.st_mtime
    return sorted(found, key=lambda path: found[path])[:MOST]


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _within(folders: list[Path]) -> Iterator[Path]:
    seen = 0
    for top in dict.fromkeys(folders):
        for folder, below, names in os.walk(top):
            seen += len(names) + len(below)
            if seen > MOST_ENTRIES:
                return
            depth = len(Path(folder).relative_to(top).parts)
            below[:] = [
                name for name in below if depth < DEEPEST and name[0] != "." and not _is_environment(folder, name)
            ]
            yield from (Path(folder, name) for name in names if name.lower().endswith(SUFFIXES))


def _is_environment(folder: str, name: str) -> bool:
    return name in ("__pycache__", "node_modules") or os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))


def _told(output: str, folder: Path) -> Iterator[Path]:
    for word in _WORD.finditer(output):
        if word.end() - word.start() <= LONGEST and (named := _NAMED.match(word[0])):
            yield folder / os.path.expanduser(named[0])
