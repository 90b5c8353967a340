"""Follow a request of a person's: the action of the door behind `luci ask`, `luci chat` and the app's prompt."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from luci.chat.converse import Outcome
from luci.chat.leave import Kind, by_asking
from luci.chat.messages import Began
from luci.chat.opening import Opening, opened
from luci.chat.replay import read
from luci.chat.sessions import Sessions
from luci.context import Answer, Context, Question
from luci.events import Event
from luci.values import Value, anew


class AskRequest(Value):
    """`piped` goes with the text, as data. `session` is one to go on with, "" for a new one. `granted` are the kinds of
    effects that were allowed for the session: what is allowed meanwhile is added to it. `replay` is a transcript to
    take the answers from."""

    text: str = ""
    piped: str = ""
    session: str = ""
    model: str = ""
    allowed: frozenset[Kind] = frozenset()
    granted: set[Kind] = anew(set)
    replay: str = ""


def ask(request: AskRequest, context: Context) -> Generator[Event, None, Outcome]:
    """Return how it ended. Raises NoModel where nobody could answer, UsageError where there is nothing to ask."""
    replay = read(Path(request.replay)) if request.replay else None
    sessions = Sessions()
    try:
        opening = Opening(
            request.session,
            request.model,
            request.allowed,
            by_asking(context.ask),
            _replying(context),
            replay,
        )
        talk = opened(opening, context, sessions)
        talk.hands.leave.granted = request.granted
        yield Began(talk.hands.session, (yield from talk.model.ready()))
        return (yield from talk.ask(request.text or (replay.request if replay else ""), request.piped))
    finally:
        sessions.close()


def _replying(context: Context) -> Callable[[str], str | None]:
    def reply(question: str) -> str | None:
        answer = context.ask(Question("reply", question, yes="Answer", no="Say nothing", wants_words=True))
        return answer.text if isinstance(answer, Answer) else None

    return reply
