"""When a terminal will be full, and how often it should be visited then. Pure: days and bytes in, a day out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

FEWEST_DAYS = 1.0
FARTHEST = timedelta(days=3650)
MARGIN = 0.8  # a visit comes when this much of the time until the disk is full has passed


@dataclass(frozen=True, slots=True)
class Reading:
    """How full a terminal was at a time."""

    at: datetime
    used_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """`bytes_a_day`: what comes in. `full_on`: the day nothing more fits; None if not within ten years."""

    bytes_a_day: float
    full_on: date | None


def forecast(readings: Sequence[Reading]) -> Forecast | None:
    """From readings in the order of time; None from less than a day of them.

    What is deleted in between is not taken for less coming in: only increases count.
    """
    if len(readings) < 2:
        return None
    days = (readings[-1].at - readings[0].at) / timedelta(days=1)
    if days < FEWEST_DAYS:
        return None
    came_in = sum(max(0, later.used_bytes - earlier.used_bytes) for earlier, later in pairwise(readings))
    last = readings[-1]
    if came_in == 0:
        return Forecast(0.0, None)
    left = timedelta(days=min((last.total_bytes - last.used_bytes) * days / came_in, FARTHEST.days + 1))
    return Forecast(came_in / days, (last.at + left).date() if left <= FARTHEST else None)


def proposed_days(readings: Sequence[Reading], *, visit_every_days: int, visited_on: date) -> int | None:
    """Days between visits that would do, where those agreed are too many; else None.

    Too many they are when the most room that there was does not last so long, or when the disk that was visited on
    `visited_on` will be full before it is visited again.
    """
    found = forecast(readings)
    if found is None or found.bytes_a_day == 0:
        return None
    room = max(reading.total_bytes - reading.used_bytes for reading in readings)
    lasts = room / found.bytes_a_day
    if found.full_on and found.full_on > visited_on:
        lasts = min(lasts, (found.full_on - visited_on).days)
    days = max(1, int(lasts * MARGIN))
    return days if lasts < visit_every_days and days < visit_every_days else None
