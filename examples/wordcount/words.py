"""What a word is: letters, as Unicode knows them, with apostrophes and hyphens inside."""

from collections import Counter

import regex

WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*")


def count(text: str, shortest: int = 1) -> list[tuple[str, int]]:
    """Return each word and how often it stands in `text`, the most frequent first."""
    found = (word.casefold() for word in WORD.findall(text) if len(word) >= shortest)
    return sorted(Counter(found).items(), key=lambda pair: (-pair[1], pair[0]))
