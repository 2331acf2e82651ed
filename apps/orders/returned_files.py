"""The files that a restore gives back to a terminal, each under a key by which it is fetched.

Besides images these are the files that contradict them (conflicts) and, with everything, those in quarantine: what was
received comes back, whatever the center could make of it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from apps.catalog.models import Conflict, Instance
from apps.collection.models import Outcome, ReceivedFile
from apps.orders.kinds.download import numbered
from apps.orders.manifest import Entry, entry_of
from apps.orders.models import Order
from apps.orders.ordered import AT_ONCE, images_of, items_of
from apps.vault.places import place

IMAGE, CONFLICT, QUARANTINED = "image", "conflict", "quarantined"
LONGEST_NUMBER = 19


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where the bytes of a file are."""

    pack: str
    offset: int
    length: int
    sha256: bytes

    def pieces(self, start: int, size: int) -> Iterator[bytes]:
        """A part of it. Raises MissingPack, VaultUnavailable."""
        return place("primary").pieces(self.pack, self.offset + start, size)


def files_of(order: Order, images: Iterable[Instance]) -> Iterator[Entry]:
    """The lines of the manifest."""
    for name, instance in numbered(images):
        yield entry_of(name, instance) | {"key": f"{IMAGE}-{instance.pk}"}
    others: tuple[tuple[str, QuerySet[Any]], ...] = (
        (CONFLICT, _conflicts(order)),
        (QUARANTINED, _quarantined(order)),
    )
    for kind, rows in others:
        for number, row in enumerate(rows.order_by("pk").iterator(AT_ONCE), 1):
            yield {
                "name": f"{kind}/{number:06d}.dcm", "sha256": bytes(row.sha256).hex(), "length": row.length_bytes,
                "sop_instance_uid": row.sop_instance_uid, "key": f"{kind}-{row.pk}",
            }  # fmt: skip


def stored_file(order: Order, key: str) -> StoredFile | None:
    """The file of that key, if the order gives it back."""
    kind, _, number = key.partition("-")
    rows: dict[str, QuerySet[Any]] = {
        IMAGE: images_of(order), CONFLICT: _conflicts(order), QUARANTINED: _quarantined(order),
    }  # fmt: skip
    is_one = kind in rows and number.isascii() and number.isdigit() and len(number) < LONGEST_NUMBER
    row = rows[kind].filter(pk=int(number)).select_related("pack").first() if is_one else None
    if row is None or row.pack is None or row.pack_offset is None:
        return None
    return StoredFile(row.pack.name, row.pack_offset, row.length_bytes, bytes(row.sha256))


def _conflicts(order: Order) -> QuerySet[Conflict]:
    """Of studies that come back whole, as of the quote."""
    whole = items_of(order).filter(series_instance_uid="", study_instance_uid=OuterRef("study__study_instance_uid"))
    return Conflict.objects.filter(Exists(whole), facility_id=order.facility_id, raised_at__lte=order.quoted_at)


def _quarantined(order: Order) -> QuerySet[ReceivedFile]:
    found = ReceivedFile.objects.filter(
        facility_id=order.facility_id, outcome=Outcome.QUARANTINED, pack__created_at__lte=order.quoted_at
    )
    return found if order.options["what"] == "all" else found.none()
