"""Which walls work on this machine: tried once, and kept with all that the answer depends on."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from luci import __version__, paths
from luci.values import Value, as_dict
from luci.walls.groups import Tree

_SWITCHES = (
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/user/max_user_namespaces",
    "/proc/self/cgroup",
    "/proc/self/uid_map",
    "/proc/self/attr/current",
)


class Machine(Value):
    """What works here, and of what does not, why. `bwrap` is the program, `landlock` the version the kernel speaks."""

    bwrap: str
    no_bwrap: str
    landlock: int
    no_landlock: str
    trees: tuple[Tree, ...]
    no_trees: str
    env: str = ""  # an `env` that can make signals heard again

    @property
    def controllers(self) -> frozenset[str]:
        return frozenset(tree.controller for tree in self.trees)


NOTHING_HERE = Machine("", "", 0, "", (), "")


def machine() -> Machine:
    """Return what works here, from the cache where nothing that it depends on has changed."""
    place = paths.cache() / "walls.json"
    depends = _depends()
    try:
        kept = json.loads(place.read_bytes())
        if kept["depends"] == depends:
            return _restored(kept["machine"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never tried, or kept by another luci
    found = tried()
    _keep(place, {"depends": depends, "machine": as_dict(found)})
    return found


def tried() -> Machine:
    from luci.walls import bwrap, groups, landlock, syscalls  # what is kept needs none of them

    if sys.platform != "linux":
        why = f"it is not to be had on {sys.platform}"
        return Machine("", why, 0, why, (), why)
    program = _program()
    no_bwrap = bwrap.why_not(program) if program else "bubblewrap is not installed"
    if not no_bwrap and not syscalls.can_filter():
        no_bwrap = f"luci knows no system calls of {os.uname().machine}"
    abi = landlock.abi()
    no_landlock = ""
    if abi < landlock.OLDEST:
        no_landlock = f"the kernel speaks version {abi} of it" if abi else "the kernel has none, or it is switched off"
    elif not syscalls.can_filter():
        no_landlock = f"luci knows no system calls of {os.uname().machine}"
    trees, no_trees = groups.usable()
    program = "" if no_bwrap else program
    return Machine(program, no_bwrap, 0 if no_landlock else abi, no_landlock, trees, no_trees, bwrap.polite_env())


def _restored(told: dict[str, Any]) -> Machine:
    trees = tuple(Tree(tree["controller"], tree["version"], Path(tree["folder"])) for tree in told["trees"])
    return Machine(**{**told, "trees": trees})


def _depends() -> list[Any]:
    program = _program()
    info = os.stat(program) if program else None
    file = [info.st_mtime_ns, info.st_size, info.st_ino, info.st_mode] if info else []
    release = os.uname().release if sys.platform == "linux" else ""
    user = os.getuid() if sys.platform != "win32" else 0
    return [__version__, release, user, program, file, *map(_said, _SWITCHES)]


def _program() -> str:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    found = (os.path.join(folder, "bwrap") for folder in folders if os.path.isabs(folder))
    return next((path for path in found if os.access(path, os.X_OK)), "")


def _said(place: str) -> str:
    try:
        with open(place, "rb") as file:
            return file.read(4096).decode("utf-8", "replace")
    except OSError:
        return ""


def _keep(place: Path, told: dict[str, Any]) -> None:
    new = place.with_name(f".walls.{os.getpid()}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(told, default=str), encoding="utf-8")
        os.replace(new, place)
    except OSError:
        return  # a disk that takes nothing: it is tried again
