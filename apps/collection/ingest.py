"""Ingest: the one way in, for every door. From spool to packs to catalog, then acknowledged.

A batch is stored as a whole or not at all: its packs are durable and read back in the primary before one transaction
makes them known, and only then does `store_batch` return. Killed anywhere, the sweep removes what no row knows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from uuid import UUID, uuid4

from apps.catalog.bounds import Unreadable
from apps.catalog.filing import find_known
from apps.collection.commit import Packed, Stored, commit_batch, find_quarantined, record_act, write_opened
from apps.collection.manifest import manifest
from apps.collection.models import Collection, State
from apps.collection.reception import Reception
from apps.collection.sorting import QUARANTINE, Received, Refused, by_pack, examine, faulty_digests, sop_instance_uids
from apps.collection.telling import tell_of_files, tell_of_state
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.vault.models import PackKind
from apps.vault.packs import discard_pack, write_pack
from apps.vault.spool import Batch, Segment


@dataclass(slots=True)
class Intake:
    """Files on their way in: the spool's batch, and what each file is, in the order of arrival."""

    batch: Batch
    only_study: str = ""
    files: list[Received | Refused] = field(default_factory=list)

    def add(self, pieces: Iterable[bytes | memoryview], source_name: str = "") -> Received | Refused:
        """Spool one file and read its header. Raises VaultUnavailable, and what `pieces` raises."""
        segment = self.batch.incoming
        file = examine(segment, segment.add(pieces), source_name, self.only_study)
        self.files.append(file)
        return file

    def refuse(self, fault: Unreadable, source_name: str) -> Refused:
        """Take note of a file whose bytes are not to be had, or not wanted."""
        file = Refused(source_name, 0, sha256().digest(), fault)
        self.files.append(file)
        return file


def new_collection(facility: Facility, reception: Reception, *, now: datetime, uid: UUID | None = None) -> Collection:
    """A collection that is not in the database yet; its first batch writes it. `uid` where the sender has named it."""
    return Collection(
        facility=facility, method=reception.method, terminal=reception.terminal, opened_at=now, uid=uid or uuid4()
    )


def open_collection(facility: Facility, reception: Reception, *, now: datetime) -> Collection:
    """A collection that is seen as receiving before its first batch; what comes in several batches needs that."""
    collection = new_collection(facility, reception, now=now)
    with as_facility(facility):
        write_opened(collection, reception, now=now)
    return collection


def give_up(collection: Collection, reception: Reception, *, now: datetime) -> Collection:
    """Close an open collection that gets no further: partial if any of its files was kept, else failed."""
    with as_facility(collection.facility):
        given_up = Collection.objects.select_for_update().get(pk=collection.pk)
        if given_up.state == State.OPEN:
            given_up.advance(State.PARTIAL if given_up.kept_count else State.FAILED, at=now)
            given_up.save(update_fields=["state", "received_at"])
            record_act("collection.given_up", given_up, reception, state=given_up.state)
            tell_of_state(given_up)
            tell_of_files(given_up)
        given_up.facility = collection.facility
    return given_up


def store_batch(
    collection: Collection, reception: Reception, intake: Intake, *, now: datetime, is_last: bool
) -> Stored:
    """Store what was taken in; on return it is durable and in the catalog.

    `is_last` closes the collection: as received, or as failed where nothing of it was kept. Raises VaultUnavailable or
    DigestMismatch: nothing was stored then.
    """
    with as_facility(collection.facility):
        known = find_known(collection.facility_id, sop_instance_uids(intake.files))
        quarantined = find_quarantined(collection.facility_id, faulty_digests(intake.files))
    received = [file for file in intake.files if isinstance(file, Received)]
    packed = [
        _pack(collection, reception, intake.batch, kind_uid, files, now)
        for kind_uid, files in by_pack(received, known, quarantined).items()
    ]
    stored = commit_batch(collection, reception, intake.batch.id, intake.files, packed, now=now, is_last=is_last)
    used = {answer.pack.name for answer in stored.files if answer.pack}
    for each in packed:
        if each.pack.name not in used:  # another process stored the same bytes meanwhile
            discard_pack(each.pack.name)
    return stored


def _pack(
    collection: Collection,
    reception: Reception,
    batch: Batch,
    study_instance_uid: str,
    files: list[Received],
    now: datetime,
) -> Packed:
    kind = PackKind.QUARANTINE if study_instance_uid == QUARANTINE else PackKind.STUDY
    segment = _segment_of(batch, files)
    names = [member.name for member in segment.members]
    content = manifest(collection=collection, reception=reception, kind=kind, files=files, names=names, at=now)
    return Packed(write_pack(batch, segment, kind=kind, manifest=content), files)


def _segment_of(batch: Batch, files: Sequence[Received]) -> Segment:
    """The incoming segment if it holds these files and no other, which spares a copy; else one with copies."""
    incoming = batch.incoming
    if len(files) == len(incoming.members):
        return incoming
    segment = batch.segment()
    for file in files:
        segment.add(incoming.content(file.member))
    return segment
