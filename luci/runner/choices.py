"""The values of the chain that finds distributions: what is asked, and what is answered."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from luci.config import GateSettings
from luci.runner.imports import Certainty, Import
from luci.runner.table import Table, normal
from luci.values import Value, anew

if TYPE_CHECKING:
    from luci.runner.declared import Declarations
    from luci.runner.index import Index

Source = Literal["declared", "config", "learned", "table", "index", "channel", "system"]
Status = Literal["install", "ask", "none", "skip"]


STALE = "stale"  # the kind of what a lock that luci wrote does not hold, since it was imported later


class Choice(Value):
    """Which distribution provides a module, and who says so.

    `status`: it installs, it waits for a yes because of `doubts`, nothing provides it (`kind` says which nothing),
    or it is optional and not sure enough. `wheel` is whether the target can take a wheel of it, as far as known.
    """

    module: str
    requirements: tuple[str, ...]
    source: Source
    reason: str
    imports: tuple[Import, ...] = ()
    status: Status = "install"
    doubts: tuple[str, ...] = ()
    kind: str = ""
    wheel: bool = True
    as_of: str = ""  # the last day before a later release dropped what the script uses
    dated: bool = False  # a guess whose releases all say when they were uploaded, so that young ones can be left out

    @property
    def certainty(self) -> Certainty:
        """That of its most certain import."""
        order = list(Certainty)
        return min((i.certainty for i in self.imports), key=order.index, default=Certainty.DYNAMIC)


class Knowledge(Value):
    """All that the chain may ask, in the chain's order."""

    declared: Declarations | None
    config: Mapping[str, str]
    learned: Mapping[str, str]
    table: Table
    index: Index | None
    gate: GateSettings
    approved: frozenset[str] = frozenset()  # distributions that --allow or an answered question let in
    troubles: list[str] = anew(list)  # what the index could not say
    hosts: frozenset[str] = frozenset()  # the host programs that the script belongs to
    used: Mapping[str, frozenset[str]] = anew(dict)  # what it takes from each module


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return normal(match.group()) if match else ""


def without_bounds(requirement: str) -> str:
    """Return the name and extras of a requirement.

    >>> without_bounds("Django[argon2] >=4,<5")
    'Django[argon2]'
    """
    match = re.match(r"[A-Za-z0-9._-]+(\[[^\]]*\])?", requirement.strip())
    return match.group() if match else requirement.strip()


def is_bare(requirement: str) -> bool:
    """Whether luci may choose the version."""
    return without_bounds(requirement) == requirement.strip()


def guessed(choices: Collection[Choice]) -> frozenset[str]:
    """Return the distributions that only the index spoke for."""
    return frozenset(name_of(r) for c in choices if c.source == "index" for r in c.requirements)
