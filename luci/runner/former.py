"""What a lock held before it was written over, so that it can be taken back."""

from __future__ import annotations

import os
from pathlib import Path

from luci import kept, paths
from luci.exchange import exchange

_LOCKS = 200  # of which the former text is kept, at most


def keep(lock: Path, text: str) -> None:
    """Raises OSError where it cannot be kept."""
    exchange(_place(lock), text.encode())
    kept.drop_oldest(str(_place(lock).parent), _LOCKS)


def of(lock: Path) -> str:
    """Return what a lock held before; empty where it was never written over."""
    try:
        return _place(lock).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


def _place(lock: Path) -> Path:
    return paths.data() / "locks" / kept.digest(os.fsencode(os.path.realpath(lock)))
