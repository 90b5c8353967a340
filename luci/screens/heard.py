"""What a model heard of a tool, as a person is told of it."""

from __future__ import annotations

import re

_HOLDS = re.compile(r"^(exit code .*, behind [^(]*[^( ]) \(.*\)$")


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
