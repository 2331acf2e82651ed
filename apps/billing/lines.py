"""The lines of an invoice: charges of one kind at one price and one tax. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from apps.billing.models import Source
from apps.billing.months import first_day
from apps.billing.rating import Rated
from apps.billing.taxes import Tax
from apps.tiers.models import Item

LONGEST = 200
_WORDS = {
    Source.MISSED_VISIT.value: lazy("Promised visit that was not made"),
    Source.DISCOUNT.value: lazy("Discount"),
    Source.TRUE_UP.value: lazy("Up to the minimum of the month"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """What an invoice shows of `charges`, in the order in which they were rated."""

    item: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    net: Decimal
    tax: Tax
    charges: list[Rated]


def lines_of(rated: Iterable[Rated], tax_on: Callable[[date], Tax], *, month: date) -> list[Line]:
    """Charges in lines. `tax_on`: the tax of what was supplied on a day. What was supplied before the invoice's month
    has lines of its own, which name theirs.
    """
    groups: dict[tuple[str, str, Decimal, Tax, date], list[Rated]] = {}
    for charge in rated:
        of_month = min(month, first_day(charge.supplied_on))
        key = (charge.source, charge.item, charge.unit_price, tax_on(charge.supplied_on), of_month)
        groups.setdefault(key, []).append(charge)
    return [
        Line(
            item, _description(charges) if of_month == month else _late_description(charges, of_month),
            sum((each.quantity for each in charges), Decimal(0)), unit_price,
            sum((each.amount for each in charges), Decimal(0)), tax, charges,
        )
        for (_source, item, unit_price, tax, of_month), charges in groups.items()
    ]  # fmt: skip


def _late_description(charges: list[Rated], month: date) -> str:
    told = {"month": f"{month:%Y-%m}", "what": _description(charges)}
    return (_("Of %(month)s, told late: %(what)s") % told)[:LONGEST]


def _description(charges: list[Rated]) -> str:
    first = charges[0]
    words = str(_WORDS.get(first.source) or Item(first.item).label)
    if first.source == Source.COLLECTION:
        return words if first.unit_price else _("%s, included") % words
    clauses = {each.clause for each in charges} - {""}
    return f"{words}: {clauses.pop()}"[:LONGEST] if len(clauses) == 1 else words
