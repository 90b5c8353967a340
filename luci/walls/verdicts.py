"""What is said of a run that reached a limit, with the figures that are known."""

from __future__ import annotations

from luci.walls.asked import Limits, shown

_MUCH = 0.2  # of its time: a run that was held back for less would not have been much quicker


def memory(limits: Limits, peak: int = 0) -> str:
    """
    >>> memory(Limits(memory=100 * 2**20), 100 * 2**20)
    'It reached its memory limit of 100 MiB (it had 100 MiB); --memory sets it.'
    """
    had = f" (it had {shown(peak)})" if peak else ""
    return f"It reached its memory limit of {shown(limits.memory)}{had}; --memory sets it."


def processes(limits: Limits) -> str:
    return f"It reached its limit of {limits.pids} processes and threads; --pids sets it."


def disk(limit: int, took: int) -> str:
    """
    >>> disk(100 * 2**20, 112 * 2**20)
    'It reached its disk limit of 100 MiB (it had written 112 MiB); --disk sets it.'
    """
    return f"It reached its disk limit of {shown(limit)} (it had written {shown(took)}); --disk sets it."


def cpus(limits: Limits, held_back: float, seconds: float) -> list[str]:
    """Return what is said where a run would have used more for so many of its seconds; nothing where that is little."""
    if not limits.cpus or held_back <= max(1, seconds * _MUCH):
        return []
    told = f"{limits.cpus:g} CPU{'s' * (limits.cpus != 1)}"
    return [f"It was held to {told} for {held_back:.0f} of {seconds:.0f} s; --cpus sets it."]
