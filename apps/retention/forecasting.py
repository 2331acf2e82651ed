"""The dry run: what one sweep would do at a time, by what is on record now. Nothing is written, nothing locked."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Count, Exists, OuterRef, QuerySet

from apps.catalog.models import Hold
from apps.facilities.models import Facility
from apps.retention.clocks import today
from apps.retention.models import Disposition, OnExpiry, OnSilence, Retention, State
from apps.retention.models.policies import policies_of
from apps.retention.sweep import due, to_step


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a sweep would do at one facility. `deleted` holds those that it would approve itself, too."""

    facility: Facility
    expired: int
    stepped: int
    deleted: int


def end_of(day: date) -> datetime:
    """The last moment of a day, which ends at UTC-12."""
    return datetime.combine(day + timedelta(days=1), time(12), tzinfo=UTC) - timedelta(microseconds=1)


def forecast(at: datetime) -> list[Forecast]:
    """What a sweep at this time would do, by facility."""
    expired, stepped = _by_facility(due(today(at))), _by_facility(to_step(at))
    silent = _by_facility(_silent(at))
    approved = _by_facility(Disposition.objects.filter(state__in=[State.APPROVED, State.DELETING]))
    policies = policies_of({*expired, *stepped, *approved}, on=at.date())

    def deleted(key: int) -> int:
        policy = policies[key]
        at_once = expired.get(key, 0) if policy.on_expiry == OnExpiry.DELETE else 0
        by_silence = silent.get(key, 0) if policy.on_silence == OnSilence.DELETE else 0
        return approved.get(key, 0) + at_once + by_silence

    facilities = Facility.objects.filter(pk__in={*expired, *stepped, *approved}).order_by("slug")
    return [
        Forecast(each, expired.get(each.pk, 0), stepped.get(each.pk, 0), deleted(each.pk)) for each in facilities
    ]  # fmt: skip


def _silent(at: datetime) -> QuerySet[Disposition]:
    """Notices that have ended, of studies that nobody holds."""
    held = Hold.objects.filter(facility_id=OuterRef("facility_id"), study_id=OuterRef("study_id"), released_at=None)
    return to_step(at).filter(~Exists(held), decide_by__lte=at)


def _by_facility(rows: QuerySet[Retention] | QuerySet[Disposition]) -> dict[int, int]:
    return dict(rows.order_by().values_list("facility_id").annotate(Count("pk")))
