"""A conversation that was written down, told again without a model: what it said is read, what it did is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luci.chat.messages import Answer, Message, Replying
from luci.chat.sessions import Entry
from luci.config import ModelSettings
from luci.errors import UsageError
from luci.events import Event
from luci.values import replace

_PIECE = 40  # characters that come at once


@dataclass
class Replay:
    """Stands where a model would; `answers` come in their order, whatever is asked."""

    request: str
    answers: list[Message]
    settings: ModelSettings = field(default_factory=ModelSettings)
    name: str = "replay"

    def ready(self) -> Generator[Event, None, str]:
        yield from ()
        return self.name

    def answer(
        self,
        messages: Sequence[Message],
        tools: Sequence[dict[str, Any]] = (),
        most: int = 0,
        void: Callable[[Answer], int] | None = None,
    ) -> Generator[Event, None, Answer]:
        if not self.answers:
            raise UsageError("The transcript is over, and there would be more to answer.")
        message = self.answers.pop(0)
        for at in range(0, len(message.text), _PIECE):
            yield Replying(message.text[at : at + _PIECE])
        return Answer(message, model=self.name)


def read(path: Path) -> Replay:
    """Read a transcript: a request, and the answers of a model. Raises UsageError."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        answers = [_answer(each) for each in told["answers"]]
        return Replay(str(told["request"]), answers)
    except OSError as error:
        raise UsageError(f"{path} cannot be read.", cause=error.strerror or str(error)) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        hint = "`luci sessions export --format replay` writes one."
        cause = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{path} is no transcript.", cause=cause, hint=hint) from error


def _answer(told: Any) -> Message:
    """Return a model's answer; nothing else is taken from a transcript, such as words of the person's. Raises
    ValueError, KeyError, TypeError."""
    message = Message.of(told)
    texts = (message.text, *(text for call in message.calls for text in (call.id, call.name, call.arguments)))
    if message.role != "assistant" or not all(isinstance(text, str) for text in texts):
        raise ValueError("it holds what is no answer of a model")
    return replace(message, call_id="", whole=True, calls=tuple(replace(call, extra={}) for call in message.calls))


def transcript(entries: Iterable[Entry]) -> str:
    """Return the last request of a session and what was answered, as `read` takes it."""
    request = ""
    answers: list[dict[str, Any]] = []
    for entry in entries:
        if entry.kind != "message":
            continue
        message = Message.of(entry.body)
        if message.role == "user" and not message.text.startswith("[luci]"):
            request, answers = message.text, []
        elif message.role == "assistant" and message.whole:
            answers.append(message.as_dict())
    return json.dumps({"request": request, "answers": answers}, indent=2, ensure_ascii=False) + "\n"
