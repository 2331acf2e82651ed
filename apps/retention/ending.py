"""What ends when, and where somebody must look: over all facilities, by what is on record."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Func, Q, QuerySet
from django.db.models.functions import TruncMonth
from django.utils.translation import gettext

from apps.audit.models import Event
from apps.facilities.models import Facility
from apps.retention.clocks import agreed_now
from apps.retention.errors import ClocksDiffer
from apps.retention.models import Disposition, Retention, State
from apps.retention.sweep import MOST_BETWEEN_SWEEPS, SWEPT

MONTHS = 12
RECENTLY = timedelta(days=30)
LATE = timedelta(hours=36)


@dataclass(slots=True)
class Standing:
    """Where one facility stands. `untold` counts studies by what has not been told; one may lack several things."""

    facility: Facility
    waiting: int = 0
    overdue: int = 0
    problems: int = 0
    deleted: int = 0
    untold: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class Sweeping:
    """The last sweep, and what keeps the next one from deleting. `at` is None where there has been none."""

    at: datetime | None
    counts: dict[str, int]
    is_late: bool
    obstacle: str


def ends_by_month(today: date) -> dict[date, int]:
    """How many studies end in the rest of this month and in each of the next eleven, by the first of the month."""
    months = [_month(today, ahead) for ahead in range(MONTHS + 1)]
    ending = Retention.objects.filter(kept_until__gte=today, kept_until__lt=months[-1])
    found = dict(ending.annotate(month=TruncMonth("kept_until")).values_list("month").annotate(Count("pk")))
    return {month: found.get(month, 0) for month in months[:-1]}


def standings(now: datetime) -> list[Standing]:
    """The facilities where anything waits, is unknown, went wrong or was deleted of late."""
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for name, rows in _counted(now).items():
        for facility_id, count in rows.values_list("facility_id").annotate(Count("pk")):
            found[facility_id][name] = count
    untold = _untold()
    facilities = Facility.objects.filter(pk__in={*found, *untold}).order_by("name", "pk")
    return [Standing(each, **found[each.pk], untold=untold.get(each.pk, Counter())) for each in facilities]


def ending_within(days: int, today: date) -> QuerySet[Retention]:
    """The storage periods that end from today on, within so many days."""
    return Retention.objects.filter(kept_until__range=(today, today + timedelta(days=days)))


def over(today: date) -> QuerySet[Retention]:
    """The storage periods that have ended, of studies that are still stored."""
    return Retention.objects.filter(kept_until__lt=today)


def unknown() -> QuerySet[Retention]:
    """The storage periods that do not end as long as something has not been told."""
    return Retention.objects.filter(~Q(missing=[]))


def stuck() -> QuerySet[Disposition]:
    """Dispositions that were decided and cannot be carried out for now."""
    return Disposition.objects.filter(~Q(problem=""), state__in=[State.APPROVED, State.DELETING])


def waiting() -> QuerySet[Disposition]:
    """Dispositions that wait for their facility's decision."""
    return Disposition.objects.filter(state=State.NOTIFIED)


def sweeping(now: datetime) -> Sweeping:
    """When the last sweep was, and whether the next one may delete."""
    last = Event.objects.filter(object_type="sweep", object_id="", action=SWEPT).order_by("-pk").first()
    if last is None:
        return Sweeping(None, {}, is_late=False, obstacle=_obstacle())
    age = now - last.at
    obstacle = _obstacle()
    if not obstacle and not timedelta(minutes=-5) < age < MOST_BETWEEN_SWEEPS:
        obstacle = gettext(
            "Time has leapt since the last sweep; manage.py sweep_retention --trust-clock confirms that it has"
        )
    return Sweeping(last.at, last.details, is_late=age > LATE, obstacle=obstacle)


def _obstacle() -> str:
    try:
        agreed_now()
    except ClocksDiffer as error:
        return error.message
    return ""


def _counted(now: datetime) -> dict[str, QuerySet[Disposition]]:
    return {
        "waiting": waiting(),
        "overdue": waiting().filter(decide_by__lt=now),
        "problems": stuck(),
        "deleted": Disposition.objects.filter(state=State.DELETED, deleted_at__gte=now - RECENTLY),
    }


def _untold() -> dict[int, Counter[str]]:
    rows: Iterable[tuple[int, str, int]] = (
        unknown()
        .annotate(name=Func(F("missing"), function="unnest"))
        .values_list("facility_id", "name")
        .annotate(Count("pk"))
    )
    found: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for facility_id, name, count in rows:
        found[facility_id][name] = count
    return dict(found)


def _month(today: date, ahead: int) -> date:
    years, month = divmod(today.month - 1 + ahead, 12)
    return date(today.year + years, month + 1, 1)
