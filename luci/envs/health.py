"""What a quick look finds wrong with an environment, told from a few paths: it imports nothing but os."""

from __future__ import annotations

import os


def fault_of(
    version: str,
    interpreter: str,
    python: str,
    config: str,
    created: float,
    site: str,
    sealed: int,
    root: str,
    place: str,
) -> str:
    """Return it in words, empty where the environment is whole. `created` is in seconds since the epoch, `sealed` is
    the mtime of its `site` in nanoseconds; `site` is empty where it could not be found. `place` is where it was built
    if that is known, `root` where it is now."""
    if place and place != root and not _same(place, root):
        return f"it was moved or copied here from {place}"
    if not os.path.exists(interpreter):
        return f"Python {version} at {interpreter} is gone"
    if not os.access(python, os.X_OK):
        return "its python is gone"
    if not 0 < _mtime(config) <= created * 1e9:
        return f"its {os.path.basename(config)} is gone or was changed"
    if not site:
        return "its site-packages are gone"
    return "" if _mtime(site) == sealed else "its packages were changed"


def _same(first: str, second: str) -> bool:
    """Whether two paths are one folder, through a link for example."""
    try:
        return os.path.samefile(first, second)
    except (OSError, ValueError):
        return False


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
