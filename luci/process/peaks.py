"""The most memory that a command held at once.

What the kernel counts of a child begins with what the process that forked it held: a small command of a large parent
seems as large as that. So that count is taken only where it is larger; else what was seen while the command ran.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resource import struct_rusage

UNIT = 1 if sys.platform == "darwin" else 1024  # see getrusage(2)


def own() -> int:
    """Return what of a child's count may be ours, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def of(used: struct_rusage, ours: int) -> int | None:
    """Return the count of an ended child, in bytes, where it is its own."""
    counted = used.ru_maxrss * UNIT
    return counted if counted > ours else None


def now(pid: int) -> int | None:
    """Return the peak of a running process so far, in bytes, where the kernel tells."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
            for line in file:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return None
    return None
