"""In which months of the coming years storage periods end: a table of years and months, each shaded by how many."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

YEARS, SHADES = 8, 4


@dataclass(frozen=True, slots=True)
class Cell:
    """A month. `shade` from 0, nothing, to SHADES; `is_past`: before this month."""

    month: date
    count: int
    shade: int
    is_past: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """Rows of twelve months, and how many studies end before and after them. `years` that none ends in are left out."""

    years: list[tuple[int, list[Cell], int]]
    before: int
    later: int


def expiry_calendar(ends: Mapping[str, int], *, today: date) -> Calendar | None:
    """From studies by month (first day, ISO 8601); None where no end is known."""
    by_month = {date.fromisoformat(month): count for month, count in ends.items()}
    this_month = today.replace(day=1)
    ahead = {month: count for month, count in by_month.items() if month >= this_month}
    if not by_month:
        return None
    first = min((month.year for month in ahead), default=today.year)
    shown = range(first, first + YEARS)
    top = max((count for month, count in ahead.items() if month.year in shown), default=0)
    years = [
        (year, [_cell(date(year, month, 1), ahead, top, this_month) for month in range(1, 13)], _of(ahead, year))
        for year in shown
        if _of(ahead, year)
    ]
    return Calendar(
        years,
        before=sum(count for month, count in by_month.items() if month < this_month),
        later=sum(count for month, count in ahead.items() if month.year >= shown.stop),
    )


def _of(ahead: Mapping[date, int], year: int) -> int:
    return sum(count for month, count in ahead.items() if month.year == year)


def _cell(month: date, ahead: Mapping[date, int], top: int, this_month: date) -> Cell:
    count = ahead.get(month, 0)
    shade = -(-count * SHADES // top) if top else 0
    return Cell(month, count, shade, is_past=month < this_month)
