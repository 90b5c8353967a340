"""Landlock: what the kernel lets a process do with files, TCP, signals and abstract sockets. It needs no rights.

The numbers are those of linux/landlock.h. It knows what is allowed and nothing that is not, so a folder with something
closed in it is opened piece by piece; and it does not see UDP and unix sockets, which a filter of system calls closes.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from typing import Any

from luci.walls.asked import Asked
from luci.walls.places import SYSTEM, Ground, Mode, Opened, parted, system_keys

OLDEST = 3  # the first that keeps files from being cut short
KNOWS_TCP, KNOWS_DEVICES, KNOWS_SIGNALS = 4, 5, 6

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_ALL = (1 << 15) - 1  # up to TRUNCATE
_NO_NODES = _ALL & ~(1 << 6 | 1 << 11)  # no devices are made
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
_IOCTL = 1 << 15
_TCP, _SCOPES = 0b11, 0b11
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")


def abi() -> int:
    """Return which version the kernel speaks; 0 where it has none, or was started without."""
    if sys.platform != "linux":
        return 0
    import ctypes

    version = ctypes.CDLL(None).syscall(ctypes.c_long(444), None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    return max(0, int(version))


def ruleset(abi: int, asked: Asked, ground: Ground, opened: Opened, private: tuple[str, ...]) -> dict[str, Any]:
    """Return what luci/walls/confine.py takes: rights that are held back, and paths with those that are given."""
    devices = _IOCTL if abi >= KNOWS_DEVICES else 0
    rules = [[path, access] for path, access in _rules(ground, opened, private, devices)]
    network = _TCP if not asked.reach.network and abi >= KNOWS_TCP else 0
    return {"fs": _ALL | devices, "net": network, "scoped": _SCOPES if abi >= KNOWS_SIGNALS else 0, "rules": rules}


def _rules(ground: Ground, opened: Opened, private: tuple[str, ...], devices: int) -> Iterator[tuple[str, int]]:
    rights = {"read": _READ, "write": _NO_NODES, "look": 0}  # looking into a folder would mean all below it
    read: Mode = "read"
    keys = system_keys()
    names = os.path.realpath("/etc/resolv.conf")
    for path in (*SYSTEM, "/sys/devices/system/cpu", names):
        for piece, how in parted(os.path.realpath(path), read, keys, ()):
            yield from _rule(piece, rights[how])
    for name in _DEVICES:
        yield from _rule(f"/dev/{name}", _READ | _WRITE_FILE | 1 << 14 | devices)
    for entry in os.scandir("/proc"):
        if entry.name == "self" or (not entry.name.isdecimal() and entry.is_file(follow_symlinks=False)):
            yield from _rule(entry.path, _READ)
    for path in map(str, ground.needed):
        yield from _rule(path, _READ)
    for path in private:
        yield from _rule(path, _NO_NODES)
    for path, mode in opened.paths:
        for piece, how in parted(path, mode, opened.closed, opened.kept):
            yield from _rule(piece, rights[how])


def _rule(path: str, access: int) -> Iterator[tuple[str, int]]:
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return
    if access := access if is_folder else access & _OF_FILES:
        yield path, access
