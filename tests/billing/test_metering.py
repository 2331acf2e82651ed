"""Storage by the day: at midnight of the facility's calendar, when clocks change, and when facilities move."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.gathering import gather, gather_months
from apps.billing.metering import meter_days
from apps.billing.models import StorageDay
from apps.billing.months import begins_at, is_over, last_closed_day
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.facts import at, billable, collected, extended, plain_prices, stored
from tests.contracts.stories import in_force

pytestmark = pytest.mark.django_db


def move(facility: Facility, zone: str) -> None:
    facility.time_zone = zone
    with as_center():
        facility.save(update_fields=["time_zone"])


def days(facility: Facility) -> list[tuple[str, int]]:
    """Each closed day and the bytes at its end."""
    with as_center():
        rows = StorageDay.objects.filter(facility=facility).order_by("day")
        return [(f"{day:%m-%d}", stored_bytes) for day, stored_bytes in rows.values_list("day", "stored_bytes")]


def closed(facility: Facility, until: date) -> list[tuple[str, int]]:
    with as_center():
        meter_days(facility, until=until)
    return days(facility)


def test_what_came_until_midnight_of_the_facility_counts_for_its_day(sakura: Facility) -> None:
    move(sakura, "Asia/Tokyo")
    stored(sakura, datetime(2026, 4, 1, 14, 59, 59, tzinfo=UTC), 100)
    stored(sakura, datetime(2026, 4, 1, 15, tzinfo=UTC), 10)
    stored(sakura, datetime(2026, 4, 3, 2, tzinfo=UTC), -30)
    assert closed(sakura, date(2026, 4, 2)) == [("04-01", 100), ("04-02", 110)]
    assert closed(sakura, date(2026, 4, 4)) == [("04-01", 100), ("04-02", 110), ("04-03", 80), ("04-04", 80)]
    assert closed(sakura, date(2026, 4, 4)) == days(sakura)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23), ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),  # midnight was skipped
        ("America/Havana", date(2026, 11, 1), 25),  # midnight came twice
        ("Asia/Tokyo", date(2026, 3, 29), 24),
    ],
)  # fmt: skip
def test_days_on_which_clocks_change_are_as_long_as_they_are(zone: str, day: date, hours: int) -> None:
    begin, end = begins_at(day, zone), begins_at(day + timedelta(days=1), zone)
    assert end - begin == timedelta(hours=hours)
    assert last_closed_day(end + timedelta(minutes=59), zone) == day - timedelta(days=1)
    assert last_closed_day(end + timedelta(minutes=61), zone) == day


def test_the_change_of_clocks_loses_and_doubles_nothing(lindenhof: Facility) -> None:
    move(lindenhof, "Europe/Berlin")
    first = datetime(2026, 3, 27, 23, tzinfo=UTC)  # midnight before the 28th
    for hour in range(72):
        stored(lindenhof, first + timedelta(hours=hour), 1)
    assert closed(lindenhof, date(2026, 3, 31)) == [("03-28", 24), ("03-29", 47), ("03-30", 71), ("03-31", 72)]


@pytest.mark.parametrize(("there", "then"), [("Pacific/Honolulu", "Asia/Tokyo"), ("Asia/Tokyo", "Pacific/Honolulu")])
def test_a_facility_that_changes_its_time_zone_is_metered_once(sakura: Facility, there: str, then: str) -> None:
    move(sakura, there)
    for hour in range(24 * 6):
        stored(sakura, at(1, 0) + timedelta(hours=hour), 1)
    closed(sakura, date(2026, 4, 3))
    move(sakura, then)
    found = closed(sakura, date(2026, 4, 9))
    assert found[-1] == ("04-09", 24 * 6)
    assert len({day for day, _ in found}) == len(found)


def test_collections_count_for_the_day_that_it_is_at_the_facility(lindenhof: Facility) -> None:
    move(lindenhof, "Europe/Berlin")
    billable(lindenhof)
    contract = in_force(lindenhof, date(2026, 1, 1), plain_prices())
    moments = [datetime(2026, 3, 31, 21, 59, tzinfo=UTC), datetime(2026, 3, 31, 22, tzinfo=UTC),
               datetime(2026, 4, 30, 21, 59, tzinfo=UTC), datetime(2026, 4, 30, 22, tzinfo=UTC)]  # fmt: skip
    collected(lindenhof, *moments)
    with as_center():
        usage = gather(contract, [], date(2026, 4, 1))
    assert [fact.on for fact in usage.collections] == [date(2026, 4, 1), date(2026, 4, 30)]
    assert not is_over(date(2026, 4, 1), as_of=datetime(2026, 4, 30, 22, 59, tzinfo=UTC), zone="Europe/Berlin")
    assert is_over(date(2026, 4, 1), as_of=datetime(2026, 4, 30, 23, tzinfo=UTC), zone="Europe/Berlin")


def test_months_gathered_together_are_those_gathered_one_by_one(lindenhof: Facility, sakura: Facility) -> None:
    """The ends of months are midnights of the facility; what was done before the first month is no part of any."""
    move(lindenhof, "Europe/Berlin")
    months = [date(2026, month, 1) for month in (2, 3, 4)]
    moments = [
        begins_at(date(2026, month, 1), "Europe/Berlin") + timedelta(minutes=minutes)
        for month in (1, 2, 3, 4, 5)
        for minutes in (-1, 0)
    ]
    for number, moment in enumerate(moments):
        stored(lindenhof, moment, 10**number)
        extended(lindenhof, moment, "P1Y", date(2040, 1, 1))
    collected(lindenhof, *moments)
    collected(sakura, *moments)
    closed(lindenhof, date(2026, 5, 10))
    served = Contract(pk=0, facility=lindenhof, starts_on=months[0])
    with as_center():
        one_by_one = [gather(served, [], month) for month in months]
        with CaptureQueriesContext(connection) as asked:
            together = gather_months(served, months)
    assert together == one_by_one
    assert [len(usage.collections) for usage in together] == [len(usage.deeds) for usage in together] == [2, 2, 2]
    assert len(asked) <= 4
