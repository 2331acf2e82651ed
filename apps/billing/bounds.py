"""What makes an invoice wait for staff: facts that cannot be, and totals far from last month's. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.billing.rating import Rated
from apps.billing.usage import Usage
from apps.core.money import Currency, formatted

MOST_QUANTITY = Decimal(10**7)
FACTOR = 5
"""A total is far from last month's where one is so many times the other."""


def threshold(currency: str) -> Decimal:
    """Totals up to this are never far from each other."""
    return Decimal(50_000 if currency == Currency.JPY else 500)


@dataclass(frozen=True, slots=True)
class Before:
    """What last month came to, and for how many days."""

    net: Decimal
    days: int


def implausible(usage: Usage, rated: Sequence[Rated], *, before: Before | None, currency: str) -> str:
    """Why staff looks at it first, '' where nothing is odd."""
    if any(each.stored_bytes < 0 or each.studies < 0 for each in usage.stored):
        return "Less than nothing is stored: the storage entries do not add up"
    if any(deed.quantity < 0 for deed in usage.deeds):
        return "A quantity is negative"
    if any(charge.quantity < 0 or charge.quantity > MOST_QUANTITY for charge in rated):
        return f"A quantity is negative or above {MOST_QUANTITY:,}"
    if len({(charge.source, charge.source_key) for charge in rated}) < len(rated):
        return "One source would be charged twice"
    total = sum((charge.amount for charge in rated), Decimal(0))
    if total < 0:
        return f"The total is negative: {formatted(total, currency)}"
    is_like_before = not usage.custody_from  # which has no base fee any more
    return _far_from(before, total, usage, currency) if before and is_like_before and usage.has_days else ""


def _far_from(before: Before, total: Decimal, usage: Usage, currency: str) -> str:
    days = (usage.last - usage.first).days + 1
    expected = before.net * days / before.days
    low, high = sorted([total, expected])
    if high <= threshold(currency) or high <= low * FACTOR:
        return ""
    return (
        f"The total is {formatted(total, currency)}; by last month {formatted(expected, currency)} was to be expected"
    )
