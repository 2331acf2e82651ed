"""What this month costs by kind: one bar for the month as it is expected, and one for what is charged so far."""

from dataclasses import dataclass
from decimal import Decimal

from apps.billing.expecting import MonthToDate
from apps.billing.simulating import Part
from apps.portal.plan_chart import TONES, WIDTH, Segment


@dataclass(frozen=True, slots=True)
class MonthChart:
    """Two bars in the same units, and rows for a table: tone, part, so far, expected."""

    so_far: list[Segment]
    expected: list[Segment]
    rows: list[tuple[int, Part, Decimal, Decimal]]
    width: int = WIDTH


def month_chart(month: MonthToDate) -> MonthChart | None:
    """None where nothing is to be paid. Discounts are in the rows alone."""
    top = max(_drawn(month.expected), _drawn(month.so_far))
    if not top:
        return None
    parts = [part for part in Part if part in month.expected or part in month.so_far]
    nothing = Decimal(0)
    rows = [
        (TONES.get(part, 0), part, month.so_far.get(part, nothing), month.expected.get(part, nothing)) for part in parts
    ]
    return MonthChart(_segments(month.so_far, top), _segments(month.expected, top), rows)


def _drawn(amounts: dict[Part, Decimal]) -> Decimal:
    return sum((amount for part, amount in amounts.items() if part in TONES and amount > 0), Decimal(0))


def _segments(amounts: dict[Part, Decimal], top: Decimal) -> list[Segment]:
    x, found = 0.0, []
    for part, tone in TONES.items():
        amount = amounts.get(part, Decimal(0))
        if amount > 0:
            width = float(amount / top) * WIDTH
            found.append(Segment(round(x, 2), round(width, 2), tone, part, amount))
            x += width
    return found
