"""What is to be expected of each terminal: when a visit or a transfer is due, how full it will be, what is wanted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Max, OuterRef, Subquery
from django.db.models.functions import TruncDate

from apps.collection.forecast import Forecast, Reading, forecast, proposed_days
from apps.collection.models import Capacity, Collection, CollectionRequest, Method, State, Terminal
from apps.contracts.schedule import Schedule, schedules_of
from apps.core.clock import day_of

HISTORY = timedelta(days=60)
VISIT = [Method.VISIT]
TRANSFER = [Method.PUSH, Method.PULL, Method.DICOM]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """A terminal, what is agreed for it and what is to be expected. Days are those of the facility's calendar."""

    terminal: Terminal
    schedule: Schedule
    last_collected_at: datetime | None
    last_operator: str
    last_transfer_at: datetime | None
    next_visit_on: date | None
    latest: Capacity | None
    forecast: Forecast | None
    proposed_days: int | None
    requests: list[CollectionRequest]
    readings: list[Reading]
    today: date

    @property
    def is_overdue(self) -> bool:
        """The visit that was agreed has not been made."""
        return self.next_visit_on is not None and self.next_visit_on < self.today

    @property
    def fills_up_before(self) -> bool:
        """The terminal will be full before the next visit."""
        full_on = self.forecast.full_on if self.forecast else None
        return full_on is not None and self.next_visit_on is not None and full_on < self.next_visit_on

    @property
    def used_percent(self) -> int | None:
        """How full it is."""
        return 100 * self.latest.used_bytes // self.latest.total_bytes if self.latest else None

    @property
    def wanted_from_percent(self) -> int:
        """How full it is when a collection is asked for by itself."""
        return 100 - self.terminal.threshold_percent


def outlooks(terminals: Sequence[Terminal], *, as_of: datetime) -> list[Outlook]:
    """One for each terminal, its facility loaded, in their order; the number of queries does not grow with them."""
    keys = [terminal.pk for terminal in terminals]
    lasts = {row["pk"]: row for row in _lasts(keys)}
    latest = Capacity.objects.in_bulk([row["capacity"] for row in lasts.values() if row["capacity"]])
    readings, agreed = _readings(terminals, as_of), agreed_schedules(terminals, as_of=as_of)
    wishes: dict[int, list[CollectionRequest]] = defaultdict(list)
    for wish in CollectionRequest.objects.filter(terminal_id__in=keys, answered_at=None, withdrawn_at=None):
        wishes[wish.terminal_id].append(wish)
    return [
        _outlook(each, agreed[each.pk], lasts[each.pk], latest, readings[each.pk], wishes[each.pk], as_of=as_of)
        for each in terminals
    ]


def agreed_schedules(terminals: Iterable[Terminal], *, as_of: datetime) -> dict[int, Schedule]:
    """How often each terminal is collected from, and how much at a time: by the facility's contract, if it has one."""
    known = list(terminals)
    by_contract = schedules_of([terminal.facility for terminal in known], as_of=as_of)
    return {terminal.pk: by_contract.get(terminal.facility_id) or own_schedule(terminal) for terminal in known}


def own_schedule(terminal: Terminal) -> Schedule:
    """What staff noted with the terminal, for facilities without a contract."""
    return Schedule(**{each.name: getattr(terminal, each.name) for each in fields(Schedule)})


def local_date(at: datetime, terminal: Terminal) -> date:
    """The day it was, or will be, at the terminal's facility."""
    return day_of(at, terminal.facility.time_zone)


def _lasts(keys: Iterable[int]) -> Iterable[Mapping[str, Any]]:
    """What happened last at each terminal."""
    reported = Capacity.objects.filter(facility_id=OuterRef("facility_id"), terminal_id=OuterRef("pk"))
    return (
        Terminal.objects.filter(pk__in=keys)
        .annotate(
            collected=_last_of(list(Method), "opened_at"),
            visited=_last_of(VISIT, "opened_at"),
            transferred=_last_of(TRANSFER, "opened_at"),
            operator=_last_of(VISIT, "reception_record__operator"),
            capacity=Subquery(reported.order_by("-reported_at").values("pk")[:1]),
        )
        .values("pk", "collected", "visited", "transferred", "operator", "capacity")
    )


def _last_of(methods: list[Method], field: str) -> Subquery:
    made = Collection.objects.filter(
        facility_id=OuterRef("facility_id"),
        terminal_id=OuterRef("pk"),
        method__in=methods,
        state__in=[State.RECEIVED, State.STORED],
    )
    return Subquery(made.order_by("-opened_at").values(field)[:1])


def _readings(terminals: Sequence[Terminal], as_of: datetime) -> dict[int, list[Reading]]:
    """The last reading of each day: enough to see a disk fill, and bounded however often a terminal reports."""
    lasts = (
        Capacity.objects.filter(
            facility_id__in={terminal.facility_id for terminal in terminals},
            terminal_id__in=[terminal.pk for terminal in terminals],
            reported_at__gt=as_of - HISTORY,
            reported_at__lte=as_of,
        )
        .annotate(day=TruncDate("reported_at"))
        .values("terminal_id", "day")
        .annotate(last=Max("pk"))
        .values("last")
    )
    found = Capacity.objects.filter(pk__in=lasts).order_by("reported_at")
    readings: dict[int, list[Reading]] = defaultdict(list)
    for key, at, used, total in found.values_list("terminal_id", "reported_at", "used_bytes", "total_bytes"):
        readings[key].append(Reading(at, used, total))
    return readings


def _outlook(
    terminal: Terminal,
    schedule: Schedule,
    last: Mapping[str, Any],
    latest: dict[int, Capacity],
    readings: list[Reading],
    wishes: list[CollectionRequest],
    *,
    as_of: datetime,
) -> Outlook:
    every = schedule.visit_every_days
    visited_on = local_date(last["visited"] or terminal.created_at, terminal)
    expected = forecast(readings)
    return Outlook(
        terminal=terminal,
        schedule=schedule,
        last_collected_at=last["collected"],
        last_operator=last["operator"] or "",
        last_transfer_at=last["transferred"],
        next_visit_on=visited_on + timedelta(days=every) if every else None,
        latest=latest.get(last["capacity"]),
        forecast=expected,
        proposed_days=proposed_days(readings, visit_every_days=every, visited_on=visited_on) if every else None,
        requests=sorted(wishes, key=lambda wish: (wish.due_at is None, wish.due_at or wish.requested_at)),
        readings=readings,
        today=local_date(as_of, terminal),
    )
