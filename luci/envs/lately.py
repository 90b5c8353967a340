"""When an environment was last used, told by its markers: see luci.envs.uses. It imports next to nothing."""

from __future__ import annotations

import time

from luci.envs import files


def used(root: str) -> float:
    """Return when it was last used, in seconds since the epoch. A time in the future counts as now."""
    folder = f"{root}/uses"
    times = [files.mtime(folder), *(files.mtime(f"{folder}/{name}") for name in files.listing(folder))]
    return min(max(times) / 1e9, time.time())
