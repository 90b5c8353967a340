"""Every folder luci uses. LUCI_HOME moves them all; otherwise the platform's own places.

A folder can be had as text, for those who must not wait until pathlib is imported.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

# XDG Base Directory Specification 0.8: the variable, and what holds below the home folder where it is not set.
_XDG = {
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "config": ("XDG_CONFIG_HOME", ".config"),
    "data": ("XDG_DATA_HOME", ".local/share"),
    "state": ("XDG_STATE_HOME", ".local/state"),
}


def text(kind: str) -> str:
    """Return luci's folder for "cache", "config", "data" or "state", absolute, as pathlib would write it."""
    if home := os.environ.get("LUCI_HOME"):
        home = os.path.expanduser(home)
        base = home if os.path.isabs(home) else os.path.join(os.getcwd(), home)
        return _without_detours(os.path.join(base, kind))
    variable, default = _XDG[kind]
    chosen, home = os.environ.get(variable, ""), os.environ.get("HOME", "")
    if sys.platform == "linux" and (os.path.isabs(chosen) or os.path.isabs(home)):
        base = chosen if os.path.isabs(chosen) else os.path.join(home, default)
        return _without_detours(os.path.join(base, "luci"))
    import platformdirs  # 4 ms, and only where the variables do not tell

    return str(getattr(platformdirs, f"user_{kind}_dir")("luci", appauthor=False))


def _without_detours(path: str) -> str:
    return path if os.name == "nt" else "/" + "/".join(part for part in path.split("/") if part not in ("", "."))


def _place(kind: str) -> Path:
    from pathlib import Path

    return Path(text(kind))


def data() -> Path:
    return _place("data")


def cache() -> Path:
    """What can be fetched or computed again."""
    return _place("cache")


def state() -> Path:
    """What happened: records of runs, logs, what earlier runs taught."""
    return _place("state")


def config_file() -> Path:
    from pathlib import Path

    if path := os.environ.get("LUCI_CONFIG"):
        return Path(path).expanduser()
    return _place("config") / "config.toml"


def envs() -> Path:
    return data() / "envs"
