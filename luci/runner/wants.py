"""What the person adds to what the script says."""

from __future__ import annotations

from luci.errors import UsageError
from luci.runner import declared, table
from luci.values import Value


class Wants(Value):
    """What the person adds to what the script says."""

    requirements: tuple[str, ...] = ()  # --with
    python: str = ""  # --python
    allow: frozenset[str] = frozenset()  # --allow: distributions that pass the gate
    offline: bool = False
    env: str = ""  # --env: the kind of environment

    def __post_init__(self) -> None:
        object.__setattr__(self, "allow", frozenset(table.normal(name) for name in self.allow))
        for line in self.requirements:
            _check(line)


def _check(requirement: str) -> None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(requirement)
        if declared.has_control_characters(requirement):
            raise InvalidRequirement("there is a control character in it")
    except InvalidRequirement as error:
        raise UsageError(
            f"{requirement!r} is not a requirement.", cause=str(error), hint='As in --with rich or --with "rich<15".'
        ) from error


NOTHING_MORE = Wants()
