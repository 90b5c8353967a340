"""Whether an environment on disk is what was built: a quick look, and a long one at every file."""

from __future__ import annotations

import os
from pathlib import Path

from luci.envs import backends, venvs
from luci.envs.health import fault_of
from luci.envs.records import Env
from luci.errors import LuciError


def fault(env: Env) -> str:
    """Return what a quick look finds wrong with an environment; empty where it is whole. Reads no file of a package."""
    return fault_of(*looked_at(env))


def looked_at(env: Env) -> tuple[str, str, str, str, float, str, int, str, str]:
    """Return what `fault_of` looks at."""
    try:
        site = str(venvs.site_packages(env.path))
    except LuciError:
        site = ""
    backend = backends.of(env.spec.kind)
    config, starts = str(backend.witness(env.path)), str(backend.starts_with(env.path))
    root = str(env.root)
    return env.version, env.interpreter, starts, config, env.created, site, env.sealed, root, env.place


def verify(env: Env) -> list[str]:
    """Return every fault a long look finds: each file of each package against the hash in its RECORD (PEP 376, 627)."""
    import base64
    import csv
    import hashlib

    faults = [found] if (found := fault(env)) else []
    try:
        site = venvs.site_packages(env.path)
    except LuciError:
        return faults
    backend = backends.of(env.spec.kind)
    present = backend.installed(env.path)
    brought = backend.brought(env.path)
    faults += [f"{name} {version} is gone" for name, version in env.installed.items() if present.get(name) != version]
    for folder in sorted(each for each in site.glob("*.dist-info") if each.name not in brought):
        try:
            rows = list(csv.reader((folder / "RECORD").read_text(encoding="utf-8").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error):
            faults.append(f"{folder.name} has no readable RECORD")
            continue
        for row in filter(None, rows):
            path, digest = row[0], row[1] if len(row) > 1 else ""
            method, _, wanted = digest.partition("=")
            if not wanted or method not in hashlib.algorithms_available or method.startswith("shake"):
                continue
            if not _is_inside(env.path, site / path):
                faults.append(f"{folder.name} speaks of {path}, which is outside of the environment")
                continue
            try:
                if not (site / path).is_file():  # a pipe would wait for a writer
                    raise FileNotFoundError
                with open(site / path, "rb") as file:
                    actual = hashlib.file_digest(file, method).digest()
            except (OSError, ValueError):
                faults.append(f"{path} is gone")
                continue
            if base64.urlsafe_b64encode(actual).rstrip(b"=").decode() != wanted:
                faults.append(f"{path} was altered")
    return faults + backend.faults(env.path)


def _is_inside(folder: Path, path: Path) -> bool:
    """Whether a path lies in a folder as it is written: files that are links into uv's cache do."""
    return os.path.normpath(path).startswith(os.path.join(os.path.normpath(folder), ""))


def altered(faults: list[str]) -> bool:
    """Whether what `verify` found are files with another content, not only missing ones."""
    return any(found.endswith("was altered") for found in faults)


def condemn(env: Env) -> None:
    """Let every later look find an environment broken."""
    os.utime(venvs.site_packages(env.path), ns=(0, 0))
