"""What an action works with besides its request: the settings, someone to ask, a way to be stopped."""

from __future__ import annotations

from collections.abc import Callable

from luci.config import Settings
from luci.values import Value


class Question(Value):
    """What a person must decide. `details` is everything that a yes would cover, one fact a line."""

    kind: str
    text: str
    details: tuple[str, ...] = ()
    flag: str = ""  # the option that would have answered yes
    yes: str = "Yes"  # what a yes does, and what a no
    no: str = "No"


def nobody(question: Question) -> bool:
    """Answer for someone who is not there: no."""
    return False


def never() -> bool:
    return False


class Context(Value):
    settings: Settings
    ask: Callable[[Question], bool] = nobody
    stop: Callable[[], bool] = never
