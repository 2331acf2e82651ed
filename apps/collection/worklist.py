"""The operators' work: which terminal is to be collected from on which day, and why. Pure, but for `visits_made`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from django.db.models import QuerySet

from apps.collection.models import Collection, CollectionRequest, Method
from apps.collection.schedule import Outlook, local_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A collection to make on `day`. `due_on` is the day it was due, earlier where it is overdue.

    Whatever is open at that time is answered by it: `requests`, the visit that was agreed, the disk that fills up.
    """

    outlook: Outlook
    day: date
    due_on: date
    requests: Sequence[CollectionRequest] = ()
    is_overdue: bool = False
    fills_up: bool = False

    @property
    def is_online(self) -> bool:
        """The terminal sends by itself: nobody has to go there unless it does not."""
        return bool(self.outlook.schedule.push_every_hours) and not self.outlook.schedule.visit_every_days


def worklist(outlooks: Iterable[Outlook], *, now: datetime, today: date, last: date) -> list[Stop]:
    """What is to be done from `today` until `last`, day by day; of a day, requests first, by the time they are due.

    `today` is the center's: what is overdue, and what is wanted without a day, is to be done then.
    """
    return sorted((stop for each in outlooks for stop in _stops(each, now, today, last)), key=_order)


def by_day(stops: Iterable[Stop]) -> list[tuple[date, list[Stop]]]:
    """A worklist's stops, each day's together."""
    return [(day, list(group)) for day, group in groupby(stops, key=lambda stop: stop.day)]


def visits_made(first: date, last: date) -> QuerySet[Collection]:
    """Operators' visits from `first` to `last` (UTC), both included, with facility, terminal and reception record."""
    visits = Collection.objects.filter(
        method=Method.VISIT, opened_at__date__gte=first, opened_at__date__lte=last, terminal__isnull=False
    )
    return visits.select_related("facility", "terminal", "reception_record").order_by("opened_at", "pk")


def _stops(outlook: Outlook, now: datetime, today: date, last: date) -> Iterator[Stop]:
    """The next one, for every reason there is; then those that follow at the frequency agreed."""
    reasons = [_due_on(wish, outlook, today) for wish in outlook.requests]
    if outlook.next_visit_on:
        reasons.append(outlook.next_visit_on)
    full_on = outlook.forecast.full_on if outlook.forecast else None
    if full_on and outlook.fills_up_before:
        reasons.append(full_on)
    if not reasons:
        return
    due_on = min(reasons)
    day = max(due_on, today)
    if day > last:
        return
    late = any(wish.due_at is not None and wish.due_at < now for wish in outlook.requests)
    yield Stop(
        outlook=outlook,
        day=day,
        due_on=due_on,
        requests=tuple(outlook.requests),
        is_overdue=late or outlook.is_overdue,
        fills_up=outlook.fills_up_before,
    )
    if every := outlook.schedule.visit_every_days:
        while (day := day + timedelta(days=every)) <= last:
            yield Stop(outlook=outlook, day=day, due_on=day)


def _due_on(wish: CollectionRequest, outlook: Outlook, today: date) -> date:
    return local_date(wish.due_at, outlook.terminal) if wish.due_at else today


def _order(stop: Stop) -> tuple[object, ...]:
    """Day; requests first, those due first before others; then what is overdue, what fills up, and by name."""
    dues = [wish.due_at for wish in stop.requests if wish.due_at]
    terminal = stop.outlook.terminal
    return (
        stop.day,
        not stop.requests,
        min(dues).timestamp() if dues else float("inf"),
        not stop.is_overdue,
        not stop.fills_up,
        terminal.facility.name,
        terminal.name,
        terminal.pk,
    )
