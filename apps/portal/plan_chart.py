"""Tiers side by side as bars: what a year costs, by part, and the days on which images lie at the clinic alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.billing.simulating import MONTHS, YEAR, Outcome, Part

WIDTH = 1000
TONES = {part: tone for tone, part in enumerate((Part.BASE, Part.COLLECTION, Part.STORAGE, Part.OUTPUT), 1)}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a bar, in the chart's units."""

    x: float
    width: float
    tone: int
    part: Part
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """A tier's two bars, and how often it collects in a year. `budget` of the chart marks the same place in all."""

    outcome: Outcome
    collections: int
    cost: list[Segment]
    risk: float


@dataclass(frozen=True, slots=True)
class PlanChart:
    """One row for each outcome, the legend, and where the budget is, if it is on the chart."""

    rows: list[Row]
    legend: list[tuple[int, Part]]
    budget: float | None
    width: int = WIDTH


def plan_chart(outcomes: Sequence[Outcome], *, budget: Decimal | None) -> PlanChart:
    """`budget` is a month's, as the bars are. A discount shortens all parts of its bar alike."""
    top = max([each.a_year for each in outcomes] + [budget * 12 if budget else Decimal(0)], default=Decimal(0))
    rows = [
        Row(each, _collections_a_year(each), _segments(each, top), each.days_at_risk / YEAR * WIDTH)
        for each in outcomes
    ]
    shown = {segment.part for row in rows for segment in row.cost}
    legend = [(tone, part) for part, tone in TONES.items() if part in shown]
    return PlanChart(rows, legend, float(budget * 12 / top) * WIDTH if budget and top else None)


def _collections_a_year(outcome: Outcome) -> int:
    """As the amounts beside it are: those of the months that were replayed stand for a year."""
    return round(outcome.collections * MONTHS / max(len(outcome.months), 1))


def _segments(outcome: Outcome, top: Decimal) -> list[Segment]:
    parts = {part: amount for part, amount in outcome.parts.items() if part in TONES and amount > 0}
    sums = sum(parts.values())
    if not top or not sums:
        return []
    scale, x, found = float(outcome.a_year / sums / top) * WIDTH, 0.0, []
    for part, amount in parts.items():
        width = float(amount) * scale
        found.append(Segment(round(x, 2), round(width, 2), TONES[part], part, amount))
        x += width
    return found
