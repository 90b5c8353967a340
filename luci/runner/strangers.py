"""Whose script is it: what tells that somebody else wrote it."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

_FROM = "user.xdg.origin.url"  # where browsers and downloaders note the address of a file (freedesktop.org)


def stranger(path: Path | None) -> str:
    """Return what tells that a file came from somebody else; empty where nothing does."""
    if path is None or sys.platform != "linux":
        return ""
    with contextlib.suppress(OSError):
        address = os.getxattr(path, _FROM).decode("utf-8", "replace")
        return f"it came from {address.partition('?')[0]}"
    with contextlib.suppress(OSError):
        owner = os.stat(path).st_uid
        return "" if owner in (0, os.getuid()) else f"it belongs to user {owner}"
    return ""
