"""How an environment may be filled: what a plan says of it, besides what goes into the key."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from luci.config import GateSettings
from luci.values import Value


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


def quarantine(gate: GateSettings) -> datetime:
    """The instant after which releases of guessed names are too young; whole hours, so that answers can be reused."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=gate.quarantine_days)
