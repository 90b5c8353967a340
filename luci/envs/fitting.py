"""What a Python satisfies: versions that are asked of it (PEP 440), and wheels by the tags in their names (PEP 425)."""

from __future__ import annotations

import functools
from collections.abc import Collection
from itertools import product

_OPERATORS = (">=", "<=", "!=", "==", "<", ">")


def satisfies(version: str, wanted: str) -> bool:
    """Return whether a final version is within a specifier. Raises ValueError where `wanted` is none.

    >>> satisfies("3.12.4", ">=3.8,<4"), satisfies("3.12.4", "~=3.10, !=3.12.*")
    (True, False)
    """
    if (answer := _at_sight(version, wanted)) is not None:
        return answer
    from packaging.specifiers import SpecifierSet  # 20 ms, and few are written otherwise

    return SpecifierSet(wanted).contains(version, prereleases=True)


def _at_sight(version: str, wanted: str) -> bool | None:
    """Answer where only numbers are compared, else None."""
    if not wanted:
        return True
    own = _numbers(version)
    compared = [_compared(own, clause.strip()) for clause in wanted.split(",")] if own else [None]
    return None if None in compared else all(compared)


def _compared(own: tuple[int, ...], clause: str) -> bool | None:
    operator = next((each for each in _OPERATORS if clause.startswith(each)), "")
    text = clause[len(operator) :].strip()
    numbers = _numbers(text.removesuffix(".*"))
    if not operator or not numbers:
        return None
    length = max(len(own), len(numbers))
    left, right = (each + (0,) * (length - len(each)) for each in (own, numbers))
    if text.endswith(".*"):
        same = left[: len(numbers)] == numbers
        return {"==": same, "!=": not same}.get(operator)
    match operator:
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case "<":
            return left < right
        case ">":
            return left > right
        case "==":
            return left == right
    return left != right


def _numbers(text: str) -> tuple[int, ...]:
    parts = text.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else ()


def takes(tags: Collection[str], wheel: str) -> bool:
    """Return whether one of the tags in a wheel's name is among `tags`; dots in it stand for several (PEP 425).

    >>> takes({"py3-none-any"}, "six-1.16.0-py2.py3-none-any.whl")
    True
    """
    named = wheel.lower().removesuffix(".whl").rsplit("-", 3)[1:]
    return len(named) == 3 and not _tags_of(*named).isdisjoint(tags)


@functools.cache
def _tags_of(pythons: str, abis: str, platforms: str) -> frozenset[str]:
    every = product(pythons.split("."), abis.split("."), platforms.split("."))
    return frozenset("-".join(tag) for tag in every)
