"""An answer while it comes in pieces, from servers that cut it each in their own way."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from luci.chat.messages import Answer, Message, ToolCall, Usage
from luci.chat.shorten import sound
from luci.chat.thoughts import Parting, begun_unseen, joined, told_apart
from luci.values import Value

_MOST = 1_000_000_000  # tokens, or US dollars, of one answer
WHY_NOT_WHOLE = {
    "length": "it reached the model's limit of length",
    "content_filter": "the endpoint's filter cut it",
    "error": "the model broke off",
}
_ROUNDS, _TIMES, _PIECE = 6_000, 10, 100  # characters of the end, repetitions in it, characters that are looked for


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class _Place(Value):
    """Where the pieces of a call belong: its index, where the server tells one, and how many had it before."""

    index: int
    number: int = 0


@dataclass
class Written:
    """`host` is who writes: what it adds to its calls is sent back to nobody else."""

    host: str = ""
    text: str = ""
    thoughts: str = ""
    reason: str = ""
    usage: Usage = field(default_factory=Usage)
    model: str = ""
    _details: list[dict[str, Any]] = field(default_factory=list)
    _parting: Parting = field(default_factory=Parting)
    _calls: dict[_Place, _Call] = field(default_factory=dict)

    def take(self, piece: Mapping[str, Any]) -> tuple[str, str]:
        """Take a piece in; return what it adds to the text, and to the thoughts."""
        piece = _object(piece)
        self.model = _word(piece.get("model")) or self.model
        if isinstance(told := piece.get("usage"), Mapping):  # of the last piece, or of each so far
            self.usage = Usage(
                _number(told.get("prompt_tokens")), _number(told.get("completion_tokens")), _cost(told.get("cost"))
            )
        text = thoughts = ""
        for choice in map(_object, _listed(piece.get("choices"))[:1]):  # none in the piece that tells the usage
            delta = _object(choice.get("delta"))
            text, thoughts = self._parting.take(sound(_text(delta.get("content")) or _text(delta.get("refusal"))))
            thoughts += sound(told_apart(delta))
            joined(
                self._details, [each for each in _listed(delta.get("reasoning_details")) if isinstance(each, Mapping)]
            )
            for at, part in enumerate(_listed(delta.get("tool_calls"))):
                self._take_call(_object(part), at)
            if old := _object(delta.get("function_call")):  # the older form of one call, which has no id
                self._take_call({"index": 0, "function": old}, 0)
            self.reason = _word(choice.get("finish_reason")) or self.reason
        self.text += text
        self.thoughts += thoughts
        return text, thoughts

    def _take_call(self, part: Mapping[str, Any], at: int) -> None:
        index = part.get("index")
        function = _object(part.get("function"))
        name, id = _word(function.get("name")), _word(part.get("id"))
        place = self._place(index if isinstance(index, int) else at, name, id)
        call = self._calls.setdefault(place, _Call())
        call.id = id or call.id
        call.name = call.name or name
        arguments = function.get("arguments") or ""
        call.arguments += sound(arguments) if isinstance(arguments, str) else json.dumps(arguments)
        if extra := part.get("extra_content"):  # Google's signature of the thought that led to the call
            call.extra = {"by": self.host, "extra_content": extra}

    def _place(self, index: int, name: str, id: str) -> _Place:
        """Return where a piece belongs: Google's calls in parallel all come with the index 0."""
        last = max((place.number for place in self._calls if place.index == index), default=0)
        place = _Place(index, last)
        begun = self._calls.get(place)
        if begun and name and begun.name and (id != begun.id or not id) and (id or _is_whole(begun.arguments)):
            return _Place(index, last + 1)
        return place

    def answer(self, why_not_whole: str) -> Answer:
        """Return what there is. Of an answer that is not whole no call is kept: half a call is none."""
        text, thoughts = self._parting.rest()
        text, before = begun_unseen(self.text + text)
        calls = () if why_not_whole else tuple(self._whole_calls())
        details = {"by": self.host, "reasoning_details": self._details} if self._details else {}
        thoughts = before + self.thoughts + thoughts
        message = Message("assistant", text, calls, "", not why_not_whole, thoughts, details)
        void = "" if calls else "".join(call.name + call.arguments for call in self._calls.values())
        return Answer(message, self.usage, self.model, why_not_whole, void)

    @property
    def goes_round(self) -> bool:
        """Whether the model has begun to write the same without end."""
        last = next(reversed(self._calls.values())).arguments if self._calls else self.text or self.thoughts
        return repeats(last)

    def _whole_calls(self) -> Iterator[ToolCall]:
        order = sorted(self._calls.items(), key=lambda one: (one[0].index, one[0].number))
        for _, call in order:
            first, *more = parted(call.arguments)
            yield ToolCall(call.id or _new_id(), call.name, first, call.extra)
            for arguments in more:  # one call after the other under one index, told apart by nothing else
                yield ToolCall(_new_id(), call.name, arguments, call.extra)


def parted(arguments: str) -> list[str]:
    """Return each of several JSON objects that were written one behind the other; else what is there as it is.

    >>> parted('{"a": 1}{"a": 2}'), parted('{"a": 1'), parted("")
    (['{"a": 1}', '{"a": 2}'], ['{"a": 1'], [''])
    """
    found, at = [], 0
    decoder = json.JSONDecoder()
    try:
        while at < len(arguments):
            value, end = decoder.raw_decode(arguments, at)
            if not isinstance(value, dict):
                return [arguments]
            found.append(arguments[at:end])
            at = end + len(arguments[end:]) - len(arguments[end:].lstrip())
    except (ValueError, RecursionError):
        return [arguments]
    return found or [arguments]


def repeats(text: str) -> bool:
    """Whether a text ends with one short piece, again and again. What a person may want so is not that long.

    >>> repeats("It is the list, and " * 400), repeats("It is the list, and " * 40)
    (True, False)
    >>> repeats("\\n".join(f"row {n}, 0, 0, 0" for n in range(2000)))
    False
    """
    end = text[-_ROUNDS:]
    before = end.rfind(end[-_PIECE:], 0, -1) if len(end) == _ROUNDS else -1
    period = len(end) - _PIECE - before
    return before >= 0 and period <= _ROUNDS // _TIMES and end[period:] == end[:-period]


def _is_whole(arguments: str) -> bool:
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def _new_id() -> str:
    return f"call_{secrets.token_hex(6)}"


def _text(told: Any) -> str:
    """Return text, also where it comes in parts."""
    if isinstance(told, list):
        return "".join(_text(part.get("text")) for part in told if isinstance(part, Mapping))
    return told if isinstance(told, str) else ""


def _number(told: Any) -> int | None:
    """Return a count that can be one: what a server tells beyond that would upset the reckoning of a whole day."""
    return told if type(told) is int and 0 < told <= _MOST else None


def _cost(told: Any) -> float | None:
    return float(told) if type(told) in (int, float) and 0 <= told <= _MOST else None


def _object(told: Any) -> Mapping[str, Any]:
    """Return what should be an object of JSON; a server may send anything."""
    return told if isinstance(told, Mapping) else {}


def _listed(told: Any) -> list[Any]:
    return told if isinstance(told, list) else []


def _word(told: Any) -> str:
    return told if isinstance(told, str) else str(told) if type(told) is int else ""
