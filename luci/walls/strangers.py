"""How a script is known to be a stranger's: by the mark that a download left on it, or by the folder it lies in.

Who wrote a file cannot be seen from it. So only what says where it came from counts, and the person's own word.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

# as browsers, curl --xattr and wget --xattr write it (freedesktop.org, "Guidelines for extended attributes"); macOS
_MARKS = ("user.xdg.origin.url", "user.xdg.referrer.url", "com.apple.quarantine")


def why(script: Path, folders: Iterable[str]) -> str:
    """Return why a script is a stranger's, empty where nothing says so."""
    if came_from := _mark(script):
        return f"it was downloaded ({came_from})"
    place = os.path.realpath(script)
    for folder in folders:
        if place.startswith(os.path.realpath(os.path.expanduser(folder)).rstrip("/") + "/"):
            return f"it lies in {folder}"
    return ""


def _mark(script: Path) -> str:
    if not hasattr(os, "getxattr"):
        return ""
    for name in _MARKS:
        try:
            said = os.getxattr(script, name)
        except OSError:  # none, or a disk that keeps no marks
            continue
        return said.decode("utf-8", "replace").partition("?")[0][:200] or name  # what follows may be a secret
    return ""
