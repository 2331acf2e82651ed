"""Reconciliation: what a sender announced against what came (digests and lengths decide)."""

from dataclasses import asdict, dataclass

from django.db.models import Count, QuerySet

from apps.collection.models import AnnouncedFile, Collection, Left, ReceivedFile


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Counts of a collection's files. `missing`: announced and not come; `extra`: come and not announced."""

    announced: int
    received: int
    missing: int
    extra: int
    left: int
    stored: int
    duplicate: int
    conflict: int
    quarantined: int
    skipped: int

    def as_dict(self) -> dict[str, int]:
        """The counts by their names."""
        return asdict(self)


def reconcile(collection: Collection) -> Reconciled:
    """Compare what was announced with what came. Where nothing was announced, nothing is missing or extra."""
    announced = AnnouncedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
    brought = announced.filter(left_because="")
    received = ReceivedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
    expected = _counted(brought)
    came = _counted(received)
    return Reconciled(
        announced=sum(expected.values()),
        received=collection.file_count,
        missing=_beyond(expected, came),
        extra=_beyond(came, expected) if expected else 0,
        left=announced.exclude(left_because="").count(),
        stored=collection.stored_count,
        duplicate=collection.duplicate_count,
        conflict=collection.conflict_count,
        quarantined=collection.quarantined_count,
        skipped=collection.skipped_count,
    )


def left_by_reason(collection: Collection) -> list[tuple[str, int]]:
    """Why files stayed at the facility, and how many for each reason."""
    announced = AnnouncedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
    left = announced.exclude(left_because="").values_list("left_because").annotate(Count("pk")).order_by("left_because")
    return [(str(Left(reason).label), count) for reason, count in left]


def _counted(files: QuerySet[AnnouncedFile] | QuerySet[ReceivedFile]) -> dict[tuple[bytes, int], int]:
    readable = files.filter(sha256__isnull=False)  # what could not be read on its medium has none
    rows = readable.values_list("sha256", "length_bytes").annotate(Count("pk"))
    return {(bytes(digest), length): count for digest, length, count in rows.order_by()}


def _beyond(these: dict[tuple[bytes, int], int], those: dict[tuple[bytes, int], int]) -> int:
    return sum(max(0, count - those.get(key, 0)) for key, count in these.items())
