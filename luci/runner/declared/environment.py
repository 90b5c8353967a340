"""What a script or its project declares for conda: a lock, a table of pixi's, or an environment.yml.

A lock counts as long as it has all that the file beside it names: who edits that file and forgets the lock means the
file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from luci.errors import LuciError
from luci.runner.declared import conda_locks, pixi, variables
from luci.runner.declared.requirements import RequirementsFile
from luci.runner.declared.uv_table import tabled
from luci.runner.declared.values import (
    CondaChoice,
    Declarations,
    Declared,
    has_control_characters,
    read_text,
    read_toml,
    shown,
    with_hashes,
)
from luci.values import replace

_YAML = ("environment.yml", "environment.yaml")
_TOML = "pixi.toml"


def names() -> tuple[str, ...]:
    """Return how the files are called that are read here."""
    return (*conda_locks.LOCKS, *conda_locks.lists(), _TOML, *_YAML)


def environment(folders: tuple[Path, ...], pyproject: dict[str, Any]) -> Declarations:
    """Return what the first of these folders with anything for conda declares; `pyproject` is the last one's table."""
    for folder in folders:
        locks = [folder / name for name in (*conda_locks.LOCKS, *conda_locks.lists())]
        table = pyproject if folder == folders[-1] else {}
        if found := _of(folder, [path for path in locks if os.path.isfile(path)], table):
            return found
    return Declarations()


def _of(folder: Path, locks: list[Path], pyproject: dict[str, Any]) -> Declarations | None:
    said = _said(folder, pyproject)
    problems: list[str] = list(said.problems) if said else []
    for path in locks:
        try:
            lock = conda_locks.read(path)
        except (ValueError, LuciError) as error:
            problems.append(f"{path.name} is not used: {shown(str(error).splitlines()[0])}")
            continue
        missing = _beyond(said, lock)
        if not missing:
            files = (*(said.files if said else ()), path)
            conda = (
                replace(lock.conda, variables=said.conda.variables)
                if lock.conda and said and said.conda
                else lock.conda
            )
            return Declarations(lock.requirements, requires_python=lock.requires_python, files=files, conda=conda)
        problems.append(f"{path.name} is not used: {missing} is not in it.")
    if said is None and not problems:
        return None
    said = said or Declarations()
    return Declarations(
        said.requirements,
        requires_python=said.requires_python,
        files=(*said.files, *locks),
        problems=tuple(problems),
        conda=said.conda,
    )


def _beyond(said: Declarations | None, lock: Declarations) -> str:
    """Return what is declared and not in the lock, "" where all is."""
    held = {_named(spec) for spec in lock.conda.specs} if lock.conda else set()
    wanted = [_named(spec) for spec in said.conda.specs] if said and said.conda else []
    return next((name for name in wanted if name not in held), "")


def _named(spec: str) -> str:
    return re.split(r"[\s\[=<>!~]", spec, maxsplit=1)[0].lower()


def _said(folder: Path, pyproject: dict[str, Any]) -> Declarations | None:
    if os.path.isfile(folder / _TOML):
        return _pixi(folder / _TOML)
    for path in (folder / name for name in _YAML):
        if os.path.isfile(path):
            return _read(path)
    try:
        table = tabled(tabled(pyproject, "tool"), "pixi")
    except ValueError:
        return None  # the reader of pyproject.toml says so
    if table:
        return pixi.declared(table, folder / "pyproject.toml")
    return None


def of_file(path: Path) -> Declarations:
    """Return what one file for conda declares. Raises ValueError, LuciError for a lock that cannot be read."""
    if path.suffix == ".toml":
        return _pixi(path)
    if path.suffix not in (".yml", ".yaml"):
        return conda_locks.read(path)
    from luci.envs.channels import read_yaml

    is_lock = isinstance(read_yaml(read_text(path), path.name).get("package"), list)
    return conda_locks.read(path) if is_lock else _read(path)


def _pixi(path: Path) -> Declarations:
    try:
        return pixi.declared(read_toml(read_text(path)), path)
    except ValueError as error:
        return Declarations(files=(path,), problems=(f"{path.name} cannot be read: {shown(error)}",))


def _read(path: Path) -> Declarations:
    from luci.envs.channels import read_yaml

    try:
        table = read_yaml(read_text(path), str(path))
    except (ValueError, LuciError) as error:
        why = error.cause if isinstance(error, LuciError) and error.cause else str(error)
        return Declarations(files=(path,), problems=(f"{path.name} cannot be read: {why}",))
    problems: list[str] = []
    specs: list[str] = []
    lines: list[Declared] = []
    pips: list[str] = []
    python = ""
    told, untold = variables.read(table.get("variables"), path.name)
    problems += untold
    for entry in _list(table.get("dependencies")):
        if isinstance(entry, dict):
            pips += [text for text in _list(entry.get("pip")) if isinstance(text, str)]
        elif not isinstance(entry, str) or has_control_characters(entry):
            what = "a list within the list" if isinstance(entry, list) else shown(repr(entry))  # lists may be endless
            problems.append(f"{path.name}: {what} is no package.")
        elif name := _name(entry):
            limit = entry.split("::")[-1].strip()[len(name) :].strip()
            if name == "python":
                python = specifier(limit)
                specs += [_match(name, limit)] if limit else []
                continue
            specs.append(_match(name, limit))
            lines.append(Declared(name, name, path.name))
    listed = RequirementsFile(path.parent)
    for text in pips:
        listed.line(text, path.parent, f"{path.name}, pip")
    lines += listed.requirements
    problems += listed.problems
    channels = tuple(text for text in _list(table.get("channels")) if isinstance(text, str) and text != "nodefaults")
    pip_lines = tuple(with_hashes(each) for each in listed.requirements if not each.constraint)
    choice = CondaChoice(path, channels, tuple(specs), pip_lines, told)
    read = (path, *listed.files)
    return Declarations(tuple(lines), requires_python=python, files=read, problems=tuple(problems), conda=choice)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _name(spec: str) -> str:
    match = re.match(r"\s*(?:[^\s:]+::)?([a-z0-9_][a-z0-9_.-]*)", spec, re.I)
    return match[1].lower() if match else ""


def _match(name: str, limit: str) -> str:
    """Return conda's three ways to limit a package in one: "=1.2", "1.2.*" and ">=1,<2" stay, builds too."""
    return f"{name} {limit}" if limit and limit[0] not in "=<>!~ [" else f"{name}{limit}".strip()


def specifier(limit: str) -> str:
    """Return a limit of conda's on Python as PEP 440 writes it; "" where it has no such form.

    Which release of a minor version it is, is for the solver: a plan knows a channel's Pythons by their minor versions.

    >>> specifier("=3.11"), specifier("3.11.*"), specifier(">=3.10,<3.13"), specifier("==3.11.4")
    ('==3.11.*', '==3.11.*', '>=3.10,<3.13', '==3.11.*')
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    exact = re.match(r"={0,2}(\d+\.\d+)\.\d+(?![\d.*])", limit)
    version = exact[1] if exact else limit.split("=")[1] if re.fullmatch(r"=[\d.*]+(=\S+)?", limit) else limit
    text = f"=={version.removesuffix('.*')}.*" if re.fullmatch(r"\d+(\.\d+)*(\.\*)?", version) else version
    try:
        return str(text) if SpecifierSet(text) is not None else ""
    except InvalidSpecifier:
        return ""
