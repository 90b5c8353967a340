"""An answer while it comes: written down before it is shown, so that a crash loses nothing of it; secrets masked."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from luci.chat.hands import Hands
from luci.chat.messages import Answer, AskedAgain, Message, Replying, Thinking
from luci.chat.secrets import Masking
from luci.chat.sessions import Kind
from luci.events import Event
from luci.values import replace


@dataclass
class _Draft:
    """What is written down of an answer, or of the thoughts before it. `number` is its entry's, 0 for none yet."""

    hands: Hands
    kind: Kind
    body: dict[str, Any]
    masking: Masking
    number: int = 0
    shown: str = ""

    def take(self, text: str) -> str:
        """Take a piece; return what may be shown by now, once it is written down."""
        return self._noted(self.masking.take(text))

    def rest(self) -> str:
        return self._noted(self.masking.rest())

    def _noted(self, text: str) -> str:
        if text:
            sessions, session = self.hands.sessions, self.hands.session
            self.number = self.number or sessions.add(session, self.kind, self.body)
            sessions.write_on(session, self.number, text)
            self.shown += text
        return text

    def over(self, kind: Kind, body: dict[str, Any]) -> None:
        """Write down what it came to."""
        if self.number:
            self.hands.sessions.redraft(self.hands.session, self.number, body, kind)
        else:
            self.hands.sessions.add(self.hands.session, kind, body)


@dataclass
class Hearing:
    """One answer. `shown` is what was shown of it."""

    hands: Hands
    shown: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        secrets = self.hands.secrets
        self._answer = _Draft(self.hands, "draft", Message("assistant", whole=False).as_dict(), Masking(secrets))
        self._thoughts = _Draft(self.hands, "thought", {"text": ""}, Masking(secrets))

    def through(self, steps: Generator[Event, None, Answer]) -> Generator[Event, None, Answer]:
        """Hand on what is said, to the end; return the answer, masked."""
        while True:
            try:
                event = next(steps)
            except StopIteration as end:
                answer: Answer = end.value
                break
            if isinstance(event, Thinking):
                if text := self._thoughts.take(event.text):
                    yield Thinking(text)
                continue
            if isinstance(event, Replying):
                yield from self._thought()
                if text := self._answer.take(event.text):
                    yield Replying(text)
                continue
            if isinstance(event, AskedAgain):
                yield from self._rest()
                if self._answer.number:
                    self._answer.over("note", {"text": f"An answer broke off, and is void: {self._answer.shown}"})
                self._begin()
            yield event
        yield from self._rest()
        return self._over(answer)

    def _thought(self) -> Iterator[Event]:
        if text := self._thoughts.rest():
            yield Thinking(text)

    def _rest(self) -> Iterator[Event]:
        yield from self._thought()
        if text := self._answer.rest():
            yield Replying(text)

    def _over(self, answer: Answer) -> Answer:
        secrets = self.hands.secrets
        message = replace(answer.message, text=secrets.masked(answer.message.text))
        if self._thoughts.number:
            self._thoughts.over("thought", {"text": self._thoughts.shown})
        elif message.thoughts:  # they were taken for an answer until their end came
            self._thoughts.over("thought", {"text": secrets.masked(message.thoughts)})
        self.shown = self._answer.shown
        self._answer.over("message", message.masked(secrets.masked).as_dict())
        return replace(answer, message=message)
