"""What of a long conversation a model is told: all of it as long as it fits, then less of what is old."""

from __future__ import annotations

from collections.abc import Sequence

from luci.chat.budget import reckoned
from luci.chat.messages import Message
from luci.chat.shorten import shortened
from luci.values import replace

_FULL = 0.8  # of the context; the rest is for the answer
_SHORT = 600  # characters of an old tool's output
_RECENT = 6  # messages at the end that stay as they are


def fitting(messages: Sequence[Message], tokens: int, request: Message | None = None) -> list[Message]:
    """Return messages that a context of so many tokens holds. First old output is cut to its head, tail and error
    lines, then the oldest exchanges are left out, and the model is told so; the first request and `request`, the one
    that is followed, stay."""
    room = round(tokens * _FULL)
    if reckoned(messages) <= room:
        return list(messages)
    edge = max(0, len(messages) - _RECENT)
    shorter = [_shorter(message) if at < edge else message for at, message in enumerate(messages)]
    if reckoned(shorter) <= room:
        return shorter
    head = [message for message in shorter[:2] if message.role in ("system", "user")]
    rest = shorter[len(head) :]
    at = next((at for at in range(len(rest) - 1, -1, -1) if rest[at] is request), 0)
    stays = [rest[at]] if at or (rest and rest[0] is request) else []
    before, after = rest[:at], rest[at + len(stays) :]
    left_out = 0
    while before and reckoned([*head, *before, *stays, *after]) > room:
        end = _next_request(before) or len(before)
        before, left_out = before[end:], left_out + end
    while reckoned([*head, *stays, *after]) > room and (end := _next_request(after) or _after_exchange(after)):
        after, left_out = after[end:], left_out + end
    note = Message("user", f"[luci: {left_out} earlier messages are left out here; they are kept in the session.]")
    kept = [*head, *([note] if left_out else []), *before, *stays, *after]
    while reckoned(kept) > room and (longest := max(kept[1:], key=lambda m: _dispensable(m, request), default=None)):
        if len(longest.text) < _SHORT:
            break
        kept = [_half(message) if message is longest else message for message in kept]
    return kept


def _dispensable(message: Message, request: Message | None) -> tuple[bool, int]:
    """How soon a message is cut: the longest first, and before all what is not the request itself."""
    return message is not request and len(message.text) >= _SHORT, len(message.text)


def _next_request(messages: Sequence[Message]) -> int:
    """Return where the next of a person's messages is, 0 where none is."""
    return next((at for at, message in enumerate(messages[1:], start=1) if message.role == "user"), 0)


def _after_exchange(messages: Sequence[Message]) -> int:
    """Return where the next answer of the model begins, after all that tools said; 0 where none does."""
    return next((at for at, message in enumerate(messages[1:], start=1) if message.role == "assistant"), 0)


def _shorter(message: Message) -> Message:
    return replace(message, text=shortened(message.text, _SHORT)) if message.role == "tool" else message


def _half(message: Message) -> Message:
    half = len(message.text) // 2
    short = shortened(message.text, half)
    return replace(message, text=short if len(short) <= half * 1.2 else short[:half] + "…")
