"""Amounts of money, exact to the cent. A module of the example's own."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from babel.numbers import format_currency


@dataclass(frozen=True)
class Line:
    """One line of an invoice."""

    what: str
    count: int
    price: Decimal

    @classmethod
    def parse(cls, text: str) -> Line:
        """Read "what:count:price". Raises ValueError."""
        what, count, price = text.rsplit(":", 2)
        try:
            return cls(what, int(count), Decimal(price))
        except InvalidOperation:
            raise ValueError(f"{price!r} is not a price") from None

    @property
    def amount(self) -> Decimal:
        return cents(self.count * self.price)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def shown(amount: Decimal) -> str:
    return format_currency(amount, "EUR", locale="en_IE")
