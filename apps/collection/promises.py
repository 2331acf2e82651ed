"""Packing what was promised: journals become batches, in the background, whoever wrote them and however they ended.

Each segment of a journal is one batch, known by the same name at every attempt: what an attempt that died has left is
removed first, and what it has committed is not stored again.
"""

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Self
from uuid import UUID, uuid5

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from apps.audit.record import Actor
from apps.collection.commit import record_act
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Method, ReceivedFile, State, Terminal
from apps.collection.reception import Reception
from apps.collection.sorting import examine_kept
from apps.core import request_ids
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.journal import Left, journals, members_of
from apps.vault.packs import discard_unknown
from apps.vault.spool import Batch, Segment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the collection is that a journal holds, written before its first file is acknowledged."""

    collection_uid: str
    facility_id: int
    terminal_id: int
    method: str
    actor: Actor
    opened_at: str
    request_id: str = ""
    """Of the association, under which what becomes of it is logged."""

    def encoded(self) -> bytes:
        """As it lies in the journal."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decoded(cls, content: bytes) -> Self:
        """The inverse."""
        fields = json.loads(content)
        return cls(**fields | {"actor": Actor(**fields["actor"])})


def promise(collection_uid: UUID, terminal: Terminal, *, actor: Actor, now: datetime) -> Promise:
    """The promise of a collection that a terminal sends in one DICOM association."""
    return Promise(str(collection_uid), terminal.facility_id, terminal.pk, Method.DICOM, actor, now.isoformat(),
                   request_ids.current())  # fmt: skip


def pack_promised() -> int:
    """Store what the journals of this machine hold; returns the files. What fails stays, and is tried again.

    Raises OperationalError or InterfaceError where the database went away.
    """
    packed = 0
    for left in journals():
        if left.promise:
            packed += _attempt(left)
        elif left.is_over:
            left.drop()
    return packed


def _attempt(left: Left) -> int:
    try:
        promised = Promise.decoded(left.promise)
    except (ValueError, TypeError, LookupError):
        log.error("Journal %s cannot be packed: its promise cannot be read", left.uid)  # noqa: TRY400
        return 0
    with request_ids.entered(promised.request_id):
        try:
            return _pack(left, promised)
        except (OperationalError, InterfaceError):
            raise
        except DomainError as error:
            log.error("Journal %s cannot be packed now: %s", left.uid, error.message)  # noqa: TRY400
        except Exception:  # one that cannot be packed must not hold up the others
            log.exception("Journal %s cannot be packed", left.uid)
        return 0


def _pack(left: Left, promised: Promise) -> int:
    is_over = left.is_over
    segments = left.segments(is_over=is_over)
    if not (is_over or segments):
        return 0
    collecting, packed = _Collecting(promised), 0
    for number, path in segments:
        packed += collecting.store(left.uid, number, path, is_last=is_over and path == segments[-1][1])
    if is_over:
        collecting.close()
        left.drop()
    return packed


class _Collecting:
    """The collection that a promise is of."""

    def __init__(self, promised: Promise) -> None:
        with as_center():
            facility = Facility.objects.get(pk=promised.facility_id)
            terminal = Terminal.objects.filter(facility=facility, pk=promised.terminal_id).first()
            found = Collection.objects.filter(facility=facility, uid=promised.collection_uid).first()
        self._facility = facility
        self._reception = Reception(
            method=Method(promised.method),
            actor=promised.actor,
            terminal=terminal,
            source_address=promised.actor.source_address,
        )
        opened_at = datetime.fromisoformat(promised.opened_at)
        self._collection = found or new_collection(
            facility, self._reception, now=opened_at, uid=UUID(promised.collection_uid)
        )
        self._collection.facility, self._collection.terminal = facility, terminal

    def store(self, uid: UUID, number: int, path: Path, *, is_last: bool) -> int:
        """Store a segment; returns its files. Raises DomainError where nothing of it was stored."""
        batch_id, members = uuid5(uid, str(number)).hex, members_of(path)
        if members and not self._has(number):
            discard_unknown(self._facility.pk, batch_id)
            segment = Segment(path, members)
            with Batch(self._facility.pk, batch_id=batch_id, incoming=segment) as batch:
                intake = Intake(batch)
                for n, member in enumerate(members, 1):
                    intake.files.append(examine_kept(segment, member, _name(number, n)))
                is_last &= self._collection.state == State.OPEN
                stored = store_batch(self._collection, self._reception, intake, now=timezone.now(), is_last=is_last)
                self._collection = stored.collection
        path.unlink()
        return len(members)

    def close(self) -> None:
        """The association has ended, and everything that was acknowledged in it is stored."""
        if self._collection._state.adding or self._collection.state != State.OPEN:
            return
        with as_facility(self._facility):
            self._collection.advance(State.RECEIVED, at=database_now())
            self._collection.save(update_fields=["state", "received_at"])
            record_act("collection.received", self._collection, self._reception)

    def _has(self, number: int) -> bool:
        """Whether an attempt that died after its commit has stored the segment."""
        if self._collection._state.adding:
            return False
        with as_facility(self._facility):
            return ReceivedFile.objects.filter(
                facility=self._facility, collection=self._collection, source_name=_name(number, 1)
            ).exists()


def _name(segment: int, member: int) -> str:
    return f"{segment:06d}/{member:06d}"
