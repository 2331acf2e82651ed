"""The one transaction that makes a batch known: packs, catalog, received files, reception record, audit."""

from collections.abc import Container, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from apps.audit.record import record
from apps.catalog.filing import Arrival, Filed, Known, file_arrivals, find_known, lock_keys
from apps.collection.models import Collection, Outcome, ReceivedFile, ReceptionRecord, State
from apps.collection.reception import Reception
from apps.collection.requests import answer_requests
from apps.collection.sorting import Received, Refused, faulty_digests, identity, is_known, known_copy, sop_instance_uids
from apps.collection.telling import tell_of_files, tell_of_state
from apps.core.bulk import insert_rows
from apps.core.locks import lock_names
from apps.facilities.tenancy import as_facility
from apps.vault.models import Pack
from apps.vault.packs import WrittenPack
from apps.vault.spool import Member

ATTEMPTS = 3  # two processes may file one SOP Instance UID under two studies; the loser looks again
_COUNTERS = {outcome: f"{outcome.value}_count" for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class Packed:
    """A pack in the primary and the files that are in it, in order."""

    pack: WrittenPack
    files: list[Received]


@dataclass(frozen=True, slots=True)
class Stored:
    """The collection as it is now, and one answer for each file taken in, in the order of arrival."""

    collection: Collection
    files: list[ReceivedFile]


@dataclass(frozen=True, slots=True)
class _InPack:
    pack: Pack
    member: Member


def commit_batch(
    collection: Collection,
    reception: Reception,
    batch_id: str,
    files: Sequence[Received | Refused],
    packed: list[Packed],
    *,
    now: datetime,
    is_last: bool,
) -> Stored:
    """Make a batch known. What another process stored since `packed` was written counts as a duplicate."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with as_facility(collection.facility):
                lock_names({batch_id} | _lock_keys(collection.facility_id, files))
                return _commit(copy(collection), reception, files, packed, now, is_last=is_last)
        except IntegrityError:
            if attempt == ATTEMPTS:
                raise
    raise AssertionError


def find_quarantined(facility_id: int, digests: set[bytes]) -> dict[bytes, ReceivedFile]:
    """What the facility's quarantine has of these SHA-256."""
    if not digests:
        return {}
    files = ReceivedFile.objects.filter(facility_id=facility_id, outcome=Outcome.QUARANTINED, sha256__in=digests)
    return {bytes(file.sha256): file for file in files.select_related("pack")}


def _lock_keys(facility_id: int, files: Sequence[Received | Refused]) -> set[str]:
    # One for all of them: a request can hold thousands, and the server's table of locks is small.
    quarantine = {f"{facility_id}/quarantine"} if faulty_digests(files) else set()
    return quarantine | lock_keys(facility_id, [file.header for file in files if file.header])


def _commit(
    collection: Collection,
    reception: Reception,
    files: Sequence[Received | Refused],
    packed: list[Packed],
    now: datetime,
    *,
    is_last: bool,
) -> Stored:
    facility_id = collection.facility_id
    known = find_known(facility_id, sop_instance_uids(files))
    quarantined = find_quarantined(facility_id, faulty_digests(files))
    where = _write_packs(facility_id, packed, known, quarantined, now)
    filed = _file_new(facility_id, where, known, now)
    answers = _Answers(facility_id, where, filed, known, quarantined).of(files)
    for answer in answers:
        counter = _COUNTERS[Outcome(answer.outcome)]
        setattr(collection, counter, getattr(collection, counter) + 1)
        collection.size_bytes += answer.length_bytes
    _save(collection, reception, now, is_last=is_last)
    for answer in answers:
        answer.collection = collection
    insert_rows(answers)
    return Stored(collection, answers)


def _write_packs(
    facility_id: int,
    packed: list[Packed],
    known: dict[str, list[Known]],
    quarantined: Container[bytes],
    now: datetime,
) -> dict[Received, _InPack]:
    """Rows for the packs that hold anything new, and where each of their files is."""
    needed = [each for each in packed if not all(is_known(file, known, quarantined) for file in each.files)]
    rows = Pack.objects.bulk_create([each.pack.row(facility_id=facility_id, created_at=now) for each in needed])
    return {
        file: _InPack(row, member)
        for row, each in zip(rows, needed, strict=True)
        for file, member in zip(each.files, each.pack.members, strict=True)
    }


def _file_new(
    facility_id: int, where: dict[Received, _InPack], known: dict[str, list[Known]], now: datetime
) -> dict[Received, Filed]:
    new = {
        file: Arrival(file.header, at.pack, at.member.offset, at.member.length, at.member.sha256)
        for file, at in where.items()
        if file.header and not known_copy(file, known)
    }
    return dict(zip(new, file_arrivals(facility_id, list(new.values()), known, now=now), strict=True))


class _Answers:
    """What became of each file of the batch."""

    def __init__(
        self,
        facility_id: int,
        where: dict[Received, _InPack],
        filed: dict[Received, Filed],
        known: dict[str, list[Known]],
        quarantined: dict[bytes, ReceivedFile],
    ) -> None:
        self._facility_id = facility_id
        self._where = where
        self._filed = filed
        self._known = known
        self._quarantined = quarantined
        self._first = {identity(file): file for file in filed}
        self._first_faulty = {file.member.sha256: file for file in reversed(where) if not file.header}

    def of(self, files: Sequence[Received | Refused]) -> list[ReceivedFile]:
        return [self._skipped(file) if isinstance(file, Refused) else self._kept(file) for file in files]

    def _skipped(self, file: Refused) -> ReceivedFile:
        return ReceivedFile(
            facility_id=self._facility_id,
            outcome=Outcome.SKIPPED,
            reason_code=file.fault.code,
            reason=file.fault.message,
            sop_instance_uid=file.header.sop_instance_uid if file.header else "",
            length_bytes=file.length,
            sha256=file.sha256,
            source_name=file.source_name,
        )

    def _kept(self, file: Received) -> ReceivedFile:
        answer = ReceivedFile(
            facility_id=self._facility_id,
            length_bytes=file.member.length,
            sha256=file.member.sha256,
            source_name=file.source_name,
        )
        if file.fault:
            answer.reason_code, answer.reason = file.fault.code, file.fault.message
            self._quarantine(answer, file)
        if file.header:
            answer.sop_instance_uid = file.header.sop_instance_uid
            if file in self._filed:
                self._file(answer, self._filed[file], self._where[file])
            else:
                self._duplicate(answer, file)
        return answer

    def _quarantine(self, answer: ReceivedFile, file: Received) -> None:
        if before := self._quarantined.get(file.member.sha256):
            answer.outcome, answer.pack, answer.pack_offset = Outcome.DUPLICATE, before.pack, before.pack_offset
            return
        first = self._first_faulty[file.member.sha256]
        answer.outcome = Outcome.QUARANTINED if file is first else Outcome.DUPLICATE
        self._place(answer, self._where[first])

    def _file(self, answer: ReceivedFile, filed: Filed, at: _InPack) -> None:
        self._place(answer, at)
        answer.instance, answer.conflict = filed.instance, filed.conflict
        answer.outcome = Outcome(filed.outcome)
        self._say_why(answer)

    def _duplicate(self, answer: ReceivedFile, file: Received) -> None:
        answer.outcome = Outcome.DUPLICATE
        if copy_known := known_copy(file, self._known):
            answer.pack, answer.pack_offset = copy_known.pack, copy_known.pack_offset
            answer.instance, answer.conflict = copy_known.instance, copy_known.conflict
            self._say_why(answer)
            return
        first = self._first[identity(file)]
        self._place(answer, self._where[first])
        answer.instance, answer.conflict = self._filed[first].instance, self._filed[first].conflict
        self._say_why(answer)

    @staticmethod
    def _say_why(answer: ReceivedFile) -> None:
        if answer.conflict:
            answer.reason_code, answer.reason = answer.conflict.kind, answer.conflict.get_kind_display()

    @staticmethod
    def _place(answer: ReceivedFile, at: _InPack) -> None:
        answer.pack, answer.pack_offset = at.pack, at.member.offset


def _save(collection: Collection, reception: Reception, now: datetime, *, is_last: bool) -> None:
    if is_last:
        collection.advance(State.RECEIVED if collection.kept_count else State.FAILED, at=now)
    if collection.pk is None:
        write_opened(collection, reception, now=now)
    else:
        collection.save()
    if is_last:
        answer_requests(collection, now=now)
        counts = {counter: getattr(collection, counter) for counter in _COUNTERS.values()}
        record_act(f"collection.{collection.state}", collection, reception, **counts)
        tell_of_state(collection)
        tell_of_files(collection)


def write_opened(collection: Collection, reception: Reception, *, now: datetime) -> None:
    """Write a new collection with its reception record, within the caller's transaction."""
    collection.save()
    ReceptionRecord.objects.create(
        facility_id=collection.facility_id,
        collection=collection,
        received_at=now,
        method=reception.method,
        operator=reception.operator,
        user=reception.user,
        device_token=reception.device_token,
        medium_serial=reception.medium_serial,
        source_address=reception.source_address,
    )
    record_act("collection.opened", collection, reception, method=reception.method)


def record_act(action: str, collection: Collection, reception: Reception, **details: Any) -> None:
    """Append an audit event about the collection."""
    record(
        action,
        actor=reception.actor,
        object_type="collection",
        object_id=collection.pk,
        facility_id=collection.facility_id,
        **details,
    )
