"""What can be done with past conversations: list and search them, take changes back. The actions of the door."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

from luci.chat.sessions import Entry, Session, Sessions
from luci.chat.undo import UndoRequest, taken_back
from luci.context import Context
from luci.events import Event
from luci.values import Value

T = TypeVar("T")


class RecallRequest(Value):
    """`words` are those to search for; none: all sessions are listed."""

    words: str = ""


def listed(request: RecallRequest, context: Context) -> Generator[Event, None, list[Session]]:
    yield from ()
    return _with(lambda kept: kept.all())


def searched(request: RecallRequest, context: Context) -> Generator[Event, None, list[tuple[Session, Entry, str]]]:
    yield from ()
    return _with(lambda kept: kept.search(request.words))


def undo(request: UndoRequest, context: Context) -> Generator[Event, None, str]:
    """Take the last change back, or make it again; return what was done."""
    yield from ()
    return _with(lambda kept: taken_back(request, kept, Path.cwd(), context.ask))


def _with(use: Callable[[Sessions], T]) -> T:
    kept = Sessions()
    try:
        return use(kept)
    finally:
        kept.close()
