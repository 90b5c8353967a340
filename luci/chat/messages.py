"""What is said in a conversation, as it is kept and as it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from luci.events import Event
from luci.values import Value

Role = Literal["system", "user", "assistant", "tool"]


class ToolCall(Value):
    """What a model wants done. `arguments` is the JSON text that it wrote, which may be none."""

    id: str
    name: str
    arguments: str


class Message(Value):
    """One message. `calls` are an assistant's, `call_id` is of the call that a tool's message answers.

    `whole` is False for an answer that broke off or was stopped: what is there was said, and there may be more.
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    whole: bool = True

    def as_wire(self) -> dict[str, Any]:
        """Return the form of the chat-completions protocol."""
        if self.role == "tool":
            return {"role": "tool", "tool_call_id": self.call_id, "content": self.text}
        wire: dict[str, Any] = {"role": self.role, "content": self.text}
        if self.calls:
            wire["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.calls
            ]
        return wire

    def as_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "text": self.text,
            "calls": [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in self.calls],
            "call_id": self.call_id,
            "whole": self.whole,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Message:
        """Return what `as_dict` told."""
        calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in told["calls"])
        return cls(told["role"], told["text"], calls, told["call_id"], told["whole"])


class Usage(Value):
    """What an answer took, in tokens and, where the endpoint says it, in US dollars. None: it did not say."""

    prompt: int | None = None
    completion: int | None = None
    cost: float | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _sum(self.prompt, other.prompt), _sum(self.completion, other.completion), _sum(self.cost, other.cost)
        )

    @property
    def tokens(self) -> int:
        return (self.prompt or 0) + (self.completion or 0)


def _sum(one: Any, other: Any) -> Any:
    return other if one is None else one if other is None else one + other


class Answer(Value):
    """What a model said. `why_not_whole` tells why it is not all of it."""

    message: Message
    usage: Usage = Usage()
    model: str = ""
    why_not_whole: str = ""


# -- what a conversation says while it goes on


class Began(Event):
    """A request is followed, in this session, by this model."""

    session: str
    model: str


class Replying(Event):
    """A piece of the answer that is being written."""

    text: str


class Replied(Event):
    """An answer is over. `text` is all of it; `trouble` says why it is not whole, where it is not."""

    text: str
    trouble: str = ""


class AskedAgain(Event):
    """The model did not answer, or its answer broke off: what came is void, and it is asked again in `seconds`."""

    reason: str
    seconds: float


class Using(Event):
    """The model uses a tool; what it does is said by the events up to `Used`."""

    id: str
    tool: str
    title: str


class Used(Event):
    """A tool is done. `told` is what the model hears of it."""

    id: str
    tool: str
    ok: bool
    told: str


class Spent(Event):
    """What the conversation has taken so far: this request, and the day, in tokens and US dollars where known."""

    request: int
    day: int
    cost: float | None = None
    context: int = 0  # tokens of the last prompt
