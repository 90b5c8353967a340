"""The images that a run made: figures it would have opened in a window, and image files it wrote.

Figures come from a matplotlib backend in the environment, which writes into a folder instead of opening a window.
Files are looked for where a script writes: in its working folder and its own, and where its output says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from luci import runs

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


def doubtful(files: list[Path], figures: Path, output: str, own: runs.Run, others: list[runs.Run]) -> list[Path]:
    """Return the images that another run may have made: it was under way then, and writes where they are.

    What a run drew for a window, and what its output names, is its own. Who writes a file, the system does not tell.
    """
    named = {path.resolve() for path in _told(output, Path.cwd())}
    open_to_doubt = [path for path in files if path not in named and figures.resolve() not in path.parents]
    return [path for path in open_to_doubt if any(_may_have_made(path, own, other) for other in others)]


def _may_have_made(path: Path, own: runs.Run, other: runs.Run) -> bool:
    if other.id == own.id or not _was_under_way(other, path.stat().st_mtime):
        return False
    folder = Path(other.script).resolve().parent
    return other.pid == own.pid or folder in path.parents  # of one luci: it has one working folder


def _was_under_way(run: runs.Run, when: float) -> bool:
    if run.seconds is not None:
        return run.started <= when <= run.started + run.seconds
    return run.started <= when and _lives(run.pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return pid > 0


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
