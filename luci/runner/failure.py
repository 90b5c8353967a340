"""Where a script ended with an exception: read from the traceback it printed, shown with the lines around it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from luci.errors import ScriptError
from luci.events import Failed
from luci.runner.script import Script, decode

AROUND = 3  # lines before and after the failing one
_LARGEST = 5_000_000  # bytes of a file that is read for an excerpt
_COLOURS = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]")
_FRAME = re.compile(r'^\s*File "(?P<file>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
_BEGIN = re.compile(r"^\s*(?:\+ )?(?:Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)
_ERROR = re.compile(r"^(?P<error>[A-Za-z_][\w.]*(?:: .*)?)$", re.MULTILINE)


def failed(written: str, script: Script) -> Failed | None:
    """Return what the last traceback in a script's last words says; None where they hold none.

    The place is the innermost frame in the script, else in a file below its folder.
    """
    text = _COLOURS.sub("", written).replace("\r\n", "\n")
    begins = [match.end() for match in _BEGIN.finditer(text)]
    frames = list(_FRAME.finditer(text, begins[-1] if begins else 0))
    if not frames:
        return None
    error = _ERROR.search(text, frames[-1].end())
    if error is None:
        return None
    return at(error["error"], ((frame["file"], int(frame["line"])) for frame in frames), script)


def at(error: str, frames: Iterable[tuple[str, int]], script: Script) -> Failed:
    """Return the failure whose frames, outermost first, are (file, line)."""
    mine = [(place, line) for file, line in frames if (place := _own(file, script))]
    if not mine:
        return Failed(error)
    file, line = mine[-1]
    lines = _lines(file, script)
    first = max(1, line - AROUND)
    return Failed(error, file, line, first, tuple(lines[first - 1 : line + AROUND]) if line <= len(lines) else ())


def _own(file: str, script: Script) -> str:
    """Return the absolute path of a file of the person's; empty for a library's."""
    if file == script.origin and not script.path:
        return file
    path = os.path.normpath(os.path.join(os.getcwd(), file))
    parts = Path(path).parts
    if "site-packages" in parts or "dist-packages" in parts:
        return ""
    inside = script.path is not None and (path == str(script.path) or Path(path).is_relative_to(script.folder))
    return path if inside and os.path.isfile(path) else ""


def _lines(file: str, script: Script) -> list[str]:
    try:
        if file == script.origin:
            return decode(script.source, script.name).splitlines()
        with open(file, "rb") as opened:
            return decode(opened.read(_LARGEST), file).splitlines()
    except (OSError, ScriptError):
        return []
