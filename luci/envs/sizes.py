"""What a folder takes on the disk: its files may be links into a cache, so removing it need not free all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def sizes(root: Path) -> tuple[int, ...]:
    """Return the bytes that removing each file below `root` would free: those linked elsewhere are left out."""
    return tuple(_on_disk(info) for info in _entries(root) if info.st_nlink == 1)


def weight(root: Path) -> tuple[int, int]:
    """Return the bytes that all files below `root` take on the disk, and those that removing them would free."""
    held = freed = 0
    for info in _entries(root):
        size = _on_disk(info)
        held += size
        freed += size if info.st_nlink == 1 else 0
    return held, freed


def _entries(root: Path) -> Iterator[os.stat_result]:
    waiting = [os.fspath(root)]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        yield entry.stat(follow_symlinks=False)
                except OSError:
                    continue


def _on_disk(info: os.stat_result) -> int:
    return info.st_blocks * 512 if hasattr(info, "st_blocks") else info.st_size
