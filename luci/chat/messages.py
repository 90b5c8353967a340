"""What is said in a conversation, as it is kept and as it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from luci.events import Event
from luci.values import Value, anew

Role = Literal["system", "user", "assistant", "tool"]


class ToolCall(Value):
    """What a model wants done. `arguments` is the JSON text that it wrote, which may be none. `extra` is what a server
    wants to have back with the call, with "by" for the server's name."""

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] = anew(dict)

    def as_wire(self, host: str) -> dict[str, Any]:
        """Return the form of the protocol. Servers read the arguments and the name of each earlier call, and refuse all
        that follows where they are none: what was wrong with them is said in the answer to the call."""
        name = re.sub(r"[^a-zA-Z0-9_-]", "_", self.name)[:64] or "unknown"
        function = {"name": name, "arguments": self.arguments if _is_object(self.arguments) else "{}"}
        extra = {key: told for key, told in self.extra.items() if key != "by"} if self.extra.get("by") == host else {}
        return {"id": self.id, "type": "function", "function": function, **extra}

    def as_dict(self) -> dict[str, Any]:
        told = {"id": self.id, "name": self.name, "arguments": self.arguments}
        return {**told, "extra": dict(self.extra)} if self.extra else told


class Message(Value):
    """One message. `calls` are an assistant's, `call_id` is of the call that a tool's message answers.

    `whole` is False for an answer that broke off or was stopped: what is there was said, and there may be more.
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    whole: bool = True

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it: many servers take no empty message, an answer stopped at once for one."""
        return bool(self.text.strip() or self.calls or self.role == "tool")

    def as_wire(self, host: str = "") -> dict[str, Any]:
        """Return the form of the chat-completions protocol, as it is sent to `host`."""
        if self.role == "tool":
            return {"role": "tool", "tool_call_id": self.call_id, "content": self.text}
        if self.calls:
            calls = [call.as_wire(host) for call in self.calls]
            return {"role": self.role, "content": self.text or None, "tool_calls": calls}
        return {"role": self.role, "content": self.text}

    def as_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "text": self.text,
            "calls": [call.as_dict() for call in self.calls],
            "call_id": self.call_id,
            "whole": self.whole,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Message:
        """Return what `as_dict` told."""
        calls = tuple(ToolCall(c["id"], c["name"], c["arguments"], c.get("extra") or {}) for c in told["calls"])
        return cls(told["role"], told["text"], calls, told["call_id"], told["whole"])


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


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


class Changed(Event):
    """A file was changed. `asked`: a person saw the difference before, and said yes to it."""

    path: str
    diff: str
    asked: bool


class Spent(Event):
    """What the conversation has taken so far: this request, and the day, in tokens and US dollars where known."""

    request: int
    day: int
    cost: float | None = None
    context: int = 0  # tokens of the last prompt
