"""A filter of system calls (seccomp, classic BPF), for what neither namespaces nor Landlock close."""

from __future__ import annotations

import os
import struct

ERRNO, ALLOW = 0x00050000, 0x7FFF0000
EPERM, EACCES, ENOSYS = 1, 13, 38
AF_UNIX = 1
_TYPE_INTO_TERMINAL = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX: words typed as if by the person
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
# machine -> its name in audit, and its numbers (asm/unistd.h)
_MACHINES = {
    "x86_64": (0xC000003E, {"socket": 41, "ioctl": 16, "sched_setaffinity": 203, "io_uring_setup": 425}),
    "aarch64": (0xC00000B7, {"socket": 198, "ioctl": 29, "sched_setaffinity": 122, "io_uring_setup": 425}),
}

Instruction = tuple[int, int, int, int]


def can_filter() -> bool:
    return os.uname().machine in _MACHINES


def program(*, sockets: str = "", affinity: bool = False) -> bytes:
    """Return the filter; empty on a machine whose numbers are not known. `sockets`: "none" may be made, none that is
    "unix", or, empty, any. Pairs of sockets that nobody else can reach stay. `affinity`: the CPUs may not be chosen."""
    if not can_filter():
        return b""
    arch, numbers = _MACHINES[os.uname().machine]
    code: list[Instruction] = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, ERRNO | EPERM)]
    # the x32 twins of all calls
    code += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, ERRNO | ENOSYS)]
    for request in _TYPE_INTO_TERMINAL:
        code += _refused(numbers["ioctl"], EPERM, argument=1, value=request)
    if sockets:
        code += _refused(numbers["io_uring_setup"], ENOSYS)  # it makes sockets without the call for it
        code += _refused(numbers["socket"], EACCES, argument=0, value=AF_UNIX if sockets == "unix" else None)
    if affinity:
        code += _refused(numbers["sched_setaffinity"], EPERM)
    code.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


def _refused(number: int, errno: int, argument: int = 0, value: int | None = None) -> list[Instruction]:
    refusal = (_RETURN, 0, 0, ERRNO | errno)
    call = (_LOAD, 0, 0, _NUMBER)
    if value is None:
        return [call, (_EQUAL, 0, 1, number), refusal]
    low_word = (_LOAD, 0, 0, _ARGUMENTS + 8 * argument)
    return [call, (_EQUAL, 0, 3, number), low_word, (_EQUAL, 0, 1, value), refusal]
