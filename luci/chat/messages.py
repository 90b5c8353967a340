"""What is said in a conversation, as it is kept and as it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Literal

from luci.events import Event
from luci.values import Value, anew, replace

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
        return {"id": self.id, "type": "function", "function": function, **_for(host, self.extra)}

    def as_dict(self) -> dict[str, Any]:
        told = {"id": self.id, "name": self.name, "arguments": self.arguments}
        return {**told, "extra": dict(self.extra)} if self.extra else told


class Message(Value):
    """One message. `calls` are an assistant's, `call_id` is of the call that a tool's message answers.

    `whole` is False for an answer that broke off or was stopped: what is there was said, and there may be more.
    `thoughts` came before the answer, and are no part of it; `extra` is what a server wants to have back with an answer
    that calls, with "by" for the server's name. Neither is kept with the message: they are of use until it is done.
    """

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    whole: bool = True
    thoughts: str = ""
    extra: Mapping[str, Any] = anew(dict)

    @property
    def says_something(self) -> bool:
        """Whether there is anything in it: many servers take no empty message, an answer stopped at once for one."""
        return bool(self.text.strip() or self.calls or self.role == "tool")

    def as_wire(self, host: str = "", *, thinks: bool = False) -> dict[str, Any]:
        """Return the form of the chat-completions protocol, as it is sent to `host`. `thinks`: with the thoughts that
        led to a call, which a few servers insist on."""
        if self.role == "tool":
            return {"role": "tool", "tool_call_id": self.call_id, "content": self.text}
        if self.calls:
            calls = [call.as_wire(host) for call in self.calls]
            thoughts = {"reasoning_content": self.thoughts} if thinks else {}
            extra = _for(host, self.extra)
            return {"role": self.role, "content": self.text or None, "tool_calls": calls, **thoughts, **extra}
        return {"role": self.role, "content": self.text}

    def as_dict(self) -> dict[str, Any]:
        return {
            "role": self.role,
            "text": self.text,
            "calls": [call.as_dict() for call in self.calls],
            "call_id": self.call_id,
            "whole": self.whole,
        }

    def masked(self, masked: Callable[[str], str]) -> Message:
        """Return it with each text in it masked, also what it calls with."""
        calls = tuple(replace(call, name=masked(call.name), arguments=masked(call.arguments)) for call in self.calls)
        return replace(self, text=masked(self.text), thoughts=masked(self.thoughts), calls=calls)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Message:
        """Return what `as_dict` told."""
        calls = tuple(ToolCall(c["id"], c["name"], c["arguments"], c.get("extra") or {}) for c in told["calls"])
        return cls(told["role"], told["text"], calls, told["call_id"], told["whole"])


def _for(host: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    return {key: told for key, told in extra.items() if key != "by"} if extra.get("by") == host else {}


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
    """What a model said. `why_not_whole` tells why it is not all of it; `void` is what else was written, and paid for:
    calls that were begun."""

    message: Message
    usage: Usage = Usage()
    model: str = ""
    why_not_whole: str = ""
    void: str = ""

    @property
    def is_something(self) -> bool:
        """Whether anything came."""
        return bool(self.message.text or self.message.thoughts or self.void or self.usage.tokens)


# -- what a conversation says while it goes on


class Began(Event):
    """A request is followed, in this session, by this model."""

    session: str
    model: str


class Replying(Event):
    """A piece of the answer that is being written."""

    text: str


class Thinking(Event):
    """A piece of what the model thinks before it answers: no part of the answer."""

    text: str


class Replied(Event):
    """An answer is over. `text` is all of it; `trouble` says why it is not whole, where it is not. `anew`: what was
    shown of it was no part of it, or more came; `text` is to be shown in its place."""

    text: str
    trouble: str = ""
    anew: bool = False


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
