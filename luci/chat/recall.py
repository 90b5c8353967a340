"""What can be done with past conversations: list, search, tell, fork, export and delete them, take changes back."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import TypeVar

from luci.actions.snippets import save
from luci.chat.export import markdown
from luci.chat.sessions import Entry, Session, Sessions
from luci.chat.undo import UndoRequest, taken_back
from luci.context import Context, Question
from luci.errors import Refused
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


class SessionRequest(Value):
    """`selector` is an id, its beginning, or a number: 1 is the latest. `at` is the last entry that a fork takes over;
    `most` are the entries that are told, the last ones before the entry `before`; 0 for all."""

    selector: str
    at: int = 2**31
    before: int = 2**31
    most: int = 0


class Retold(Value):
    """What is in a session; `left_out` entries before it are not told."""

    session: Session
    entries: tuple[Entry, ...]
    left_out: int = 0


def retold(request: SessionRequest, context: Context) -> Generator[Event, None, Retold]:
    yield from ()

    def tell(kept: Sessions) -> Retold:
        session = kept.find(request.selector)
        told = kept.entries(session.id, before=request.before, most=request.most or session.entries)
        return Retold(session, tuple(told), told[0].number - 1 if told else 0)

    return _with(tell)


def last_exchange(entries: Iterable[Entry]) -> list[str]:
    """Return the last request of a person's, and the answer to it, where there is one."""
    said: list[str] = []
    for entry in entries:
        body = entry.body
        if entry.kind not in ("message", "draft") or not body.get("text") or body["text"].startswith("[luci]"):
            continue
        if body["role"] == "user":
            said = [body["text"]]
        elif body["role"] == "assistant":
            said = [*said[:1], body["text"]]
    return said


def forked(request: SessionRequest, context: Context) -> Generator[Event, None, str]:
    """Begin a session with the beginning of another; return its id."""
    yield from ()
    return _with(lambda kept: kept.fork(kept.find(request.selector), request.at))


def exported(request: SessionRequest, context: Context) -> Generator[Event, None, str]:
    """Write a session as Markdown into a new file of the working folder; return its name."""
    yield from ()

    def write(kept: Sessions) -> str:
        session = kept.find(request.selector)
        text = markdown(session, kept.entries(session.id))
        return save(text, f"session-{session.id}", ".md").name

    return _with(write)


def deleted(request: SessionRequest, context: Context) -> Generator[Event, None, str]:
    """Delete a session after a yes; return its id."""
    yield from ()

    def delete(kept: Sessions) -> str:
        session = kept.find(request.selector)
        told = (session.title or "without a title", f"{session.entries} entries", "and what can be undone by it")
        question = Question("delete", f"Delete the session {session.id}?", told, "--yes", yes="Delete it", no="Keep it")
        if not context.ask(question):
            raise Refused(f"{session.id} was left as it is.", hint="--yes deletes it.")
        kept.delete(session.id)
        return session.id

    return _with(delete)


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
