"""Days and months of a facility's calendar, and when they are over. Pure: zone names in, aware UTC times out."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from apps.core.clock import day_of

SETTLING = timedelta(hours=1)
"""What was begun before midnight is committed by then: a day is closed so long after its end."""
ONE_DAY = timedelta(days=1)
Fact = TypeVar("Fact")


def first_day(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(month: date) -> date:
    """The first day of the month after."""
    return first_day(month.replace(day=28) + timedelta(days=4))


def month_before(month: date) -> date:
    """The first day of the month before."""
    return first_day(first_day(month) - ONE_DAY)


def last_day(month: date) -> date:
    """The last day of a month."""
    return next_month(month) - ONE_DAY


def by_month(told: Iterable[Fact], on: Callable[[Fact], date]) -> dict[date, list[Fact]]:
    """Facts by the first day of their month; `on` tells their day. A month without any has an empty list."""
    found = defaultdict[date, list[Fact]](list)
    for fact in told:
        found[first_day(on(fact))].append(fact)
    return found


def begins_at(day: date, zone: str) -> datetime:
    """When a day begins; where the clocks skip midnight, when they do."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def last_closed_day(as_of: datetime, zone: str) -> date:
    """The last day that is over, and settled."""
    return day_of(as_of - SETTLING, zone) - ONE_DAY


def is_over(month: date, *, as_of: datetime, zone: str) -> bool:
    """Whether every day of a month is closed."""
    return last_day(month) <= last_closed_day(as_of, zone)
