"""What a quick look finds wrong with an environment, told from a few paths: it imports nothing but os."""

from __future__ import annotations

import os


def fault_of(version: str, interpreter: str, python: str, config: str, created: float, site: str, sealed: int) -> str:
    """Return it in words, empty where the environment is whole. `created` is in seconds since the epoch, `sealed` is
    the mtime of its `site` in nanoseconds; `site` is empty where it could not be found."""
    if not os.path.exists(interpreter):
        return f"Python {version} at {interpreter} is gone"
    if not os.access(python, os.X_OK):
        return "its python is gone"
    if not 0 < _mtime(config) <= created * 1e9:
        return "its pyvenv.cfg is gone or was changed"
    if not site:
        return "its site-packages are gone"
    return "" if _mtime(site) == sealed else "its packages were changed"


def _mtime(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
