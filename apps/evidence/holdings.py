"""What a facility has at the center: counted for a page while that is quick, and summed up every hour beyond."""

from datetime import datetime

from django.db.models import Count, Max, Min, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from apps.billing.models import StorageDay
from apps.catalog.models import Patient, Study
from apps.evidence.models import Holdings
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.models import Retention
from apps.vault.models import Pack

COUNTED_LIVE = 20_000
"""Studies of a facility that are counted for every page: a tenth of a second."""
SUMS = [field.name for field in Holdings._meta.concrete_fields if field.name not in {"id", "facility"}]
_LAST_VERIFIED = Coalesce("verified_at", "replicated_at")


def holdings_of(facility: Facility, *, now: datetime) -> Holdings:
    """As of the last hour for a large facility, as of now for all others."""
    return Holdings.objects.filter(facility=facility).first() or counted(facility, now=now)


def counted(facility: Facility, *, now: datetime) -> Holdings:
    """Counted now; not saved."""
    studies = Study.objects.filter(facility=facility, instance_count__gt=0).aggregate(
        studies=Count("pk"), images=Sum("instance_count", default=0), size_bytes=Sum("size_bytes", default=0)
    )
    packs = Pack.objects.filter(facility=facility).aggregate(
        packs=Count("pk"), copied_packs=Count("replicated_at"),
        verified_oldest_at=Min(_LAST_VERIFIED), verified_newest_at=Max(_LAST_VERIFIED),
    )  # fmt: skip
    known = Retention.objects.filter(facility=facility, kept_until__isnull=False)
    ends = known.annotate(month=TruncMonth("kept_until")).values_list("month").annotate(Count("pk")).order_by("month")
    patients = Patient.objects.filter(facility=facility).count()
    return Holdings(
        facility=facility, as_of=now, patients=patients, ends={f"{month}": count for month, count in ends},
        **studies, **packs,
    )  # fmt: skip


def sum_up(*, now: datetime) -> int:
    """Keep the sums of every large facility, each in a transaction of its own; returns how many there are."""
    large = _large()
    for key in large:
        with as_center():
            facility = Facility.objects.get(pk=key)
            found = counted(facility, now=now)
            Holdings.objects.update_or_create(facility=facility, defaults={name: getattr(found, name) for name in SUMS})
    with as_center():
        Holdings.objects.exclude(facility_id__in=large).delete()
    return len(large)


def _large() -> list[int]:
    """Facilities beyond what is counted live, by the storage that was metered last."""
    metered = StorageDay.objects.filter(facility_id=OuterRef("pk")).order_by("-day").values("studies")[:1]
    with as_center():
        found = Facility.objects.annotate(metered=Subquery(metered)).filter(metered__gt=COUNTED_LIVE)
        return list(found.order_by("pk").values_list("pk", flat=True))
