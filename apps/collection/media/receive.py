"""Receiving a medium: one collection, stored in batches as the medium is read."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.db import DatabaseError, InterfaceError

from apps.audit.record import Actor
from apps.catalog.bounds import MIB, Unreadable
from apps.collection.ingest import Intake, give_up, open_collection, store_batch
from apps.collection.interrupted import kept_alive
from apps.collection.media.found import Found, NotTaken
from apps.collection.media.medium import contents
from apps.collection.models import Collection, Method, Outcome
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.vault.spool import Batch

FILES_IN_BATCH = 500
BYTES_IN_BATCH = 512 * MIB

Reasons = Counter[tuple[Outcome, str]]


@dataclass(slots=True)
class Progress:
    """What was read of the medium so far."""

    files: int = 0
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class MediumReceived:
    """The collection as it is at the end, and how many files had which outcome for which reason code."""

    collection: Collection
    reasons: Reasons


@dataclass(slots=True)
class _Reading:
    """Takes entries into batches and tells how far it is."""

    on_progress: Callable[[Progress], None]
    progress: Progress = field(default_factory=Progress)

    def fill(self, intake: Intake, medium: Iterator[Found]) -> bool:
        """Take in the next entries; whether the medium ended before the batch was full."""
        for found in medium:
            try:
                intake.add(self._counted(found.read()), found.name)
            except NotTaken as fact:
                intake.refuse(Unreadable(fact.code, fact.message, is_dicom=False), found.name)
            self.progress.files += 1
            self.on_progress(self.progress)
            if len(intake.files) >= FILES_IN_BATCH or intake.batch.length_bytes >= BYTES_IN_BATCH:
                return False
        return True

    def _counted(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            yield piece
            self.progress.size_bytes += len(piece)
            self.on_progress(self.progress)


def receive_media(
    *,
    facility: Facility,
    path: Path,
    operator: str,
    serial: str,
    actor: Actor,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> MediumReceived:
    """Receive what lies at `path`, for `facility`, and copy it to the replica.

    What was stored of it stays stored whatever happens; a second run completes it. A medium of which nothing was kept
    is a failed collection. Raises NothingReceivable and leaves nothing when there is no file at all; VaultUnavailable
    or DigestMismatch, leaving a partial or failed collection, when storing must end early.
    """
    reception = Reception(method=Method.MEDIA, actor=actor, operator=operator, medium_serial=serial)
    with contents(path) as medium:
        collection = open_collection(facility, reception, now=database_now())
        with kept_alive(collection):
            try:
                received = receive_found(collection, reception, medium, on_progress)
            except BaseException:
                with suppress(DatabaseError, InterfaceError):  # the sweep closes it once the database is back
                    give_up(collection, reception, now=database_now())
                raise
    replicate_pending()
    with as_facility(facility):
        received.collection.refresh_from_db()
    return received


def receive_found(
    collection: Collection,
    reception: Reception,
    medium: Iterator[Found],
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> MediumReceived:
    """Store what is found, in batches, and close the open collection with the last. Raises as `store_batch` does."""
    reading = _Reading(on_progress)
    reasons: Reasons = Counter()
    is_last = False
    while not is_last:
        with Batch(collection.facility_id) as batch:
            intake = Intake(batch)
            is_last = reading.fill(intake, medium)
            stored = store_batch(collection, reception, intake, now=database_now(), is_last=is_last)
        collection = stored.collection
        reasons.update((Outcome(file.outcome), file.reason_code) for file in stored.files)
    return MediumReceived(collection, reasons)
