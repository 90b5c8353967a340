"""A filter of system calls (seccomp, classic BPF), for what neither namespaces nor Landlock close.

The numbers are those of asm/unistd_64.h for x86_64 and of asm-generic/unistd.h for aarch64.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator

ERRNO, ALLOW = 0x00050000, 0x7FFF0000
EPERM, EACCES, ENOSYS = 1, 13, 38
AF_UNIX, AF_VSOCK = 1, 40
_TYPE_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: words typed as if by the person
_SETUID = 0o4000
_MAKES_A_FILE = 0x400040  # O_CREAT, O_TMPFILE: only then is there a mode
_NEW_USERS = 0x10000000  # CLONE_NEWUSER
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_NEVER = {"bpf", "userfaultfd", "perf_event_open", "add_key", "request_key", "keyctl", "setns"}
# machine -> its name in audit, and its numbers
_MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_NUMBERS = {
    "x86_64": (
        "open 2 ioctl 16 socket 41 clone 56 creat 85 chmod 90 fchmod 91 mknod 133 sched_setaffinity 203 add_key 248 "
        "request_key 249 keyctl 250 openat 257 mknodat 259 fchmodat 268 unshare 272 perf_event_open 298 setns 308 "
        "bpf 321 userfaultfd 323 io_uring_setup 425 clone3 435 openat2 437 fchmodat2 452"
    ),
    "aarch64": (
        "ioctl 29 mknodat 33 fchmod 52 fchmodat 53 openat 56 unshare 97 sched_setaffinity 122 socket 198 add_key 217 "
        "request_key 218 keyctl 219 clone 220 perf_event_open 241 setns 268 bpf 280 userfaultfd 282 "
        "io_uring_setup 425 clone3 435 openat2 437 fchmodat2 452"
    ),
}
# which argument of a call is the mode of a file, and where its flags are
_MODES = {"chmod": 1, "fchmod": 1, "fchmodat": 2, "fchmodat2": 2, "creat": 1, "mknod": 1, "mknodat": 2}
_OPENS = {"open": (1, 2), "openat": (2, 3)}

Instruction = tuple[int, int, int, int]


def can_filter() -> bool:
    return os.uname().machine in _MACHINES


def program(*, confines: bool = False, sockets: str = "", affinity: bool = False) -> bytes:
    """Return the filter; empty on a machine whose numbers are not known.

    `confines`: nothing that leads around a wall, or leaves something behind that does: other keys of the kernel, users
    and namespaces of its own, calls that no filter sees, files that run as their owner. `sockets`: "none" may be made,
    none that is "unix", none that leads to the machine's "host", or, empty, any; pairs of sockets that nobody else can
    reach stay. `affinity`: the CPUs may not be chosen.
    """
    if not can_filter():
        return b""
    arch = _MACHINES[os.uname().machine]
    words = _NUMBERS[os.uname().machine].split()
    numbers = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    code: list[Instruction] = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, ERRNO | EPERM)]
    # the x32 twins of all calls
    code += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, ERRNO | ENOSYS)]
    if confines:
        code += _confining(numbers)
    if sockets:
        family = {"unix": AF_UNIX, "host": AF_VSOCK}.get(sockets)
        code += _refused(numbers["socket"], EACCES, [] if family is None else [(0, _EQUAL, family)])
    if affinity:
        code += _refused(numbers["sched_setaffinity"], EPERM)
    code.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _confining(numbers: dict[str, int]) -> Iterator[Instruction]:
    for request in _TYPE_INTO_TERMINAL:
        yield from _refused(numbers["ioctl"], EPERM, [(1, _EQUAL, request)])
    for name in ("io_uring_setup", "clone3", "openat2"):  # what they do is not to be seen from here; others do it too
        yield from _refused(numbers[name], ENOSYS)
    for name in sorted(_NEVER):
        yield from _refused(numbers[name], EPERM)
    for name in ("clone", "unshare"):
        yield from _refused(numbers[name], EPERM, [(0, _ANY_BIT, _NEW_USERS)])
    for name, mode in _MODES.items():
        if name in numbers:
            yield from _refused(numbers[name], EPERM, [(mode, _ANY_BIT, _SETUID)])
    for name, (flags, mode) in _OPENS.items():
        if name in numbers:
            yield from _refused(numbers[name], EPERM, [(flags, _ANY_BIT, _MAKES_A_FILE), (mode, _ANY_BIT, _SETUID)])


def _refused(number: int, errno: int, where: Iterable[tuple[int, int, int]] = ()) -> list[Instruction]:
    """Refuse a call where all of `where` holds: (argument, comparison, value), of the argument's lower half."""
    tests = [
        step
        for argument, comparison, value in where
        for step in ((_LOAD, 0, 0, _ARGUMENTS + 8 * argument), (comparison, 0, 0, value))
    ]
    code = [(_LOAD, 0, 0, _NUMBER), (_EQUAL, 0, 0, number), *tests, (_RETURN, 0, 0, ERRNO | errno)]
    # where a comparison fails, the rest is jumped over
    return [
        (kind, yes, len(code) - at - 1 if kind in (_EQUAL, _ANY_BIT) else no, value)
        for at, (kind, yes, no, value) in enumerate(code)
    ]
