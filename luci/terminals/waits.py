"""Whether a program waits for what a person types, by what the kernel says of the call it is in, or was stopped.

Linux only, and only for processes we may look into: elsewhere the answer is None, "not known".
"""

from __future__ import annotations

import os
import select
import struct
from collections.abc import Iterator

# call numbers by machine (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h)
_READ = {"x86_64": {0, 19}, "aarch64": {63, 65}}
_POLL = {"x86_64": {7, 271}, "aarch64": {73}}
_SELECT = {"x86_64": {23, 270}, "aarch64": {72}}
_EPOLL = {"x86_64": {232, 281, 441}, "aarch64": {22, 441}}
_MANY = 64  # threads and processes looked at; a program that reads its terminal is no crowd
_POLLFD = struct.Struct("ihh")


def waits_for(terminal: str, group: int) -> bool | None:
    """Return whether someone in the process group sleeps until the terminal (its path) can be read; None: not known."""
    known = False
    for pid in _group(group):
        for thread in _names(f"/proc/{pid}/task")[:_MANY]:
            call = _text(f"/proc/{pid}/task/{thread}/syscall").split()
            if not call:
                continue
            known = True
            if call[0].isdecimal() and _reads(pid, int(call[0]), call[1:], terminal):
                return True
    return False if known else None


def stopped_in(group: int) -> set[int]:
    """Return those of a process group that were stopped (SIGSTOP) where nothing in it can go on without them.

    Nobody, where one that has no children goes on, or where the kernel does not tell.
    """
    members = list(_group(group))
    states = {pid: _text(f"/proc/{pid}/stat").rpartition(")")[2].split()[:2] for pid in members}
    parents = {int(state[1]) for state in states.values() if state}
    last = [pid for pid in members if pid not in parents]
    if not last or any(states[pid][:1] != ["T"] for pid in last):
        return set()
    return {pid for pid, state in states.items() if state[:1] == ["T"]}


def _group(group: int) -> Iterator[int]:
    """Yield the leader and those of its descendants that are in its group."""
    waiting, seen = [group], 0
    while waiting and seen < _MANY:
        pid = waiting.pop(0)
        seen += 1
        stat = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if len(stat) > 2 and int(stat[2]) == group and stat[0] not in "ZX":
            yield pid
        for thread in _names(f"/proc/{pid}/task")[:_MANY]:
            waiting += map(int, _text(f"/proc/{pid}/task/{thread}/children").split())


def _reads(pid: int, call: int, arguments: list[str], terminal: str) -> bool:
    machine = os.uname().machine
    first, second = int(arguments[0], 16), int(arguments[1], 16)
    if call in _READ.get(machine, ()):
        return _is_terminal(pid, first, terminal)
    if call in _POLL.get(machine, ()):
        table = _memory(pid, first, min(second, 256) * _POLLFD.size)
        polled = _POLLFD.iter_unpack(table[: len(table) // _POLLFD.size * _POLLFD.size])
        return any(events & select.POLLIN and _is_terminal(pid, fd, terminal) for fd, events, _ in polled)
    if call in _SELECT.get(machine, ()):
        bits = int.from_bytes(_memory(pid, second, (min(first, 1024) + 7) // 8), "little") if second else 0
        return any(bits >> fd & 1 and _is_terminal(pid, fd, terminal) for fd in range(min(first, 1024)))
    if call in _EPOLL.get(machine, ()):
        lines = [line.split() for line in _text(f"/proc/{pid}/fdinfo/{first}").splitlines()]
        watched = [(int(line[1]), int(line[3], 16)) for line in lines if line[:1] == ["tfd:"]]
        return any(events & select.EPOLLIN and _is_terminal(pid, fd, terminal) for fd, events in watched)
    return False


def _is_terminal(pid: int, fd: int, terminal: str) -> bool:
    try:
        return os.readlink(f"/proc/{pid}/fd/{fd}") in (terminal, "/dev/tty")
    except OSError:
        return False


def _memory(pid: int, address: int, size: int) -> bytes:
    try:
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
            file.seek(address)
            return file.read(size)
    except (OSError, OverflowError):
        return b""


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder), key=int)
    except OSError:
        return []
