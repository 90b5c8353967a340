"""Which scripts use which environment, as their memories tell. It imports next to nothing until one must be read."""

from __future__ import annotations

import os

from luci import paths
from luci.envs import files, indexed


def scripts_by_key() -> dict[str, list[str]]:
    """Return which scripts use which environment, by key."""
    folder = os.path.join(paths.text("state"), "scripts")
    found: dict[str, list[str]] = {}
    for told in indexed.said(folder, sorted(files.listing(folder)), _of_memory).values():
        if told:
            script, key = told
            found.setdefault(key, []).append(script)
    return found


def _of_memory(path: str) -> tuple[str, str] | None:
    from pathlib import Path

    from luci.runner import memory

    found = memory.read(Path(path))
    return (found.script, found.key) if found and found.script and found.key else None
