"""Environments in words: what state each is in, and everything that is known of one."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luci import runs
from luci.envs import files, prunes, trees, uses
from luci.envs.store import Env, Store, fault, generations, sizes, weight
from luci.errors import EnvError

RUNS = 20  # at most, of those that used an environment


def described(env: Env, scripts: Mapping[str, list[str]]) -> dict[str, Any]:
    """An environment as the lists show it. `scripts` are the files known to use each key."""
    users = sorted(scripts.get(env.key, []))
    there = [script for script in users if os.path.exists(script)]
    return {
        **env.as_dict(),
        "scripts": users,
        "runnable": there,
        "script": next(iter(there), ""),
        "activate": f". {shlex.quote(str(env.path / 'bin' / 'activate'))}",
        "state": state(env, scripts),
    }


def under_construction(store: Store, published: list[Env]) -> list[dict[str, Any]]:
    """What is built for the first time now, as the lists show it: there is a name, and no record yet."""
    known = {env.name for env in published}
    return [_without_record(store.root / name) for name in store.building() if name not in known]


def _without_record(root: Path) -> dict[str, Any]:
    rest, _, key = root.name.rpartition("_")
    unknown: dict[str, Any] = {"python": "", "python_version": "", "kind": "venv", "requirements": [], "scope": ""}
    unknown |= {
        "installed": {},
        "created": 0.0,
        "last_used": files.mtime(root) / 1e9,
        "about": {},
        "scripts": [],
        "runnable": [],
        "script": "",
        "activate": "",
    }
    label = rest.removeprefix("luci_")
    return {"key": key, "name": root.name, "label": label, "path": str(root), **unknown, "state": "building"}


def state(env: Env, scripts: Mapping[str, list[str]]) -> str:
    """Return "broken", "orphaned" (no script that used it is there any more), "stale" (its script is there and uses
    another environment now), or "ready"."""
    if fault(env):
        return "broken"
    if prunes.orphaned(env, scripts.get(env.key, [])):
        return "orphaned"
    return "stale" if _left_for_another(env, scripts) else "ready"


def _left_for_another(env: Env, scripts: Mapping[str, list[str]]) -> bool:
    first = env.about.get("script", "")
    return env.key not in scripts and any(first in users for users in scripts.values())


def shown(env: Env, scripts: Mapping[str, list[str]]) -> dict[str, Any]:
    about = described(env, scripts)
    return {**about, "fault": fault(env), "in_use_by": uses.users(env.root), "freed_by_removing": sum(sizes(env.root))}


def inspected(env: Env, scripts: Mapping[str, list[str]]) -> dict[str, Any]:
    """Everything that is known of an environment: what `shown` tells, its tree, its runs, its record, its files."""
    try:
        tree = trees.tree(env)
    except EnvError:  # it is broken, and `fault` says how
        tree = []
    record = env.root / "env.json"
    return {
        **shown(env, scripts),
        "tree": [node.as_dict() for node in tree],
        "runs": [run.as_dict() for run in runs.all_of_them() if run.env_key == env.key][:RUNS],
        "bytes": weight(env.root)[0],
        "generations": generations(env.root),
        "record": files.read_json(record),
        "record_path": str(record),
    }
