"""Read what pixi declares, in a pixi.toml or under [tool.pixi] in a pyproject.toml: its default environment."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from luci.runner.declared import variables
from luci.runner.declared.conda_locks import platform
from luci.runner.declared.uv_table import listed, string, tabled
from luci.runner.declared.values import (
    CondaChoice,
    Declarations,
    Declared,
    file_url,
    git_reference,
    has_control_characters,
    match_spec,
    reference,
    requirement,
    shown,
    with_subdirectory,
)


def declared(table: dict[str, Any], path: Path) -> Declarations:
    """Return what the table declares: nothing for conda where it asks nothing of it but Python. Raises ValueError."""
    from luci.runner.declared.environment import specifier

    place = "pyproject.toml [tool.pixi]" if path.name == "pyproject.toml" else path.name
    problems: list[str] = []
    specs: dict[str, str] = {}
    for name, said in _dependencies(table, "dependencies"):
        limit = str(said.get("version", "*") if isinstance(said, dict) else said).strip()
        build = string(said, "build") if isinstance(said, dict) else ""
        if has_control_characters(f"{name}{limit}{build}") or '"' in f"{name}{limit}{build}":
            problems.append(f"{place}: {shown(name)} is no package.")
            continue
        told = {"version": "" if limit == "*" else limit, "build": build}
        specs[name.lower()] = match_spec(name.lower(), told)
    python = dict(_dependencies(table, "dependencies")).get("python", "")
    limit = str(python.get("version", "") if isinstance(python, dict) else python)
    pips: list[Declared] = []
    for name, said in _dependencies(table, "pypi-dependencies"):
        try:
            wanted = requirement(_line(name, said, path.parent))
            pips.append(Declared(str(wanted), wanted.name, f"{place}, pypi"))
        except ValueError as error:
            problems.append(f"{place}: {shown(name)} is not used: {error}")
    if path.name == "pyproject.toml" and not set(specs) - {"python", "pip"}:
        return Declarations(tuple(pips), problems=tuple(problems))
    lines = [Declared(name, name, place) for name in specs if name != "python"]
    activated, untold = variables.read(_variables(table, place, problems), place)
    problems += untold
    pip_lines = tuple(line.line for line in pips)
    choice = CondaChoice(path, tuple(_channels(table)), tuple(specs.values()), pip_lines, activated)
    asked = specifier("" if limit == "*" else limit)
    return Declarations((*lines, *pips), requires_python=asked, files=(path,), problems=tuple(problems), conda=choice)


def _dependencies(table: dict[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Yield what the default environment has: for every platform, then for this one."""
    yield from tabled(table, key).items()
    for each in _targets(table):
        yield from tabled(each, key).items()


def _variables(table: dict[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """Return what is set when the default environment is activated; what a shell would expand is left out."""
    if tabled(table, "activation").get("scripts"):
        problems.append(f"{place}: its activation scripts are not run.")
    found: dict[str, Any] = {}
    for each in (table, *_targets(table)):
        found |= tabled(tabled(each, "activation"), "env")
    for name in [name for name, value in found.items() if isinstance(value, str) and re.search(r"[$%`]", value)]:
        problems.append(f"{place}: {shown(name)} is not set: a shell would have to expand it.")
        del found[name]
    return found


def _targets(table: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the tables of this platform, the nearest last."""
    targets = tabled(table, "target")
    for name in ("unix", sys.platform.replace("darwin", "osx").replace("win32", "win"), platform()):
        if name != "unix" or sys.platform != "win32":
            yield tabled(targets, name)


def _channels(table: dict[str, Any]) -> Iterator[str]:
    for name in ("workspace", "project"):
        for channel in listed(tabled(table, name), "channels", object):
            if found := channel if isinstance(channel, str) else string(channel, "channel"):
                yield found
        if name in table:
            return


def _line(name: str, said: Any, folder: Path) -> str:
    """Return one of `pypi-dependencies` as a PEP 508 line. Raises ValueError."""
    if isinstance(said, str):
        return name if said.strip() == "*" else f"{name}{_limit(said)}"
    if not isinstance(said, dict):
        raise ValueError("it is neither a version nor a table")
    extras = listed(said, "extras", str)
    url = string(said, "url")
    if git := string(said, "git"):
        revision = next((string(said, key) for key in ("rev", "tag", "branch") if said.get(key)), "")
        url = git_reference(git, revision, string(said, "subdirectory"))
    elif place := string(said, "path"):
        url = with_subdirectory(file_url(place, folder), string(said, "subdirectory"))
    if url:
        return reference(name, url, extras)
    version = string(said, "version")
    bracket = f"[{','.join(extras)}]" if extras else ""
    return f"{name}{bracket}" + (_limit(version) if version.strip() not in ("", "*") else "")


def _limit(version: str) -> str:
    """
    >>> _limit("1.2"), _limit("1.2.*"), _limit(" >=1,<2")
    ('==1.2', '==1.2.*', '>=1,<2')
    """
    text = version.strip()
    return f"=={text}" if text[:1].isdigit() else text
