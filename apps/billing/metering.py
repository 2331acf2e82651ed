"""Storage by the day: each finished day of a facility's calendar is closed once, from what came and went in it.

The database writes an entry in the transaction that stores or deletes (0003_isolation). A day begins where the one
before it ended, so that a change of the time zone counts nothing twice and leaves nothing out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from apps.billing.months import ONE_DAY, begins_at, last_closed_day
from apps.core.clock import day_of
from apps.core.locks import lock_names
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center

AT_A_TIME = 500
"""Facilities whose days are closed in one transaction."""

_STANDING = """
    SELECT facility.id, closed.day, closed.ends_at,
        CASE WHEN closed.day IS NULL THEN (
            SELECT at FROM billing_storageentry entry WHERE entry.facility_id = facility.id ORDER BY at LIMIT 1
        ) END
    FROM unnest(%s::bigint[]) facility (id) LEFT JOIN LATERAL (
        SELECT day, ends_at FROM billing_storageday stored WHERE stored.facility_id = facility.id
        ORDER BY day DESC LIMIT 1
    ) closed ON true
"""
_CLOSE = """
    INSERT INTO billing_storageday (facility_id, day, ends_at, stored_bytes, studies)
    SELECT facility.id, each.day, each.ends_at,
        coalesce(closed.stored_bytes, 0) + coalesce(sum(moved.bytes) OVER so_far, 0),
        coalesce(closed.studies, 0) + coalesce(sum(moved.studies) OVER so_far, 0)
    FROM unnest(%(facilities)s::bigint[]) facility (id)
    CROSS JOIN unnest(%(days)s::date[], %(begins)s::timestamptz[], %(ends)s::timestamptz[])
        each (day, begins_at, ends_at)
    LEFT JOIN billing_storageday closed ON closed.facility_id = facility.id AND closed.day = %(last)s
    LEFT JOIN LATERAL (
        SELECT sum(delta_bytes) AS bytes, sum(delta_studies) AS studies FROM billing_storageentry entry
        WHERE entry.facility_id = facility.id AND entry.at >= each.begins_at AND entry.at < each.ends_at
    ) moved ON true
    WINDOW so_far AS (PARTITION BY facility.id ORDER BY each.day)
"""
_UNRECONCILED = """
    WITH entries AS (
        SELECT facility_id, sum(delta_bytes) AS bytes, sum(delta_studies) AS studies
        FROM billing_storageentry GROUP BY facility_id
    ), packs AS (SELECT facility_id, sum(size_bytes) AS bytes FROM vault_pack GROUP BY facility_id),
    studies AS (SELECT facility_id, count(*) AS studies FROM catalog_study GROUP BY facility_id),
    closed AS (
        SELECT DISTINCT ON (facility_id) facility_id, stored_bytes AS bytes, studies, ends_at
        FROM billing_storageday ORDER BY facility_id, day DESC
    ), until_closed AS (
        SELECT closed.facility_id, coalesce(sum(delta_bytes), 0) AS bytes, coalesce(sum(delta_studies), 0) AS studies
        FROM closed LEFT JOIN billing_storageentry entry
            ON entry.facility_id = closed.facility_id AND entry.at < closed.ends_at
        GROUP BY closed.facility_id
    )
    SELECT facility.id, told.name, told.metered, told.found
    FROM facilities_facility facility
    LEFT JOIN entries ON entries.facility_id = facility.id
    LEFT JOIN packs ON packs.facility_id = facility.id
    LEFT JOIN studies ON studies.facility_id = facility.id
    LEFT JOIN closed ON closed.facility_id = facility.id
    LEFT JOIN until_closed ON until_closed.facility_id = facility.id
    CROSS JOIN LATERAL (VALUES
        ('bytes', coalesce(entries.bytes, 0), coalesce(packs.bytes, 0)),
        ('studies', coalesce(entries.studies, 0), coalesce(studies.studies, 0)),
        ('bytes by the day', coalesce(closed.bytes, 0), coalesce(until_closed.bytes, 0)),
        ('studies by the day', coalesce(closed.studies, 0), coalesce(until_closed.studies, 0))
    ) told (name, metered, found)
    WHERE told.metered <> told.found ORDER BY facility.id
"""


@dataclass(frozen=True, slots=True)
class Unreconciled:
    """What was metered of a facility is not what there is. `what`: bytes or studies, in all or by the day."""

    facility_id: int
    what: str
    metered: int
    found: int


class _Standing(NamedTuple):
    """Up to where a facility's days are closed; where none is, when its first entry was written."""

    facility_id: int
    day: date | None
    ends_at: datetime | None
    first_at: datetime | None

    def next_day(self, zone: str) -> date | None:
        """The day to be closed next, None where nothing was ever stored."""
        if self.day:
            return self.day + ONE_DAY
        return day_of(self.first_at, zone) if self.first_at else None


def meter_days(facility: Facility, *, until: date) -> None:
    """Close the days of a facility's calendar up to `until`, which is over. Within the caller's transaction."""
    meter([facility], until=until)


def meter(facilities: Sequence[Facility], *, until: date) -> None:
    """Close the days of many facilities up to `until`, which is over for all of them. Nothing is closed twice."""
    by_zone = defaultdict[str, list[int]](list)
    for facility in facilities:
        by_zone[facility.time_zone].append(facility.pk)
    for zone, keys in by_zone.items():
        if _to_close(keys, zone, until):
            lock_names(["billing/metering"])
            for (first, last, ends_at), group in _to_close(keys, zone, until).items():
                _close(group, zone, first=first, last=last, begins=ends_at, until=until)


def meter_all(*, as_of: datetime) -> None:
    """Close every day that is over, of every facility."""
    with as_center():
        zones = defaultdict[str, list[Facility]](list)
        for facility in Facility.objects.order_by("pk"):
            zones[facility.time_zone].append(facility)
    for zone, facilities in zones.items():
        for start in range(0, len(facilities), AT_A_TIME):
            with as_center():
                meter(facilities[start : start + AT_A_TIME], until=last_closed_day(as_of, zone))


def unreconciled() -> list[Unreconciled]:
    """Facilities whose entries do not sum up to their packs and studies, or whose days do not to the entries."""
    with connection.cursor() as cursor:
        cursor.execute(_UNRECONCILED)
        return [Unreconciled(key, what, int(metered), int(found)) for key, what, metered, found in cursor.fetchall()]


_Group = tuple[date, date | None, datetime | None]
"""The first day to be closed, the one before it and its end, of facilities that are closed together."""


def _to_close(keys: list[int], zone: str, until: date) -> dict[_Group, list[int]]:
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [keys])
        standings = [_Standing(*row) for row in cursor.fetchall()]
    groups = defaultdict[_Group, list[int]](list)
    for standing in standings:
        first = standing.next_day(zone)
        if first and first <= until:
            groups[first, standing.day, standing.ends_at].append(standing.facility_id)
    return groups


def _close(
    keys: list[int], zone: str, *, first: date, last: date | None, begins: datetime | None, until: date
) -> None:  # fmt: skip
    days = [first + timedelta(days=number) for number in range((until - first).days + 1)]
    begin = begins or begins_at(first, zone)
    ends = [max(begin, begins_at(day + ONE_DAY, zone)) for day in days]
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE, {"facilities": keys, "days": days, "begins": [begin, *ends[:-1]], "ends": ends,
                                "last": last})  # fmt: skip
