"""How packs stand: when they were last read and verified, which are damaged, which were not read in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Exists, Max, Min, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from apps.facilities.models import Facility
from apps.vault.models import Finding, Pack

LAST_READ = Coalesce("checked_at", "created_at")
_LAST_VERIFIED = Coalesce("verified_at", "replicated_at")


@dataclass(frozen=True, slots=True)
class Fixity:
    """A facility's packs that lie in both places, when the first and the last of them were last verified there, and
    how many packs, wherever they lie, are damaged as far as is known.
    """

    packs: int
    verified_oldest_at: datetime | None
    verified_newest_at: datetime | None
    open_findings: int


def fixity_of(facility: Facility) -> Fixity:
    """How a facility's packs stand."""
    stored = Pack.objects.filter(facility=facility, replicated_at__isnull=False)
    found = stored.aggregate(packs=Count("pk"), oldest=Min(_LAST_VERIFIED), newest=Max(_LAST_VERIFIED))
    return Fixity(found["packs"], found["oldest"], found["newest"], damaged_packs(facility))


def damaged_packs(facility: Facility) -> int:
    """How many of a facility's packs, wherever they lie, are damaged as far as is known."""
    damaged = Finding.objects.filter(facility=facility, pack__isnull=False, resolved_at=None)
    packs: int = damaged.aggregate(packs=Count("pack", distinct=True))["packs"]
    return packs


def is_damaged(**narrowed: str) -> Exists:
    """Whether a pack has an open finding, as a condition on packs; `narrowed` to some findings."""
    return Exists(
        Finding.objects.filter(facility=OuterRef("facility"), pack=OuterRef("pk"), resolved_at=None, **narrowed)
    )


def not_read_in_time(now: datetime) -> QuerySet[Pack]:
    """Packs that were not read again within FIXITY_DAYS."""
    limit = now - timedelta(days=settings.FIXITY_DAYS)
    return Pack.objects.alias(last_read=LAST_READ).filter(last_read__lt=limit)
