"""Whether the kernel has ended a process of ours for want of memory: what our control group counts (cgroup v1, v2)."""

from __future__ import annotations

from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def kills() -> int:
    """Return how many processes of our control group were killed for memory so far; 0 where nobody counts."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return 0
    counted = 0
    for line in lines:
        _, controllers, path = line.split(":", 2)
        inside = path.lstrip("/")
        if "memory" in controllers.split(","):
            counted += _count(_ROOT / "memory" / inside / "memory.oom_control")
        elif not controllers:
            counted += _count(_ROOT / inside / "memory.events")
    return counted


def _count(file: Path) -> int:
    """The number behind "oom_kill" in a file of lines "name number"."""
    try:
        words = file.read_text().split()
    except OSError:
        return 0
    return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words[:-1] else 0
