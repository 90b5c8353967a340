"""Read the locks of whole projects: uv.lock, poetry.lock, Pipfile.lock.

Each reader returns what the project itself needs, each at its version and with its hashes, and a sentence on each that
is left out, since nobody asked for it: groups, extras, the project itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from luci.runner.declared import locks
from luci.runner.declared import poetry as poetry_words
from luci.runner.declared.uv_table import listed, string, tabled
from luci.runner.declared.values import (
    Declarations,
    Declared,
    file_url,
    git_reference,
    reference,
    requirement,
    with_subdirectory,
)

Read = tuple[Declarations, tuple[str, ...]]


def uv(table: dict[str, Any], path: Path) -> Read:
    """A script's lock as it is; of a project's what its own packages depend on. Raises ValueError."""
    if table.get("version") != 1:
        raise ValueError("it is no lock that uv wrote in a format known here")
    packages = listed(table, "package", dict)
    own = [package for package in packages if {"editable", "virtual"} & tabled(package, "source").keys()]
    if listed(tabled(table, "manifest"), "requirements", dict) or not own:
        return locks.uv_lock(table, path), ()
    notes = []
    wanted = []
    names = {string(package, "name") for package in own}
    for package in own:
        if "editable" in tabled(package, "source"):
            notes.append(f"{string(package, 'name')} is left out: it is the project itself, installed editable.")
        wanted += [need for need in listed(package, "dependencies", dict) if need.get("name") not in names]
        for part, what in (("dev-dependencies", "group"), ("optional-dependencies", "extra")):
            for group, needs in tabled(package, part).items():
                told = ", ".join(str(need.get("name", "?")) for need in needs if isinstance(need, dict))
                notes.append(f"{told or 'nothing'} is left out: of the {what} {group}.")
    asked = [{"name": n.get("name"), "extras": n.get("extra", []), "marker": n.get("marker", "")} for n in wanted]
    rest = [package for package in packages if package not in own]
    said = locks.uv_lock({**table, "manifest": {"requirements": asked}, "package": rest}, path)
    return said, tuple(notes)


def poetry(table: dict[str, Any], path: Path) -> Read:
    """Of poetry.lock the group `main`. Raises ValueError."""
    declared: list[Declared] = []
    notes: list[str] = []
    for package in listed(table, "package", dict):
        name, version = string(package, "name"), string(package, "version")
        groups = listed(package, "groups", str) or [string(package, "category") or "main"]
        if "main" not in groups:
            notes.append(f"{name} {version} is left out: of the group {', '.join(groups)}.")
            continue
        if package.get("optional") is True:
            notes.append(f"{name} {version} is left out: it is optional, of an extra.")
            continue
        said = package.get("markers", "")
        marker = str(said.get("main", "")) if isinstance(said, dict) else str(said)
        hashes = _hashes(file.get("hash") for file in listed(package, "files", dict))
        declared.append(_pin(name, version, _source(tabled(package, "source"), path.parent), marker, hashes, path))
    python = poetry_words.version_range(string(tabled(table, "metadata"), "python-versions"))
    return Declarations(tuple(declared), requires_python=python, files=(path,)), tuple(notes)


def _source(source: dict[str, Any], folder: Path) -> str:
    kind, url = string(source, "type"), string(source, "url")
    subdirectory = string(source, "subdirectory")
    if kind == "git":
        return git_reference(url, string(source, "resolved_reference") or string(source, "reference"), subdirectory)
    if kind == "url":
        return with_subdirectory(url, subdirectory)
    return file_url(url, folder) if kind in ("directory", "file") else ""


def pipfile(text: str, path: Path) -> Read:
    """Of Pipfile.lock what is for use, and not for development. Raises ValueError."""
    table = json.loads(text)
    if not isinstance(table, dict):
        raise ValueError("it is no lock of pipenv's")
    declared = []
    for name, said in tabled(table, "default").items():
        version = string(said, "version").lstrip("=")
        url = ""
        if git := string(said, "git"):
            url = git_reference(git, string(said, "ref"), string(said, "subdirectory"))
        elif place := string(said, "path"):
            url = file_url(place, path.parent)
        elif place := string(said, "file"):
            url = place if "://" in place else file_url(place, path.parent)
        extras = listed(said, "extras", str)
        bracket = f"[{','.join(extras)}]" if extras else ""
        hashes = _hashes(listed(said, "hashes", str))
        declared.append(_pin(f"{name}{bracket}", version, url, string(said, "markers"), hashes, path))
    notes = [f"{name} is left out: it is for development." for name in tabled(table, "develop")]
    requires = tabled(tabled(table, "_meta"), "requires")
    python = string(requires, "python_full_version") or string(requires, "python_version")
    minor = ".".join(python.split(".")[:2])
    said = Declarations(tuple(declared), requires_python=f"=={minor}.*" if minor else "", files=(path,))
    return said, tuple(notes)


def _pin(name: str, version: str, url: str, marker: str, hashes: tuple[str, ...], path: Path) -> Declared:
    if url:
        line, hashes = reference(name, url, marker=marker), ()
    else:
        pinned = f"{name}=={version}" if version else name
        line = str(requirement(f"{pinned} ; {marker}" if marker else pinned))
    return Declared(line, requirement(line).name, path.name, hashes)


def _hashes(said: Any) -> tuple[str, ...]:
    return tuple(digest for digest in said if isinstance(digest, str) and digest.startswith("sha256:"))
