"""Whose script is it: what tells that somebody else wrote it.

This is a part of the shortest ways, so it imports nothing that is not there anyway.
"""

from __future__ import annotations

import os
import sys

_FROM = "user.xdg.origin.url"  # where browsers and downloaders note the address of a file (freedesktop.org)


def stranger(path: str | os.PathLike[str] | None) -> str:
    """Return what tells that a file came from somebody else; empty where nothing does."""
    if path is None or sys.platform != "linux":
        return ""
    try:
        address = os.getxattr(path, _FROM).decode("utf-8", "replace")
        return f"it came from {address.partition('?')[0]}"
    except OSError:
        pass  # nobody noted one, or the disk keeps no notes
    try:
        owner = os.stat(path).st_uid
    except OSError:
        return ""
    return "" if owner in (0, os.getuid()) else f"it belongs to user {owner}"
