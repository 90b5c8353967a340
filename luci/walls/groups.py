"""Control groups (cgroups, versions 1 and 2): limits that hold for a command and all its children together."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from luci.values import Value
from luci.walls.asked import Limits

_PERIOD = 100_000  # microseconds in which a share of the CPUs is counted
CONTROLLERS = ("memory", "cpu", "pids")
_STUCK_SECONDS = 5.0  # what SIGKILL has not ended by then is held by the kernel


class Tree(Value):
    """Where groups for a controller can be made."""

    controller: str
    version: int
    folder: Path


class Group(Value):
    """A group of our own, in one tree for each controller; in version 2 they are the same folder."""

    trees: tuple[Tree, ...]  # their folders are the group's

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(tree.folder for tree in self.trees))

    def figures(self) -> dict[str, int]:
        """Return `peak` (bytes), `killed` (for want of memory), `refused` (forks) and `held_back` (the milliseconds in
        which it would have used more CPU), as far as the kernel counts."""
        found: dict[str, int] = {}
        for tree in self.trees:
            if tree.controller == "memory":
                peak, events = (
                    ("memory.max_usage_in_bytes", "memory.oom_control")
                    if tree.version == 1
                    else ("memory.peak", "memory.events")
                )
                with contextlib.suppress(OSError, ValueError):
                    found["peak"] = int(_read(tree.folder / peak))
                found["killed"] = _counted(tree.folder / events, "oom_kill")
            elif tree.controller == "pids":
                found["refused"] = _counted(tree.folder / "pids.events", "max")
            elif tree.version == 1:
                found["held_back"] = _counted(tree.folder / "cpu.stat", "throttled_time") // 1_000_000
            else:
                found["held_back"] = _counted(tree.folder / "cpu.stat", "throttled_usec") // 1000
        return found

    def remove(self) -> None:
        """Kill whoever is left in it, and take it away."""
        give_up_at = time.monotonic() + _STUCK_SECONDS
        for folder in self.folders:
            while not _removed(folder) and time.monotonic() < give_up_at:
                for pid in _members(folder):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                time.sleep(0.002)  # a killed process leaves its group a moment later


def made(limits: Limits, trees: Iterable[Tree]) -> Group:
    """Make a group with these limits. Raises OSError where the kernel does not let us."""
    wanted = {"memory": limits.memory, "cpu": limits.cpus, "pids": limits.pids}
    name = f"luci-{os.getpid()}-{os.urandom(4).hex()}"
    chosen = [tree for tree in trees if wanted[tree.controller]]
    group = Group(tuple(Tree(tree.controller, tree.version, tree.folder / name) for tree in chosen))
    with contextlib.ExitStack() as undo:
        undo.callback(group.remove)
        for parent in dict.fromkeys(tree.folder for tree in chosen):
            _sweep(parent)
        for folder in group.folders:
            folder.mkdir()
        for tree in group.trees:
            _limit(tree, limits)
        undo.pop_all()
    return group


def usable() -> tuple[tuple[Tree, ...], str]:
    """Return the trees in which groups can be made, proven by making one, and why others are not among them."""
    trees, reasons = [], []
    for controller in CONTROLLERS:
        try:
            trees.append(_proven(controller))
        except OSError as error:
            reasons.append(f"{controller}: {error.strerror or error}")
    return tuple(trees), "; ".join(reasons)


def _proven(controller: str) -> Tree:
    limits = {"memory": Limits(memory=2**30), "cpu": Limits(cpus=1), "pids": Limits(pids=1000)}[controller]
    failed: OSError = FileNotFoundError(2, "no control groups for it are mounted")
    for tree in _candidates(controller):
        try:
            if tree.version == 2:
                _enable(tree)
            made(limits, [tree]).remove()
        except OSError as error:
            failed = error
        else:
            return tree
    raise failed


def _candidates(controller: str) -> Iterator[Tree]:
    """Our own group in each hierarchy that has the controller; in version 2 the one above too, since a group with
    processes in it may have no groups with limits below it."""
    own = _own_groups()
    for version, controllers, root, mount in _mounts():
        if version == 1 and controller in controllers and controller in own:
            yield Tree(controller, 1, _below(mount, root, own[controller]))
        elif version == 2 and "" in own:
            folder = _below(mount, root, own[""])
            for place in (folder, folder.parent):
                if (place / "cgroup.procs").exists() and controller in _read(place / "cgroup.controllers").split():
                    yield Tree(controller, 2, place)


def _own_groups() -> dict[str, str]:
    """Return {controller: path of our group}; "" stands for version 2."""
    found: dict[str, str] = {}
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        found |= dict.fromkeys(controllers.split(","), path)
    return found


def _mounts() -> Iterator[tuple[int, list[str], str, Path]]:
    """Yield (version, controllers, the group that is its root, where it is) of each mounted hierarchy."""
    for line in _read(Path("/proc/self/mountinfo")).splitlines():
        before, _, after = line.partition(" - ")
        kind, _, options = after.split(" ", 2)
        root, place = before.split(" ")[3:5]
        if kind in ("cgroup", "cgroup2"):
            yield 2 if kind == "cgroup2" else 1, options.split(","), root, Path(place)


def _below(mount: Path, root: str, path: str) -> Path:
    inside = os.path.relpath(path, root)
    return mount if inside == "." or inside.startswith("..") else mount / inside


def _enable(tree: Tree) -> None:
    switch = tree.folder / "cgroup.subtree_control"
    if tree.controller not in _read(switch).split():
        _write(switch, f"+{tree.controller}")


def _limit(tree: Tree, limits: Limits) -> None:
    folder, first = tree.folder, tree.version == 1
    if tree.controller == "memory":
        _write(folder / ("memory.limit_in_bytes" if first else "memory.max"), limits.memory)
        swap = folder / ("memory.memsw.limit_in_bytes" if first else "memory.swap.max")
        if swap.exists():
            _write(swap, limits.memory if first else 0)
    elif tree.controller == "pids":
        _write(folder / "pids.max", limits.pids)
    else:
        quota = max(1000, int(limits.cpus * _PERIOD))
        if first:
            _write(folder / "cpu.cfs_period_us", _PERIOD)
            _write(folder / "cpu.cfs_quota_us", quota)
        else:
            _write(folder / "cpu.max", f"{quota} {_PERIOD}")


def _sweep(parent: Path) -> None:
    """Take away the empty groups of a luci that was killed."""
    for name in os.listdir(parent):
        owner = name.split("-")[1] if name.startswith("luci-") else ""
        if owner.isdecimal() and not os.path.exists(f"/proc/{owner}"):
            with contextlib.suppress(OSError):
                os.rmdir(parent / name)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _members(folder: Path) -> list[int]:
    try:
        return [int(line) for line in _read(folder / "cgroup.procs").split()]
    except OSError:
        return []


def _counted(file: Path, name: str) -> int:
    """The number behind a name, in a file of lines "name number"."""
    try:
        words = _read(file).split()
    except OSError:
        return 0
    return int(words[words.index(name) + 1]) if name in words[:-1] else 0


def _read(file: Path) -> str:
    return file.read_text(encoding="ascii", errors="replace")


def _write(file: Path, value: object) -> None:
    with open(file, "w", encoding="ascii") as opened:
        opened.write(str(value))
