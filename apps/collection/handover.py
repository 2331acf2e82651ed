"""Handover: sealed collections that have arrived whole are opened, received as announced, and receipted.

A worker that dies while opening one leaves its collection open; the next goes on behind the files that are stored.
What kills worker after worker is stopped, and goes to staff (stopping.py).
"""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from apps.audit.record import SYSTEM, Actor, record
from apps.collection.announcement import LONGEST_MANIFEST, MANIFEST, Announcement, BadManifest, read_announcement
from apps.collection.commit import write_opened
from apps.collection.errors import NothingReceivable
from apps.collection.ingest import new_collection
from apps.collection.interrupted import kept_alive
from apps.collection.media.found import Found, NotTaken
from apps.collection.media.receive import receive_found
from apps.collection.media.zipfiles import Archive
from apps.collection.models import AnnouncedFile, Collection, Method, ReceivedFile, State, Terminal, Upload
from apps.collection.receipts import issue_receipts
from apps.collection.reception import Reception
from apps.collection.recorded import note_recorded
from apps.collection.stopping import begins, note_end
from apps.collection.uploads import OPENED, Busy, held, path_of
from apps.core.bulk import insert_rows
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.core.sealing import NotForUs, unseal
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import VaultUnavailable

log = logging.getLogger(__name__)


class Damaged(DomainError):
    """The sealed file is not the one that was announced."""

    code = "damaged"

    def __init__(self) -> None:
        super().__init__("The file does not have the SHA-256 it was announced with")


_REFUSED = (Damaged, NotForUs, BadManifest, NothingReceivable)


def uploads_to_open() -> list[int]:
    """Primary keys of the uploads that have arrived whole and were not opened yet, but those that wait for staff."""
    with as_center():
        waiting = Upload.objects.filter(
            completed_at__isnull=False, opened_at=None, refused_at=None, stopped_at=None
        )  # fmt: skip
        return list(waiting.order_by("pk").values_list("pk", flat=True))


def open_upload(key: int) -> bool:
    """Open an upload that has arrived whole, unless another worker does; whether it is over now.

    What cannot be opened at all is refused, with the reason; what fails for now stays to be tried again.
    """
    with as_center():
        upload = Upload.objects.select_related("facility", "device_token").get(pk=key)
    try:
        with held(upload):
            with as_center():
                upload.refresh_from_db(fields=["opened_at", "refused_at", "attempts", "stopped_at"])
                is_over = bool(upload.opened_at or upload.refused_at)
                if not (is_over or begins(upload, now=database_now())):
                    return False
            if not is_over:
                _open_or_refuse(upload)
            path_of(upload).unlink(missing_ok=True)
    except Busy:
        return False
    except DomainError as error:
        log.error("Upload %s cannot be opened now: %s", upload.uid, error.message)  # noqa: TRY400
        return False
    return True


def _open_or_refuse(upload: Upload) -> None:
    try:
        _open(upload)
    except _REFUSED as error:
        _refuse(upload, error)
    finally:  # of all ends but the worker's death
        with as_center():
            note_end(upload)


def _open(upload: Upload) -> None:
    with _opened(upload) as archive:
        announced = _announcement(archive, upload)
        reception = _reception(upload, announced)
        collection = _collection(upload, announced, reception)
        if collection.state == State.OPEN:
            with kept_alive(collection):
                entries = _entries(archive, announced, _received_before(collection))
                collection = receive_found(collection, reception, entries).collection
    with as_facility(upload.facility):
        now = database_now()
        note_recorded(collection, announced)
        issue_receipts(collection, now=now)
        Upload.objects.filter(pk=upload.pk).update(opened_at=now)
        record("upload.opened", actor=SYSTEM, object_type="upload", object_id=upload.pk,
               facility_id=upload.facility_id, collection=collection.pk)  # fmt: skip


@contextmanager
def _opened(upload: Upload) -> Iterator[Archive]:
    """The archive within the sealed file, in a plain file that is gone afterwards."""
    sealed = path_of(upload)
    plain = sealed.with_name(sealed.name + OPENED)
    try:
        with sealed.open("rb") as file:
            if hashlib.file_digest(file, "sha256").digest() != bytes(upload.sealed_sha256):
                raise Damaged
        unseal(sealed, plain)
        with Archive(plain) as archive:
            yield archive
    except OSError as error:
        raise VaultUnavailable(f"The upload could not be read: {error.strerror}") from error
    finally:
        plain.unlink(missing_ok=True)


