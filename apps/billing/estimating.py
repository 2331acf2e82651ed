"""Months as they would be: the history of a clinic that has none yet. Pure."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from apps.billing.usage import Deed, StoredDay, Usage
from apps.tiers.models import Item

MB = 10**6
SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a clinic expects: studies on a working day (Monday to Friday), what one weighs, films a month."""

    studies_a_day: int
    mb_a_study: Decimal
    films_a_month: int

    @property
    def bytes_a_day(self) -> float:
        """What comes in on a day, weekends included."""
        return float(self.studies_a_day * self.mb_a_study * MB) * SATURDAY / 7


def months_until(until: date, *, months: int) -> list[date]:
    """The first days of the calendar months that ended before the month of `until`."""
    found = [until.replace(day=1)]
    while len(found) <= months:
        found.append((found[-1] - timedelta(1)).replace(day=1))
    return found[:0:-1]


def estimated(estimate: Estimate, *, until: date, months: int) -> list[Usage]:
    """Full months before that of `until`: nothing is stored at first, and what comes in stays."""
    lain = _lain(estimate, months_until(until, months=months)[0])
    return [_month(estimate, month, lain) for month in months_until(until, months=months)]


def _lain(estimate: Estimate, first: date) -> Iterator[StoredDay]:
    """What lies in the vault at the end of each day."""
    day, studies = first, 0
    while True:
        studies += estimate.studies_a_day if day.weekday() < SATURDAY else 0
        yield StoredDay(day, int(studies * estimate.mb_a_study * MB), studies)
        day += timedelta(1)


def _month(estimate: Estimate, month: date, lain: Iterator[StoredDay]) -> Usage:
    days = monthrange(month.year, month.month)[1]
    films = Deed("order", f"{month}", month, Item.FILM, Decimal(estimate.films_a_month))
    return Usage(
        month, month, month.replace(day=days), days, stored=[next(lain) for _day in range(days)],
        deeds=[films] if estimate.films_a_month else [],
    )  # fmt: skip
