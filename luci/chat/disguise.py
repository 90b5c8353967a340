"""What in a text looks otherwise than it is: said to a person before the text itself, so that nobody must find it.

Unicode Technical Report 36 (security considerations), Technical Standard 39 (mixed scripts).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

_BLANKS = 60  # in a row, with text behind them: that text is beyond the edge of most windows
_LONG = 500  # characters of a line: few read to its end
_UNSEEN = {
    0x034F,
    0x115F,
    0x1160,
    0x17B4,
    0x17B5,
    0x3164,
    0xFFA0,
    0x2800,
    *range(0xFE00, 0xFE0F),
    *range(0xE0000, 0xE01F0),
}
_LOOK_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "MATHEMATICAL", "FULLWIDTH")


def disguises(lines: Iterable[str]) -> Iterator[str]:
    """Yield what a reader of lines should look out for, each kind once, with the first line that has it.

    >>> list(disguises(["x = 1", "p\\u0430th = 1", "y = 2;" + " " * 90 + "import os"]))
    ["look out: 'p\\u0430th' has letters of another alphabet (CYRILLIC SMALL LETTER A)", \
'look out: text stands behind 90 blanks: import os']
    """
    seen: set[str] = set()
    for line in lines:
        for kind, told in _of(line):
            if kind not in seen:
                seen.add(kind)
                yield f"look out: {told}"


def _of(line: str) -> Iterator[tuple[str, str]]:
    if gap := re.search(rf"\S([ \t]{{{_BLANKS},}})(\S.*)", line):
        yield "blanks", f"text stands behind {len(gap[1])} blanks: {gap[2].strip()[:200]}"
    elif len(line) - len(line.lstrip()) > 2 * _BLANKS:
        yield "indent", f"text stands behind {len(line) - len(line.lstrip())} blanks: {line.strip()[:200]}"
    if len(line) > _LONG:
        yield "long", f"a line is {len(line):,} characters long, and ends with {line[-80:].strip()}"
    if line.isascii():
        return
    for char in line:
        if ord(char) in _UNSEEN or unicodedata.category(char) in ("Cf", "Zl", "Zp", "Co", "Cn"):
            name = unicodedata.name(char, "a character without a name")
            yield "unseen", f"there are characters that cannot be seen, or turn the text around ({name})"
            break
    for word in re.findall(r"\w+", line):
        if not word.isascii() and re.search(r"[A-Za-z]", word) and (other := _other_letter(word)):
            yield "letters", f"{word!r} has letters of another alphabet ({other})"
            break


def _other_letter(word: str) -> str:
    names = (unicodedata.name(char, "") for char in word if not char.isascii())
    return next((name for name in names if name.startswith(_LOOK_ALIKE)), "")
