"""What a contract promises about collections: visits by day, transfers by hour, and how much at a time."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from apps.contracts.agreeing import governing_versions_of
from apps.contracts.models import ContractVersion
from apps.contracts.terms import governing
from apps.core.clock import day_of
from apps.facilities.models import Facility
from apps.tiers.models import Frequency, TierVersion, Way

OFTEN = 1
"""Hours between the transfers of a tier that is continuous."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often image sets are collected, by visit and by transfer, and how many at a time; None: nothing agreed."""

    visit_every_days: int | None = None
    push_every_hours: int | None = None
    agreed_instances: int | None = None
    agreed_bytes: int | None = None


def schedule_of(tier: TierVersion) -> Schedule:
    """What a tier promises. Media come when the facility sends them."""
    days = Frequency(tier.frequency).days
    sends = bool({Way.ONLINE, Way.LEASED_LINE} & set(tier.ways))
    return Schedule(
        visit_every_days=(days or None) if Way.VISIT in tier.ways else None,
        push_every_hours=(days * 24 or OFTEN) if sends and days is not None else None,
        agreed_instances=tier.agreed_instances,
        agreed_bytes=tier.agreed_bytes,
    )


def schedules_of(facilities: Iterable[Facility], *, as_of: datetime) -> dict[int, Schedule]:
    """What is promised to each of the facilities that have a contract, on the day that it is there."""
    by_day = defaultdict[date, set[int]](set)
    for facility in facilities:
        by_day[day_of(as_of, facility.time_zone)].add(facility.pk)
    return {
        key: schedule_of(version.tier_version)
        for day, keys in by_day.items()
        for key, version in governing_versions_of(keys, on=day).items()
    }


def promised_visits(versions: Sequence[ContractVersion], *, starts_on: date, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, on which a visit is promised.

    The first one is so many days after the contract's start, as the tier says; and after the day on which a version
    changes the frequency. A version that leaves the frequency as it is does not move a visit.
    """
    effective = {version.effective_from for version in versions if starts_on < version.effective_from <= last}
    promised, begun, so_far = list[date](), starts_on, None
    for day, until in pairwise([starts_on, *sorted(effective), last + timedelta(days=1)]):
        version = governing(versions, on=day)
        every = schedule_of(version.tier_version).visit_every_days if version else None
        if every != so_far:
            begun, so_far = day, every
        if every:
            number = max(1, -(-(max(day, first) - begun).days // every))
            while (visit := begun + timedelta(days=every * number)) < until:
                promised.append(visit)
                number += 1
    return promised
