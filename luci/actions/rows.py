"""Environments as the lists show them. It imports next to nothing, so that a thousand of them are there at once."""

from __future__ import annotations

import os

from luci import paths
from luci.envs import catalogue, files, lately
from luci.envs.health import fault_of
from luci.runner import owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def all_of_them(*, brief: bool = False) -> list[dict[str, Any]]:
    """Return a row for each environment, what is being built first, then the most lately used first."""
    entries = catalogue.read(os.path.join(paths.text("data"), "envs"))
    scripts = owners.scripts_by_key()
    rows = [row(entry, scripts, brief=brief) for entry in entries.values() if entry]
    rows.sort(key=lambda row: row["last_used"], reverse=True)
    unpublished = [name for name, entry in entries.items() if not entry]
    return [*_under_construction(unpublished), *rows] if unpublished else rows


def row(entry: dict[str, Any], scripts: Mapping[str, list[str]], *, brief: bool = False) -> dict[str, Any]:
    """Return an environment of the catalogue as a list shows it, `brief` where few of its columns are wanted.
    `scripts` are the files known to use each key."""
    users = sorted(scripts.get(entry["brief"]["key"], ()))
    runnable = [script for script in users if os.path.exists(script)]
    script = runnable[0] if runnable else ""
    return {
        **({} if brief else catalogue.shown(entry)),
        **entry["brief"],
        "last_used": lately.used(entry["root"]),
        "scripts": users,
        "runnable": runnable,
        "script": script,
        "state": _state(entry, script, scripts),
    }


def _state(entry: dict[str, Any], script: str, scripts: Mapping[str, list[str]]) -> str:
    """Return "broken", "orphaned" (no script that used it is there any more, and nobody made it by hand), "stale" (its
    script is there and uses another environment now), or "ready"."""
    if fault_of(*entry["looked_at"]) and _is_broken(entry):
        return "broken"
    first = entry["script"]
    if not script and not entry["by_hand"] and not os.path.exists(first):
        return "orphaned"
    left = entry["brief"]["key"] not in scripts and any(first in users for users in scripts.values())
    return "stale" if left else "ready"


def _is_broken(entry: dict[str, Any]) -> bool:
    from luci.envs.store import fault

    return bool(fault(catalogue.env_of(entry)))


def _under_construction(names: list[str]) -> list[dict[str, Any]]:
    """What is built for the first time now: there is a name, and no record yet."""
    from luci.envs.store import Store

    store = Store(paths.envs())
    return [_without_record(str(store.root / name)) for name in store.building(names)]


def _without_record(root: str) -> dict[str, Any]:
    name = os.path.basename(root)
    rest, _, key = name.rpartition("_")
    unknown: dict[str, Any] = {
        "python": "",
        "python_version": "",
        "kind": "venv",
        "requirements": [],
        "scope": "",
        "names": [],
    }
    unknown |= {
        "installed": {},
        "packages": 0,
        "created": 0.0,
        "last_used": files.mtime(root) / 1e9,
        "about": {},
        "scripts": [],
        "runnable": [],
        "script": "",
        "activate": "",
    }
    label = rest.removeprefix("luci_")
    return {"key": key, "name": name, "label": label, "path": root, **unknown, "state": "building"}
