"""What is asked of a wall: how much a run may use, and what it may reach."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from luci.values import Value

RUNGS = ("auto", "container", "bwrap", "landlock", "limits", "off")
_PRIVATE_BYTES = 512 * 2**20
_UNITS = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}


class Limits(Value):
    """What a run may use; 0 means as much as there is. `memory` and `disk` are in bytes, `pids` counts processes and
    threads. `disk` is what it may add to the folders that are open to it."""

    memory: int = 0
    cpus: float = 0
    pids: int = 0
    disk: int = 0

    def told(self) -> tuple[str, ...]:
        """
        >>> Limits(512 * 2**20, 1.0, 64, 2**30).told()
        ('memory 512 MiB', '1 CPU', '64 processes', 'disk 1 GiB')
        """
        return tuple(
            text
            for wanted, text in (
                (self.memory, f"memory {shown(self.memory)}"),
                (self.cpus, f"{self.cpus:g} CPU{'s' * (self.cpus != 1)}"),
                (self.pids, f"{self.pids} processes"),
                (self.disk, f"disk {shown(self.disk)}"),
            )
            if wanted
        )


class Reach(Value):
    """What a run may reach. Folders are as the person wrote them; `variables` are those it sees besides the usual.
    `hidden` are files within them that it cannot read, and `kept` what it cannot write to, where the wall can do
    that."""

    network: bool = True
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def told(self) -> tuple[str, ...]:
        network = () if self.network else ("no network",)
        opened = (*(f"reads {path}" for path in self.readable), *(f"writes {path}" for path in self.writable))
        return (*network, *opened)


class Asked(Value):
    """`sandbox` is a rung of the ladder, "" where nobody named one; then what else is asked decides whether one is
    needed. `opens`: the network is to be open, whatever the settings say. `stranger` says whether somebody else wrote
    the script; None: nobody said, and what is known of the file tells."""

    sandbox: str = ""
    limits: Limits = Limits()
    reach: Reach = Reach()
    opens: bool = False
    stranger: bool | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Asked:
        """Return what `dataclasses.asdict` told, also where JSON was between."""
        reach: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in told["reach"].items()
        }
        limits = Limits(**told["limits"])
        return cls(told["sandbox"], limits, Reach(**reach), told["opens"], told["stranger"])


NOTHING = Asked()


def private_bytes(asked: Asked) -> int:
    """Return how much fits into a folder that is in memory and a run's own."""
    return min(asked.limits.memory or _PRIVATE_BYTES, asked.limits.disk or _PRIVATE_BYTES, _PRIVATE_BYTES)


def size(text: str) -> int:
    """Return the bytes that "512m", "1.5g" or a number means, as the container engines count. Raises ValueError.

    >>> size("512m") == size("0.5GiB") == 512 * 1024 * 1024
    True
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", text.strip().lower())
    if match is None or not (found := int(float(match[1]) * _UNITS[match[2]])):
        raise ValueError(f"{text!r} is not an amount of memory, as in 512m or 2g")
    return found


def shown(amount: int) -> str:
    """
    >>> shown(512 * 2**20), shown(1_500_000_000)
    ('512 MiB', '1.4 GiB')
    """
    number = float(amount)
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.1f}".removesuffix(".0") + f" {unit}"
        number /= 1024
    return f"{number:.1f}".removesuffix(".0") + " GiB"
