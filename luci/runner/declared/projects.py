"""Find a script's project, and read what its files declare."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from luci.runner.declared.environment import environment
from luci.runner.declared.locks import pylock
from luci.runner.declared.pyproject import Pyproject
from luci.runner.declared.requirements import RequirementsFile
from luci.runner.declared.values import Declarations, Declared, read_text, read_toml, shown

MARKERS = ("pyproject.toml", "pylock.toml", "setup.py", "setup.cfg", ".git")
WEAK_MARKER = "requirements.txt"


def project_root(folder: Path) -> Path | None:
    """Return the project that `folder` belongs to: the nearest folder, itself or above, with one of `MARKERS`.

    A requirements.txt makes a project only where nothing else does, so that an example's own list does not cut it off
    from its repository. The search ends below the home folder, whose dotfiles are no project of every script, and at
    a folder that anyone may write to, where strangers could lay files.
    """
    weak = None
    for candidate in _upwards(folder):
        if any(os.path.exists(candidate / marker) for marker in MARKERS):
            return candidate
        if weak is None and os.path.exists(candidate / WEAK_MARKER):
            weak = candidate
    return weak


def _upwards(folder: Path) -> Iterable[Path]:
    folder = Path(os.path.abspath(folder))
    home = Path(os.path.abspath(os.path.expanduser("~")))
    for candidate in (folder, *folder.parents):
        if candidate in (home, *home.parents) or candidate == candidate.parent or _is_open_to_all(candidate):
            return
        yield candidate


def _is_open_to_all(folder: Path) -> bool:
    """Return whether a folder is like /tmp: sticky, and writable by everybody."""
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_ISVTX and mode & stat.S_IWOTH)


def project(folder: Path) -> Declarations | None:
    """Return what the files of the project of `folder` declare, None where there are none.

    Read are pylock.toml and pyproject.toml in the project's root, and requirements*.txt beside the script and in the
    root. A broken file is no reason to stop: what could not be read is in `problems`.
    """
    folder = Path(os.path.abspath(folder))
    root = project_root(folder)
    lock = _pylock(root) if root else Declarations()
    toml = _pyproject(root) if root else Pyproject({}, folder)
    lists = _requirements_files(folder, root)
    conda = environment((folder, root) if root else (folder,), toml.table if root else {})
    files = (*conda.files, *lock.files, *toml.files, *(file for read in lists for file in read.files))
    index = toml.index
    for read in lists:
        index = index.over(read.index)
    problems = (
        *conda.problems,
        *lock.problems,
        *toml.problems,
        *(problem for read in lists for problem in read.problems),
    )
    if not files and not problems:
        return None
    return Declarations(
        _first_wins(
            lock.requirements,
            toml.project,
            toml.poetry,
            *(r.requirements for r in lists),
            conda.requirements,
            toml.optional,
        ),
        requires_python=lock.requires_python or toml.requires_python or conda.requires_python,
        index=index,
        files=tuple(dict.fromkeys(files)),
        problems=problems,
        conda=conda.conda,
    )


def _first_wins(*sources: Iterable[Declared]) -> tuple[Declared, ...]:
    """Join the sources. The first that names a distribution has all the say on it; lines without a name all stay."""
    spoken_of: set[str] = set()
    kept: list[Declared] = []
    for source in sources:
        fresh = [line for line in source if not line.name or line.name not in spoken_of]
        spoken_of.update(line.name for line in fresh)
        kept += fresh
    return tuple(dict.fromkeys(kept))


def _pylock(root: Path) -> Declarations:
    path = root / "pylock.toml"
    if not os.path.lexists(path):
        return Declarations()
    try:
        return pylock(read_toml(read_text(path)), path)
    except ValueError as error:
        return Declarations(problems=(f"pylock.toml cannot be read: {_first_line(error)}",))


def _pyproject(root: Path) -> Pyproject:
    path = root / "pyproject.toml"
    nothing = Pyproject({}, root)
    if not os.path.lexists(path):
        return nothing
    try:
        return Pyproject(read_toml(read_text(path)), root, files=[path]).read()
    except ValueError as error:
        nothing.problems.append(f"pyproject.toml cannot be read: {_first_line(error)}")
        return nothing


def _requirements_files(folder: Path, root: Path | None) -> list[RequirementsFile]:
    """Read the lists beside the script, then those in the root; requirements.txt before its sisters."""
    places = [] if _is_open_to_all(folder) else [folder]
    places += [root] if root and root != folder else []
    lists: list[RequirementsFile] = []
    for place in places:
        for path in sorted(place.glob("requirements*.txt"), key=lambda path: (path.name != WEAK_MARKER, path.name)):
            if not any(path in read.files for read in lists):
                lists.append(RequirementsFile(root or folder).read(path))
    return lists


def _first_line(error: ValueError) -> str:
    return shown(str(error).split("\n")[0])
