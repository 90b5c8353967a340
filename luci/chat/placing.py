"""Put content in the place of a file, through no link: what was judged, and asked about, is what is changed.

A path is gone down folder by folder, each opened where the one before is, so that nobody can exchange one meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from luci.exchange import exchange

_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)  # who may only pass through, may do that


def place(path: Path, content: bytes | None) -> None:
    """Make `content` all that is in a file, in one piece; None removes it. Its mode stays. `path` has no links in it:
    raises OSError where there is one by now."""
    if os.open not in os.supports_dir_fd:
        exchange(path, content)
        return
    folder = _opened(path.parent, make=content is not None)
    try:
        _placed(folder, path.name, content)
    finally:
        os.close(folder)


def _opened(folder: Path, *, make: bool) -> int:
    found = os.open(folder.anchor, _FOLDER)
    for part in folder.parts[1:]:
        try:
            if make:
                _make(part, found)
            inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=found)
        finally:
            os.close(found)
        found = inner
    return found


def _make(name: str, folder: int) -> None:
    try:
        os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        os.mkdir(name, dir_fd=folder)


def _placed(folder: int, name: str, content: bytes | None) -> None:
    try:
        there = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        there = None
    if there and not stat.S_ISREG(there.st_mode):
        raise OSError(errno.ELOOP, "It is no plain file any more", name)
    if content is None:
        if there:
            os.unlink(name, dir_fd=folder)
        return
    new = f".{name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.new"
    try:
        made = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666, dir_fd=folder)
        with open(made, "wb") as file:
            file.write(content)
            if there:
                os.fchmod(file.fileno(), stat.S_IMODE(there.st_mode))
        os.replace(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    finally:
        with contextlib.suppress(FileNotFoundError):  # it has the other name by now
            os.unlink(new, dir_fd=folder)
