"""How an environment may be filled: what a plan says of it, besides what goes into the key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luci.values import Value

if TYPE_CHECKING:
    from datetime import datetime


class Terms(Value):
    """How an attempt may get what its spec names. None of it is part of the key.

    `builds`: source distributions may be built, which runs their code, but for those of `wheels_only`. `not_after`
    pairs a distribution with the instant after which its releases are left alone. `timeout` is in seconds.
    """

    builds: bool = False
    wheels_only: frozenset[str] = frozenset()
    not_after: tuple[tuple[str, datetime], ...] = ()
    prereleases: bool = False
    offline: bool = False
    refresh: bool = False
    timeout: float = 15
    tries: int = 3
