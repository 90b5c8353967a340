"""What an endpoint wants of a request, learnt from how it refuses one: each server takes a little less than another."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from luci.chat.messages import Message
from luci.chat.providers import Endpoint
from luci.values import Value, replace

MOST = 32_000  # tokens of one answer: more no server here is known to write, and many refuse to be asked for
_OLD, _NEW = "max_tokens", "max_completion_tokens"
_NO_SIGNATURE = {"google": {"thought_signature": "skip_thought_signature_validator"}}  # for calls of other models


class Manners(Value):
    """`limit` is the word for the most tokens of an answer, "" for none. `plain`: no role but user and assistant, in
    turns. `signed`: each call has a signature, be it an empty one. `thinks`: the thoughts that led to a call come
    with it."""

    limit: str = _OLD
    most: int = MOST
    streams: bool = True
    counts: bool = True
    plain: bool = False
    signed: bool = False
    thinks: bool = False

    def request(
        self, model: str, messages: Sequence[Message], tools: Sequence[dict[str, Any]], most: int, host: str
    ) -> dict[str, Any]:
        """Return what is sent. `most` limits the tokens of the answer, 0 for as many as it likes."""
        told = [message.as_wire(host, thinks=self.thinks) for message in messages if message.says_something]
        if self.signed:
            told = [_signed(message) for message in told]
        request: dict[str, Any] = {"model": model, "messages": _in_turns(told) if self.plain else told}
        if self.streams:
            request |= {"stream": True, **({"stream_options": {"include_usage": True}} if self.counts else {})}
        if tools:
            request["tools"] = list(tools)
        if most and self.limit:
            request[self.limit] = min(most, self.most)
        return request

    def after(self, said: str) -> Manners | None:
        """Return what to do otherwise after a refusal in these words; None where they are about something else."""
        words = said.lower()
        better = self
        if afforded := re.search(r"can only afford (\d+)", words):
            better = replace(self, most=min(self.most, int(afforded[1])))
        elif "verified to stream" in words or re.search(r"\bstream(ing)?\b.*not support|not support.*\bstream", words):
            better = replace(self, streams=False)
        elif "stream_options" in words:
            better = replace(self, counts=False)
        elif self.limit and (_OLD in words or _NEW in words or "in the completion" in words):
            other = _NEW if self.limit == _OLD else _OLD
            about = re.search(r"not support|unsupported|unrecognized|unknown|not permitted|instead", words)
            better = replace(self, limit=other if about else "")
        elif re.search(r"system role|role.{0,20}system|roles must alternate|after the optional system", words):
            better = replace(self, plain=True)
        elif "reasoning_content" in words:
            better = replace(self, thinks=not self.thinks)
        elif "thought_signature" in words or "thought signature" in words:
            better = replace(self, signed=True)
        return None if better == self else better


def usual(endpoint: Endpoint) -> Manners:
    return Manners(limit=_NEW if endpoint.provider == "openai" else _OLD)  # others know only the older word


def _signed(message: dict[str, Any]) -> dict[str, Any]:
    calls = message.get("tool_calls")
    if not calls:
        return message
    return {**message, "tool_calls": [{**call, "extra_content": _NO_SIGNATURE} for call in calls]}


def _in_turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return messages with what the system says in the first of the user's, and neighbours of one role as one."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        told = dict(message)
        if told["role"] == "system":
            told["role"] = "user"
        before = turns[-1] if turns else None
        mergeable = told["role"] in ("user", "assistant") and "tool_calls" not in told
        if before and mergeable and before["role"] == told["role"] and "tool_calls" not in before:
            before["content"] = f"{before['content']}\n\n{told['content']}"
        else:
            turns.append(told)
    return turns
