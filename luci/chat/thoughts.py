"""What a model thinks before it answers, told apart from the answer where a server sends both as one text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_TAGS = {f"<{name}>": f"</{name}>" for name in ("think", "thinking", "thought", "reasoning")}
_TAGS["[THINK]"] = "[/THINK]"  # Mistral's
_END_ALONE = re.compile(r"^[ \t]*</think(?:ing)?>[ \t]*$\n?", re.MULTILINE)
_JOINED = ("text", "summary", "data")  # of a piece of reasoning_details; what else it has is told once


class Parting:
    """Parts a text that comes in pieces. Only what stands before the answer is taken for thoughts: a script may have
    the same words in it."""

    def __init__(self) -> None:
        self._held, self._end, self._answers, self._thought = "", "", False, False

    def take(self, text: str) -> tuple[str, str]:
        """Take a piece; return what it adds to the answer, and to the thoughts.

        >>> parting = Parting()
        >>> [parting.take(piece) for piece in ("<thi", "nk>so", " it is</th", "ink>\\n\\nYes", ": <think>")]
        [('', ''), ('', 'so'), ('', ' it is'), ('Yes', ''), (': <think>', '')]
        """
        if self._answers:
            return text, ""
        self._held += text
        thoughts = ""
        while True:
            if self._end:
                before, found, after = self._held.partition(self._end)
                if not found:
                    kept = _begun(self._held, self._end)
                    thoughts += self._held[: len(self._held) - kept]
                    self._held = self._held[len(self._held) - kept :]
                    return "", thoughts
                thoughts += before
                self._held, self._end, self._thought = after, "", True
            bare = self._held.lstrip()
            opened = next((tag for tag in _TAGS if bare.startswith(tag)), "")
            if not opened and any(tag.startswith(bare) for tag in _TAGS):
                return "", thoughts
            if not opened:
                self._answers = True
                answer, self._held = bare if self._thought else self._held, ""
                return answer, thoughts
            self._held, self._end = bare[len(opened) :], _TAGS[opened]

    def rest(self) -> tuple[str, str]:
        """Return what was held back, when nothing more comes."""
        held, self._held = self._held, ""
        return ("", held) if self._end else (held, "")


def _begun(text: str, word: str) -> int:
    """Return how much of a word the end of a text may be."""
    return next((n for n in range(min(len(word) - 1, len(text)), 0, -1) if text.endswith(word[:n])), 0)


def begun_unseen(text: str) -> tuple[str, str]:
    """Return an answer, and the thoughts in it that only have an end: some templates begin them in the model's place.

    >>> begun_unseen("Let me see.\\n</think>\\n\\nHere."), begun_unseen("```\\n</think>\\n```")
    (('Here.', 'Let me see.'), ('```\\n</think>\\n```', ''))
    """
    found = _END_ALONE.search(text)
    if not found or text[: found.start()].count("```") % 2:
        return text, ""
    return text[found.end() :].lstrip(), text[: found.start()].strip()


def told_apart(delta: Mapping[str, Any]) -> str:
    """Return the thoughts that a server sends beside the answer: llama.cpp and DeepSeek by the first name, Ollama, vLLM
    and OpenRouter by the other."""
    found = delta.get("reasoning_content") or delta.get("reasoning")
    return found if isinstance(found, str) else ""


def joined(details: list[dict[str, Any]], more: Iterable[Any]) -> None:
    """Add pieces of OpenRouter's reasoning_details to what came of them: those of a block have one index and type."""
    for piece in more:
        if not isinstance(piece, Mapping):
            continue
        same = details[-1] if details and all(_told(details[-1], piece, name) for name in ("index", "type")) else None
        if same is None or "index" not in piece:
            details.append(dict(piece))
            continue
        for name, value in piece.items():
            both = name in _JOINED and isinstance(value, str) and isinstance(same.get(name), str)
            if both or value is not None:
                same[name] = same[name] + value if both else value


def _told(one: Mapping[str, Any], other: Mapping[str, Any], name: str) -> bool:
    return bool(one.get(name) == other.get(name))
