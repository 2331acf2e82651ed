"""Money: Decimal and a currency (ISO 4217). What cannot be paid is rounded away once, half up."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _

EXACT = Decimal("0.000001")
"""The step of quantities and unit prices."""


class Currency(models.TextChoices):
    """Currencies that the center invoices in."""

    JPY = "JPY", _("Japanese yen")
    EUR = "EUR", _("Euro")
    USD = "USD", _("US dollar")
    GBP = "GBP", _("Pound sterling")
    CHF = "CHF", _("Swiss franc")


def step(currency: str) -> Decimal:
    """The smallest amount that can be paid: 1 yen, 0.01 euro."""
    return Decimal(1) if currency == Currency.JPY else Decimal("0.01")


def rounded(amount: Decimal, currency: str, rounding: str = ROUND_HALF_UP) -> Decimal:
    """The amount that can be paid."""
    return amount.quantize(step(currency), rounding)


def exact_price(price: Decimal) -> Decimal:
    """A unit price as it is kept; amounts are computed from this."""
    return price.quantize(EXACT, ROUND_HALF_UP)


def in_steps(amount: Decimal, currency: str) -> int:
    """An amount as card networks count it: yen, cents."""
    return int(rounded(amount, currency) / step(currency))


def from_steps(count: int, currency: str) -> Decimal:
    """The amount of so many yen or cents."""
    return rounded(count * step(currency), currency)


def apportioned(total: Decimal, weights: Sequence[int], currency: str) -> list[Decimal]:
    """`total` in parts by weight, each payable; their sum is the total, rounded once.

    Each part is what the weights so far come to, less what was given out: no part is off by more than one step.
    """
    whole, parts, given, so_far = sum(weights), list[Decimal](), Decimal(0), 0
    for weight in weights:
        so_far += weight
        reached = rounded(total * so_far / whole, currency)
        parts.append(reached - given)
        given = reached
    return parts


def plain(number: Decimal) -> str:
    """A quantity or a percentage without the zeros that the database keeps: `12.5`, `100`."""
    return f"{number.normalize():f}"


def formatted(amount: Decimal, currency: str) -> str:
    """For people and documents: `¥12,300`, `€1,234.50`."""
    sign = {"JPY": "¥", "EUR": "€", "USD": "$", "GBP": "£"}.get(currency, f"{currency} ")
    value = rounded(amount, currency)
    return f"{'-' if value < 0 else ''}{sign}{abs(value):,}"


def formatted_price(price: Decimal, currency: str) -> str:
    """A price of a unit, which may be finer than what can be paid: `¥12.5`, `€0.0325`."""
    if price == rounded(price, currency):
        return formatted(price, currency)
    sign = formatted(Decimal(0), currency).split("0", maxsplit=1)[0]
    return f"{'-' if price < 0 else ''}{sign}{abs(price).normalize():,f}"
