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
    lasting: str = ""  # what a yes for the rest of the session does; empty: there is no such yes
    draft: str | None = None  # what may be edited before it is done; None: nothing
    wants_words: bool = False  # the answer may come with words: why not, or what was asked for
    name: str = ""  # of the file that the draft is


class Answer(Value):
    """What a person decided. It counts as true where it is a yes, so that who asks may take it for one.

    `text` is the edited draft, or the words that were asked for; `reason` says why not. `stop`: nothing more.
    """

    yes: bool
    lasting: bool = False
    reason: str = ""
    text: str | None = None
    stop: bool = False

    def __bool__(self) -> bool:
        return self.yes


def nobody(question: Question) -> bool:
    """Answer for someone who is not there: no."""
    return False


def never() -> bool:
    return False


class Context(Value):
    settings: Settings
    ask: Callable[[Question], bool | Answer] = nobody
    stop: Callable[[], bool] = never
