"""Numbers as a person reads them."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return a time span.

    >>> [duration(s) for s in (0.04, 9.96, 75, 4000)]
    ['0.0 s', '10.0 s', '1 min 15 s', '1 h 06 min']
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min"


def count(number: int, noun: str) -> str:
    """Return a number of things.

    >>> count(1, "package"), count(0, "package")
    ('1 package', 'no packages')
    """
    return f"{number or 'no'} {noun}{'s' * (number != 1)}"
