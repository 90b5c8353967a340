"""Read one file, of whichever form, that says what an environment is to hold: a lock, or a list.

What cannot be taken over is named, never dropped: what lies on the disk of one machine (editable installs, folders,
files), groups and extras that nobody asked for, the index that a file names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from luci.errors import LuciError, UsageError
from luci.runner.declared import conda_locks, environment, foreign_locks, locks
from luci.runner.declared.pyproject import Pyproject
from luci.runner.declared.requirements import RequirementsFile
from luci.runner.declared.uv_table import tabled
from luci.runner.declared.values import Declarations, Declared, IndexChoice, read_text, read_toml, shown
from luci.values import Value, replace

FORMS = (
    "requirements.txt, pylock.toml, pyproject.toml, environment.yml, conda-lock.yml, an @EXPLICIT list, pixi.toml, "
    "pixi.lock, uv.lock, poetry.lock, Pipfile.lock"
)


class Taken(Value):
    """What a file or a folder says. `left` are sentences on what is not taken over, `notes` on what need not be;
    `name` is what it calls itself."""

    declarations: Declarations
    left: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""


def read(path: Path) -> Taken:
    """Return what a file says, complete. Raises UsageError for what luci has no reader for, or cannot read."""
    path = Path(os.path.abspath(path))
    try:
        if path.is_dir():
            from luci.runner.declared import installed

            return _without_local(installed.read(path))
        return _without_local(_reader(path)(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        cause = shown(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise UsageError(f"{path.name} cannot be taken over.", cause=cause, hint=f"Taken over are {FORMS}.") from error
    except LuciError as error:
        cause = error.cause or error.message
        raise UsageError(f"{path.name} cannot be taken over.", cause=cause, hint=error.hint) from error


def _reader(path: Path) -> Callable[[Path], Taken]:
    name = path.name.lower()
    text = read_text(path)
    if name == "pipfile.lock":
        return _pipfile
    if name in ("pixi.lock", "pixi.toml") or name.endswith((".yml", ".yaml")) or conda_locks.is_explicit(text):
        return _conda
    if name.endswith((".toml", ".lock")):
        return _toml
    if name.endswith((".py", ".cfg", ".json", ".whl", ".gz", ".zip")):
        raise ValueError("it is neither a lock nor a list")
    return _list


def _conda(path: Path) -> Taken:
    said = environment.of_file(path)
    names = re.findall(r"^name:\s*([\w-]+)\s*$", read_text(path), re.M) if path.suffix in (".yml", ".yaml") else []
    is_lock = path.suffix not in (".yml", ".yaml", ".toml") or "package:" in read_text(path).splitlines()
    taken = _complete(said, path, lock=is_lock, name=names[0] if names else "")
    if said.conda is None or not said.conda.variables:
        return taken
    told = ", ".join(name for name, _ in said.conda.variables)
    note = f"{told} will not be set: an environment made by hand sets no variables, and a run beside {path.name} does."
    return replace(taken, notes=(*taken.notes, note))


def _list(path: Path) -> Taken:
    seen = RequirementsFile(path.parent).read(path)
    said = Declarations(tuple(seen.requirements), index=seen.index, problems=tuple(seen.problems))
    if not said.requirements and seen.problems:
        raise ValueError(seen.problems[0])
    return _complete(said, path)


def _toml(path: Path) -> Taken:
    table = read_toml(read_text(path))
    if "lock-version" in table:
        return _complete(locks.pylock(table, path, whole=True), path, lock=True)
    if "package" in table:
        is_poetry = "lock-version" in tabled(table, "metadata")
        said, notes = foreign_locks.poetry(table, path) if is_poetry else foreign_locks.uv(table, path)
        taken = _complete(said, path, lock=True)
        return replace(taken, notes=(*taken.notes, *notes))
    if not {"project", "tool", "dependency-groups"} & table.keys():
        raise ValueError("it is neither a lock nor a pyproject.toml")
    read = Pyproject(table, path.parent, [path]).read()
    notes = tuple(f"{each.line} is left out: it is optional ({each.origin})." for each in read.optional)
    said = Declarations((*read.project, *read.poetry), requires_python=read.requires_python, index=read.index)
    taken = _complete(replace(said, problems=tuple(read.problems)), path)
    name = tabled(table, "project").get("name", "")
    return replace(taken, notes=(*taken.notes, *notes), name=name if isinstance(name, str) else "")


def _pipfile(path: Path) -> Taken:
    said, notes = foreign_locks.pipfile(read_text(path), path)
    taken = _complete(said, path, lock=True)
    return replace(taken, notes=(*taken.notes, *notes))


def _complete(said: Declarations, path: Path, *, lock: bool = False, name: str = "") -> Taken:
    index = said.index
    places = (*filter(None, [index.url]), *index.extra_urls, *index.find_links)
    left = [f"{_sentence(problem)}" for problem in said.problems]
    notes = [
        f"{shown(place)} is not asked: packages come from the index that luci is configured with." for place in places
    ]
    if index.no_index:
        notes.append("--no-index is not followed.")
    kept = IndexChoice(exclude_newer=index.exclude_newer, prereleases=index.prereleases, only=index.only)
    whole = replace(said, complete=True, index=kept, problems=(), files=(path,), locked=path if lock else None)
    return Taken(whole, tuple(left), tuple(notes), name)


def _sentence(text: str) -> str:
    return f"{text.rstrip('.')}."


def _without_local(taken: Taken) -> Taken:
    """A path means something on the disk where it was written, and luci's environments hold copies, not folders."""
    said = taken.declarations
    local = [line for line in said.requirements if _is_local(line)]
    left = [
        f"{shown(line.name or line.line)} is left out: it is a file or a folder on a disk ({line.origin})."
        for line in local
    ]
    rest = tuple(line for line in said.requirements if line not in local)
    return replace(taken, declarations=replace(said, requirements=rest), left=(*left, *taken.left))


def _is_local(line: Declared) -> bool:
    return bool(re.match(r"(\S+ @ )?(\w+\+)?file:", re.sub(r"^(\S+) *@ *", r"\1 @ ", line.line)))
