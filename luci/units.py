"""Figures as a person reads them."""

from __future__ import annotations


def amount(number: float) -> str:
    """Return bytes as a person reads them.

    >>> amount(1_500_000)
    '1.5 MB'
    """
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
