"""What a contract promises about collections."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.record import SYSTEM
from apps.collection.models import Terminal
from apps.collection.schedule import agreed_schedules
from apps.contracts.agreeing import amend
from apps.contracts.models import ContractVersion
from apps.contracts.schedule import Schedule, promised_visits, schedule_of
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import TierVersion
from tests.contracts.stories import in_force, price_list, tier_version

START = date(2026, 1, 1)


def version(number: int, frequency: str, *, after: int = 0, ways: tuple[str, ...] = ("visit",)) -> ContractVersion:
    tier = TierVersion(frequency=frequency, ways=list(ways))
    return ContractVersion(number=number, effective_from=START + timedelta(days=after), tier_version=tier)


def days(versions: list[ContractVersion], first: int = 0, last: int = 30) -> list[int]:
    found = promised_visits(
        versions, starts_on=START, first=START + timedelta(days=first), last=START + timedelta(days=last)
    )
    return [(day - START).days for day in found]


def test_visits_come_at_the_tiers_frequency() -> None:
    assert days([version(1, "weekly")]) == [7, 14, 21, 28]
    assert days([version(1, "weekly")], first=14, last=21) == [14, 21]
    assert days([version(1, "weekly")], first=-9, last=-1) == []
    assert days([version(1, "monthly")], last=90) == [30, 60, 90]
    assert len(days([version(1, "daily")], first=1, last=365)) == 365


@pytest.mark.parametrize(("frequency", "ways"), [
    ("on_request", ("visit",)), ("continuous", ("visit",)), ("weekly", ("online", "media")),
])  # fmt: skip
def test_nothing_is_promised_without_a_frequency_or_without_visits(frequency: str, ways: tuple[str, ...]) -> None:
    assert days([version(1, frequency, ways=ways)]) == []


def test_a_change_of_frequency_begins_anew_and_another_change_moves_nothing() -> None:
    weekly, same = version(1, "weekly"), version(2, "weekly", after=10)
    assert days([weekly, same]) == [7, 14, 21, 28]
    assert days([weekly, version(2, "biweekly", after=10)]) == [7, 24]
    assert days([weekly, version(2, "on_request", after=14)]) == [7]
    assert days([weekly, version(2, "on_request", after=8), version(3, "weekly", after=12)]) == [7, 19, 26]


@pytest.mark.parametrize(("hour", "every"), [(14, 30), (15, 7)])
def test_what_is_agreed_begins_with_the_day_that_it_is_at_the_facility(sakura: Facility, hour: int, every: int) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
        terminal = Terminal.objects.create(facility=sakura, name="CT")
    contract = in_force(sakura, START, price_list(tier_version("monthly")))
    weekly = price_list(tier_version("weekly", frequency="weekly"))
    with as_center():
        amend(contract, effective_from=date(2026, 3, 1), tier_version=weekly.tier_version, price_list=weekly,
              actor=SYSTEM, now=datetime(2026, 2, 1, tzinfo=UTC))  # fmt: skip
        known = Terminal.objects.select_related("facility").get(pk=terminal.pk)
        agreed = agreed_schedules([known], as_of=datetime(2026, 2, 28, hour, tzinfo=UTC))
    assert agreed[known.pk].visit_every_days == every


FREQUENCIES = st.sampled_from(["weekly", "daily", "biweekly", "monthly", "on_request"])
CHANGES = st.lists(st.tuples(FREQUENCIES, st.integers(0, 120)), max_size=4)


@given(first=FREQUENCIES, changes=CHANGES, cut=st.integers(-10, 130))
def test_months_one_by_one_promise_what_the_whole_promises(
    first: str, changes: list[tuple[str, int]], cut: int
) -> None:
    versions = [version(1, first), *(version(n, each, after=day) for n, (each, day) in enumerate(changes, 2))]
    assert days(versions, -10, cut - 1) + days(versions, cut, 130) == days(versions, -10, 130)


@pytest.mark.parametrize(("facts", "schedule"), [
    ({"frequency": "weekly", "ways": ["visit"]}, Schedule(visit_every_days=7)),
    ({"frequency": "daily", "ways": ["online", "visit"]}, Schedule(visit_every_days=1, push_every_hours=24)),
    ({"frequency": "continuous", "ways": ["online"]}, Schedule(push_every_hours=1)),
    ({"frequency": "continuous", "ways": ["leased_line", "visit"]}, Schedule(push_every_hours=1)),
    ({"frequency": "monthly", "ways": ["media"], "agreed_instances": 5}, Schedule(agreed_instances=5)),
    ({"frequency": "on_request", "ways": ["visit", "online"]}, Schedule()),
])  # fmt: skip
def test_a_tiers_schedule(facts: dict[str, Any], schedule: Schedule) -> None:
    assert schedule_of(TierVersion(**facts)) == schedule
