"""A process with all that descends from it, and the way to its end."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import ClassVar

GRACE_SECONDS = 2.0  # between asking processes to end and making them
STUCK_SECONDS = 5.0  # what SIGKILL has not ended by then is held by the kernel
TICK_SECONDS = 0.1
TIMED_OUT = 124  # the exit code of what ran out of time
FRESH_SECONDS = 0.05  # in which one look at all processes serves every tree: fifty may end at once
MARK = "LUCI_TREE"  # in the environment of the child, and so of all that descends from it


class Tree:
    """A process, its group, and on Linux all that descends from it, wherever it went."""

    running: ClassVar[set[Tree]] = set()  # those that a thread of ours looks after now
    ended: ClassVar[list[Tree]] = []  # in a terminal of ours, where some of their processes may live on

    def __init__(self, root: int, token: str) -> None:
        self.root, self.token = root, token.encode()
        self._began = time.monotonic()

    def send(self, number: int) -> None:
        """Signal every member, once: a second SIGTERM would break into the tidying up that the first one began."""
        members = self.members()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.root, number)
        for pid in members:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getpgid(pid) != self.root:
                    os.kill(pid, number)

    def members(self) -> set[int]:
        """Return the living: the group's, children's children, and those that carry our mark."""
        seen = _look(self._began)
        processes = seen.processes
        if not processes:
            return {self.root} if self._group_lives() else set()
        found = {pid for pid, (_, group, session) in processes.items() if self.root in (pid, group, session)}
        found |= {pid for pid in processes.keys() - found if self.token in seen.mark_of(pid)}
        while more := {pid for pid, (parent, _, _) in processes.items() if parent in found} - found:
            found |= more
        return found - {os.getpid()}

    def _group_lives(self) -> bool:
        try:
            os.killpg(self.root, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def left_running() -> set[int]:
    """Return the processes that commands which ended in a terminal of ours left running. Only where /proc tells.

    By our mark alone: the number of a process that is over may be another's by now.
    """
    marks = [tree.token for tree in Tree.ended]
    if not marks:
        return set()
    seen = _look(time.monotonic())
    return {pid for pid in seen.processes if any(mark in seen.mark_of(pid) for mark in marks)} - {os.getpid()}


class _Seen:
    """All processes at one moment: {pid: (parent, group, session)}, and the marks that they carry."""

    def __init__(self) -> None:
        self.at = time.monotonic()
        self.processes = dict(_processes())
        self._marks: dict[int, bytes] = {}

    def mark_of(self, pid: int) -> bytes:
        if pid not in self._marks:
            carried = (word for word in _told(pid, "environ").split(b"\0") if word.startswith(_MARKED))
            self._marks[pid] = next(carried, b"")
        return self._marks[pid]


_MARKED = f"{MARK}=".encode()
_looking = threading.Lock()
_last: list[_Seen] = []


def _look(since: float) -> _Seen:
    """Return what is there now, or was a moment ago but not before `since`.

    Who was no member then has become none by itself: only members start members.
    """
    with _looking:
        oldest = max(since, time.monotonic() - FRESH_SECONDS)
        if not _last or _last[0].at < oldest:
            _last[:] = [_Seen()]
        return _last[0]


def _processes() -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Yield (pid, (parent, group, session)) of all that live and are no zombies; nothing where there is no /proc."""
    with contextlib.suppress(FileNotFoundError), os.scandir("/proc") as entries:
        for name in (entry.name for entry in entries if entry.name.isdecimal()):
            if stat := _told(name, "stat"):
                state, parent, group, session = stat.rpartition(b")")[2].split()[:4]
                if state not in b"ZX":
                    yield int(name), (int(parent), int(group), int(session))


def _told(pid: int | str, what: str) -> bytes:
    """Return what the kernel tells of a process; nothing where it is gone, or another person's."""
    try:
        with open(f"/proc/{pid}/{what}", "rb") as file:
            return file.read()
    except OSError:
        return b""


class Ending:
    """The way from a polite signal to SIGKILL, a step at a time."""

    def __init__(self, tree: Tree, first: int) -> None:
        self.tree = tree
        polite = [first, signal.SIGTERM] if first != signal.SIGKILL else []
        self.steps = list(dict.fromkeys([*polite, signal.SIGKILL]))
        self.next_at = 0.0
        self.give_up_at = float("inf")

    def go_on(self) -> None:
        now = time.monotonic()
        if now < self.next_at:
            return
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.tree.send(step)
        if step == signal.SIGKILL:
            self.give_up_at = min(self.give_up_at, now + STUCK_SECONDS)
            self.next_at = now + TICK_SECONDS  # again and again: some may have forked meanwhile
        else:
            self.tree.send(signal.SIGCONT)  # who is stopped hears nothing
            self.next_at = now + GRACE_SECONDS

    def is_over(self) -> bool:
        return not self.tree.members() or self.has_given_up()

    def has_given_up(self) -> bool:
        return time.monotonic() > self.give_up_at