def _announcement(archive: Archive, upload: Upload) -> Announcement:
    for entry in archive.entries():
        if entry.parts == (MANIFEST,):
            content = bytearray()
            try:
                for piece in entry.read():
                    content += piece
                    if len(content) > LONGEST_MANIFEST:
                        raise BadManifest(f"The manifest exceeds {LONGEST_MANIFEST} bytes")
            except NotTaken as error:
                raise BadManifest("The manifest is damaged") from error
            return read_announcement(
                bytes(content), facility_slug=upload.facility.slug, collection_uid=upload.collection_uid
            )
    raise BadManifest("There is no manifest")


def _reception(upload: Upload, announced: Announcement) -> Reception:
    terminal = None
    if announced.terminal:
        with as_facility(upload.facility):
            terminals = Terminal.objects.filter(facility=upload.facility)
            terminal = terminals.filter(uid=announced.terminal).first()
            sender = terminals.filter(device_token=upload.device_token_id).first() if upload.device_token_id else None
        if terminal is None:
            raise BadManifest("The manifest names a terminal that the facility does not have")
        if sender and sender != terminal:  # a collector comes from many, a terminal from itself
            raise BadManifest("The manifest names another terminal than the one that sends it")
    return Reception(
        method=Method(announced.method),
        actor=Actor("token", str(upload.device_token_id), upload.source_address),
        operator=announced.operator,
        device_token=upload.device_token,
        terminal=terminal,
        medium_serial=announced.medium_serial,
        source_address=upload.source_address,
    )


def _collection(upload: Upload, announced: Announcement, reception: Reception) -> Collection:
    """The collection that the manifest names, opened with what it announces, or as it was left open before."""
    with as_facility(upload.facility):
        found = Collection.objects.filter(facility=upload.facility, uid=upload.collection_uid).first()
        if found:
            found.facility, found.terminal = upload.facility, reception.terminal
            return found
        now = database_now()
        collection = new_collection(upload.facility, reception, now=now, uid=upload.collection_uid)
        write_opened(collection, reception, now=now)
        insert_rows(list(_announced_rows(collection, announced)))
    return collection


def _announced_rows(collection: Collection, announced: Announcement) -> Iterator[AnnouncedFile]:
    for brought in announced.files:
        yield AnnouncedFile(
            facility_id=collection.facility_id, collection=collection, source_name=_shown(brought.source),
            sha256=bytes.fromhex(brought.sha256), length_bytes=brought.length,
        )  # fmt: skip
    for stayed in announced.left:
        yield AnnouncedFile(
            facility_id=collection.facility_id, collection=collection, source_name=_shown(stayed.source),
            sha256=bytes.fromhex(stayed.sha256) if stayed.sha256 else None, length_bytes=stayed.length,
            left_because=stayed.reason,
        )  # fmt: skip


def _received_before(collection: Collection) -> set[str]:
    """Names of files that were stored before a worker died."""
    with as_facility(collection.facility_id):
        names = ReceivedFile.objects.filter(facility_id=collection.facility_id, collection=collection)
        return set(names.values_list("source_name", flat=True))


def _entries(archive: Archive, announced: Announcement, before: set[str]) -> Iterator[Found]:
    """What the archive holds, by the names the files had at their source."""
    sources = {file.name: file.source for file in announced.files}
    for entry in archive.entries():
        if entry.parts != (MANIFEST,):
            found = Found((sources.get("/".join(entry.parts), "/".join(entry.parts)),), entry.read)
            if found.name not in before:
                yield found


def _shown(source: str) -> str:
    return Found((source,), tuple).name


def _refuse(upload: Upload, error: DomainError) -> None:
    with as_facility(upload.facility):
        now = database_now()
        Upload.objects.filter(pk=upload.pk).update(refused_at=now, reason=error.message)
        record("upload.refused", actor=SYSTEM, object_type="upload", object_id=upload.pk,
               facility_id=upload.facility_id, reason=error.code)  # fmt: skip
