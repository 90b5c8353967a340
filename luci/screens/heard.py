"""What a model says, and what it heard of a tool, as a person reads it."""

from __future__ import annotations

import functools
import re

from luci.chat.leave import NOBODY
from luci.screens.plain import harmless

_JOINERS = dict.fromkeys((0x200C, 0x200D, 0xFE0F))  # terminals disagree on what they do with those
_HOLDS = re.compile(r"^(exit code .*, behind [^(]*[^( ]) \(.*\)$")


def prose(text: str) -> str:
    """Return the text of an answer, harmless; what joins characters is left out, for it is no word of its own.

    >>> prose("\\u26a0\\ufe0f a\\u200db")
    '⚠ ab'
    """
    return harmless(text.translate(_JOINERS))


@functools.lru_cache(maxsize=32)
def blocks(text: str) -> tuple[str, ...]:
    """Return the code in the fences of an answer, each with all that is in it, be it a fence.

    >>> blocks("1. So:\\n   ```python\\n   x = 1\\n   ```\\n\\n~~~~\\n```\\n~~~~\\n")
    ('x = 1\\n', '```\\n')
    """
    from markdown_it import MarkdownIt  # it comes with what draws the answer

    return tuple(token.content for token in MarkdownIt().parse(text) if token.type == "fence")


def refused(by: str, reason: str) -> str:
    """Return what is told of a no.

    >>> refused("you", "too long"), refused("you", ""), refused("nobody", "nobody is here to be asked")
    ('refused by you: too long', 'refused by you', 'refused: nobody is here to be asked')
    """
    return ": ".join(filter(None, ["refused" if by == NOBODY else f"refused by {by}", reason]))


def briefly(told: str) -> str:
    """Return the first line, without what only a model needs to be told.

    >>> briefly("error: This was refused by you: too long. Do not try the same again; nothing was done.")
    'refused by you: too long'
    """
    line = told.split("\n", 1)[0].removeprefix("error: ")
    return line.removeprefix("This was ").removesuffix(". Do not try the same again; nothing was done.")


def in_short(told: str) -> str:
    """Return the first line with the wall's name alone: what it holds was shown while it ran.

    >>> in_short("exit code 0 after 0.1 s, behind bwrap (no network, 60 s)")
    'exit code 0 after 0.1 s, behind bwrap'
    """
    return _HOLDS.sub(r"\1", briefly(told))


def sentence(text: str) -> str:
    """Return text that another sentence may follow.

    >>> sentence("overloaded"), sentence("Is it up?")
    ('overloaded.', 'Is it up?')
    """
    return text if text.endswith((".", "!", "?", ":", "…")) else f"{text}."
