"""Outlooks made up for tests of what follows from them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from apps.collection.forecast import Forecast
from apps.collection.models import Capacity, CollectionRequest, Reason, Terminal
from apps.collection.schedule import Outlook, own_schedule
from apps.facilities.models import Facility

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
TODAY = NOW.date()


def days(number: int) -> date:
    """The day so many days from today."""
    return TODAY + timedelta(days=number)


def outlook(
    name: str = "A",
    *,
    visit_in: int | None = None,
    full_in: int | None = None,
    time_zone: str = "UTC",
    terminal: dict[str, Any] | None = None,
    **facts: Any,
) -> Outlook:
    """Of a terminal in `name` Clinic: the next visit and the full disk so many days from today."""
    facility = Facility(name=f"{name} Clinic", time_zone=time_zone)
    known: dict[str, Any] = {
        "last_collected_at": None,
        "last_operator": "",
        "last_transfer_at": None,
        "latest": None,
        "proposed_days": None,
        "requests": [],
        "readings": [],
    }
    made = Terminal(facility=facility, name=name, created_at=NOW - timedelta(days=1), **(terminal or {}))
    return Outlook(
        terminal=made,
        schedule=own_schedule(made),
        next_visit_on=None if visit_in is None else days(visit_in),
        forecast=None if full_in is None else Forecast(1.0, days(full_in)),
        today=TODAY,
        **(known | facts),
    )


def wish(due_in_hours: float | None = None, reason: Reason = Reason.IMPORTANT) -> CollectionRequest:
    """A request of yesterday, due so many hours from now."""
    due_at = None if due_in_hours is None else NOW + timedelta(hours=due_in_hours)
    return CollectionRequest(reason=reason, requested_at=NOW - timedelta(days=1), due_at=due_at)


def capacity(*, hours_ago: float = 1, unmarked: int = 0) -> Capacity:
    """What a terminal said so many hours ago."""
    at = NOW - timedelta(hours=hours_ago)
    return Capacity(measured_at=at, reported_at=at, used_bytes=1, total_bytes=2, unmarked_sets=unmarked)
