"""Every folder luci uses. LUCI_HOME moves them all; otherwise the platform's own places."""

from __future__ import annotations

import os
from pathlib import Path


def _place(kind: str) -> Path:
    if home := os.environ.get("LUCI_HOME"):
        return Path(home).expanduser().absolute() / kind
    import platformdirs  # 4 ms, and only where LUCI_HOME is unset

    return Path(getattr(platformdirs, f"user_{kind}_dir")("luci", appauthor=False))


def data() -> Path:
    return _place("data")


def cache() -> Path:
    """What can be fetched or computed again."""
    return _place("cache")


def state() -> Path:
    """What happened: records of runs, logs, what earlier runs taught."""
    return _place("state")


def config_file() -> Path:
    if path := os.environ.get("LUCI_CONFIG"):
        return Path(path).expanduser()
    return _place("config") / "config.toml"


def envs() -> Path:
    return data() / "envs"
