"""Read a lock: uv's lock of a script, and PEP 751's pylock.toml."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from luci.errors import PlanError
from luci.runner.declared.uv_table import listed, string, tabled
from luci.runner.declared.values import (
    Declarations,
    Declared,
    both,
    file_url,
    git_reference,
    read_text,
    read_toml,
    reference,
    requirement,
    shown,
    with_subdirectory,
)
from luci.values import replace

if TYPE_CHECKING:
    from packaging.pylock import Package
    from packaging.requirements import Requirement


def names(script: str) -> tuple[str, ...]:
    """Return how a lock beside a script of this name may be called, the one that is read first before the others:
    `SCRIPT.lock` (as `uv lock --script` writes it; a pylock is read too), then `pylock.NAME.toml` and
    `NAME.pylock.toml`, where NAME is the script's without its suffix. PEP 751 allows no dot in NAME.

    >>> names("a.b.py")
    ('a.b.py.lock', 'pylock.a-b.toml', 'pylock.a.b.toml', 'a.b.pylock.toml')
    """
    stem = os.path.splitext(script)[0]
    plain = stem.replace(".", "-")
    return tuple(
        dict.fromkeys((f"{script}.lock", f"pylock.{plain}.toml", f"pylock.{stem}.toml", f"{stem}.pylock.toml"))
    )


def beside(script_path: Path) -> Declarations | None:
    """Return what the lock beside a script holds, None if there is none.

    Looked for are the `names`. An empty file is some program's lock, not a
    lock of versions. Raises PlanError for one that cannot be read: a lock is never relaxed.
    """
    for name in names(script_path.name):
        path = Path(os.path.abspath(script_path.with_name(name)))
        if not os.path.isfile(path):
            continue
        try:
            if text := read_text(path).strip():
                table = read_toml(text)
                lock = replace(_lock(table, path), **_noted(table))
                return replace(lock, complete=True, locked=path, files=(path,))
        except ValueError as error:
            cause = shown(str(error).split("\n")[0])
            hint = f"Make it anew (`luci env lock {script_path.name}`), or remove it."
            raise PlanError(f"The lock {path.name} cannot be read.", cause=cause, hint=hint) from None
    return None


def _noted(table: dict[str, Any]) -> dict[str, Any]:
    """Return what luci noted in a lock that it wrote: see luci.runner.locking. Raises ValueError."""
    noted = tabled(tabled(table, "tool"), "luci")
    if "modules" not in noted:
        return {}
    return {"modules": tuple(listed(noted, "modules", str)), "asked": tuple(listed(noted, "requirements", str))}


def outdated(lock: Declarations, block: Declarations) -> str:
    """Return the first of a block's requirements that its lock does not hold, "" if it holds them all.

    Who edits the block and forgets the lock means the block.
    """
    for wanted in block.requirements:
        held = [requirement(declared.line) for declared in lock.named(wanted.name)]
        asked = requirement(wanted.line)
        if not wanted.constraint and not any(_holds(pin, asked) for pin in held):
            return wanted.line
    return ""


def _holds(pin: Requirement, asked: Requirement) -> bool:
    if pin.url or asked.url:
        return bool(pin.url)
    versions = [specifier.version for specifier in pin.specifier if specifier.operator in ("==", "===")]
    return all(asked.specifier.contains(version, prereleases=True) for version in versions)


def _lock(table: dict[str, Any], path: Path) -> Declarations:
    if "lock-version" in table:
        return pylock(table, path, whole=True)
    if table.get("version") != 1:
        raise ValueError("it is neither a pylock nor a lock that uv wrote in a format known here")
    return uv_lock(table, path)


def pylock(table: dict[str, Any], path: Path, *, whole: bool = False) -> Declarations:
    """Return the packages of a pylock.toml (PEP 751), each at its version. Raises ValueError.

    Where the lock is `whole`, what its markers grant only to an extra or a dependency group is a constraint: no script
    asks for one.
    """
    from packaging.pylock import Pylock, PylockValidationError  # 37 ms

    try:
        lock = Pylock.from_dict(table)
    except PylockValidationError as error:
        raise ValueError(str(error)) from None
    declared = tuple(_locked(package, path, whole) for package in lock.packages)
    return Declarations(declared, requires_python=str(lock.requires_python or ""), files=(path,))


def _locked(package: Package, path: Path, whole: bool) -> Declared:
    marker = str(package.marker or "")
    for_some = "extras" in marker or "dependency_groups" in marker
    url, hashes = _direct_url(package, path.parent), []
    if url:
        line = reference(package.name, url, marker="" if for_some else marker)
    else:
        pin = f"=={package.version}" if package.version else ""
        line = _line(f"{package.name}{pin}", "" if for_some else marker)
        files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
        hashes = [f"sha256:{file.hashes['sha256']}" for file in files if "sha256" in file.hashes]
    return Declared(line, package.name, path.name, tuple(hashes), constraint=whole and for_some)


def _direct_url(package: Package, folder: Path) -> str:
    if vcs := package.vcs:
        place = vcs.url or file_url(vcs.path or "", folder)
        if vcs.type == "git":
            return git_reference(place, vcs.commit_id, vcs.subdirectory or "")
        return f"{vcs.type}+{place}@{vcs.commit_id}"
    if directory := package.directory:
        return file_url(os.path.join(directory.path, directory.subdirectory or ""), folder)
    if archive := package.archive:
        url = archive.url or file_url(archive.path or "", folder)
        return with_subdirectory(url, archive.subdirectory or "")
    return ""


def uv_lock(table: dict[str, Any], path: Path) -> Declarations:
    """Return what uv locked: the script's own requirements at their versions, the rest as constraints.

    uv writes markers on the edges of its graph, not on packages. So the graph is left to the installer: whatever it
    reaches on its platform is held to the version and the hashes of the lock.
    """
    packages = listed(table, "package", dict)
    declared: list[Declared] = []
    asked = listed(tabled(table, "manifest"), "requirements", dict)
    for want in asked:
        held = [package for package in packages if package.get("name") == want.get("name")]
        if not held:
            raise ValueError(f"it has no version of {shown(want.get('name'))}")
        for package in held:
            declared += _uv_package(package, path, listed(want, "extras", str), string(want, "marker"))
    direct = {want.get("name") for want in asked}
    for package in packages:
        if package.get("name") not in direct:
            declared += (replace(held, constraint=True) for held in _uv_package(package, path))
    return Declarations(tuple(declared), requires_python=string(table, "requires-python"), files=(path,))


def _uv_package(
    package: dict[str, Any], path: Path, extras: list[str] | None = None, marker: str = ""
) -> Iterator[Declared]:
    """Yield the package's one line; none for a project that uv knows but does not install."""
    name, version = string(package, "name"), string(package, "version")
    source = tabled(package, "source")
    if not name or "virtual" in source:
        return
    forks = " or ".join(f"({fork})" for fork in listed(package, "resolution-markers", str))
    marker = both(marker, forks)
    files = [*listed(package, "wheels", dict), tabled(package, "sdist")]
    hashes = tuple(file["hash"] for file in files if str(file.get("hash", "")).startswith("sha256:"))
    if url := _uv_url(source, path.parent):
        line, hashes = reference(name, url, extras or (), marker), ()
    else:
        bracket = f"[{','.join(extras)}]" if extras else ""
        line = _line(f"{name}{bracket}=={version}", marker)
    yield Declared(line, requirement(line).name, path.name, hashes)


def _uv_url(source: dict[str, Any], folder: Path) -> str:
    from urllib.parse import parse_qs, urlsplit

    if git := string(source, "git"):
        parts = urlsplit(git)
        subdirectory = parse_qs(parts.query).get("subdirectory", [""])[0]
        return git_reference(parts._replace(query="", fragment="").geturl(), parts.fragment, subdirectory)
    if url := string(source, "url"):
        return with_subdirectory(url, string(source, "subdirectory"))
    for kind in ("path", "directory", "editable"):
        if place := string(source, kind):
            return file_url(place, folder)
    return ""


def _line(wanted: str, marker: str) -> str:
    return str(requirement(f"{wanted} ; {marker}" if marker else wanted))
