"""How far collections are: those on their way in, those that are opened, those that get their second copy."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from apps.collection.models import AnnouncedFile, Collection, ReceivedFile, State, Upload
from apps.collection.uploads import offset_of
from apps.core.how_far import HowFar
from apps.facilities.models import Facility
from apps.vault.models import Pack

UNDER_WAY = frozenset({State.OPEN, State.RECEIVED})
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Arriving:
    """A sealed collection on its way in; complete, it waits for a worker who opens it, or for staff."""

    upload: Upload
    how_far: HowFar


def arriving(facility: Facility, *, now: datetime) -> list[Arriving]:
    """The uploads of a facility that have not ended, newest first."""
    comes = Q(completed_at__isnull=False) | Q(expires_at__gt=now)
    found = Upload.objects.filter(comes, facility=facility, opened_at=None, refused_at=None)
    return [Arriving(each, arrived(each)) for each in found.select_related("device_token").order_by("-pk")[:MOST_SHOWN]]


def arrived(upload: Upload) -> HowFar:
    """The bytes of an upload."""
    return HowFar(offset_of(upload), upload.length_bytes, upload.created_at)


def progress_of(collection: Collection) -> HowFar | None:
    """Files of a collection that is received; packs of one that gets its second copy; None of one that has ended."""
    if collection.state == State.OPEN:
        announced = AnnouncedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
        return HowFar(collection.file_count, announced.filter(left_because="").count(), collection.opened_at)
    if collection.state == State.RECEIVED:
        files = ReceivedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
        packs = Pack.objects.filter(facility_id=collection.facility_id, pk__in=files.values("pack"))
        return HowFar(packs.exclude(replicated_at=None).count(), packs.count(), collection.received_at)
    return None
