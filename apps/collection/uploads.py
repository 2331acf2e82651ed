"""Uploads: sealed collections as they arrive, in pieces that survive a cut at any byte.

How much has arrived is the length of a file; the row tells what it is to become. A file is held by who appends to it.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError

from apps.audit.record import Actor, record
from apps.catalog.bounds import MIB
from apps.collection.models import Upload
from apps.core.errors import DomainError
from apps.facilities.models import DeviceToken, Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import VaultUnavailable
from apps.vault.spool import free_bytes, require_reserve

LIFETIME = timedelta(days=7)
MOST_BYTES = 10 * 1024 * MIB
OPENED = ".opened"
_CHECK_DISK_BYTES = 64 * MIB


class CollectionTaken(DomainError):
    """Another sealed file was begun under the same collection."""

    code = "collection_taken"

    def __init__(self) -> None:
        super().__init__("Another upload has this collection identifier")


class TooLong(DomainError):
    """More bytes than an upload may have, or than were announced."""

    code = "too_long"


class WrongOffset(DomainError):
    """The sender continues elsewhere than where the upload ends."""

    code = "wrong_offset"

    def __init__(self, offset: int) -> None:
        super().__init__(f"The upload has {offset} bytes; continue there")


class Busy(DomainError):
    """Somebody appends to the upload at this moment."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__("The upload is being written to. Try again")


class Over(DomainError):
    """The upload is complete or was refused: nothing can be appended to it or taken back."""

    code = "over"

    def __init__(self) -> None:
        super().__init__("The upload is over")


def begin_upload(
    *,
    facility: Facility,
    token: DeviceToken,
    collection_uid: UUID,
    sealed_sha256: bytes,
    length_bytes: int,
    actor: Actor,
    now: datetime,
) -> Upload:
    """A new upload; the one there is when the same file of the same collection was begun before.

    Raises CollectionTaken, TooLong, VaultUnavailable.
    """
    if not 0 < length_bytes <= MOST_BYTES:
        raise TooLong(f"An upload has 1 to {MOST_BYTES} bytes")
    if found := _begun(facility, collection_uid, sealed_sha256, length_bytes):
        return found
    if length_bytes > free_bytes():
        raise VaultUnavailable("The center has no room for the upload now")
    upload = Upload(
        facility=facility,
        collection_uid=collection_uid,
        sealed_sha256=sealed_sha256,
        length_bytes=length_bytes,
        device_token=token,
        source_address=actor.source_address,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    try:
        with as_facility(facility):
            upload.save()
            record("upload.begun", actor=actor, object_type="upload", object_id=upload.pk, facility_id=facility.pk)
    except IntegrityError:
        if found := _begun(facility, collection_uid, sealed_sha256, length_bytes):
            return found
        raise
    with held(upload):
        pass
    return upload


def path_of(upload: Upload) -> Path:
    """Where the sealed bytes lie."""
    return Path(settings.UPLOADS) / f"{upload.facility_id}-{upload.uid}"


def offset_of(upload: Upload) -> int:
    """Bytes that have arrived."""
    if upload.completed_at:
        return upload.length_bytes
    path = path_of(upload)
    return path.stat().st_size if path.exists() else 0


def append(upload: Upload, *, offset: int, pieces: Iterable[bytes], actor: Actor, now: datetime) -> int:
    """Append what arrives, and return how much there is then, all of it durable.

    What has arrived before a connection broke stays. Raises WrongOffset, Busy, Over, TooLong, VaultUnavailable.
    """
    if upload.completed_at or upload.refused_at:
        raise Over
    with held(upload) as descriptor:
        end = os.fstat(descriptor).st_size
        if offset != end:
            raise WrongOffset(end)
        end = _write(descriptor, end, upload.length_bytes, pieces)
        if end == upload.length_bytes:
            _complete(upload, actor, now)
    return end


def withdraw(upload: Upload, *, actor: Actor, now: datetime) -> None:
    """Take back an upload that is not complete. Raises Busy, Over."""
    with held(upload), as_facility(upload.facility_id):
        if Upload.objects.select_for_update().get(pk=upload.pk).completed_at:
            raise Over
        Upload.objects.filter(pk=upload.pk).update(refused_at=now, reason="Withdrawn by the sender")
        record("upload.withdrawn", actor=actor, object_type="upload", object_id=upload.pk,
               facility_id=upload.facility_id)  # fmt: skip
    path_of(upload).unlink(missing_ok=True)


def drop_expired(*, now: datetime) -> int:
    """Forget uploads that were begun and not completed in time, and files that belong to none; returns how many."""
    dropped = 0
    with as_center():
        expired = list(Upload.objects.filter(completed_at=None, refused_at=None, expires_at__lt=now))
    for upload in expired:
        with as_center():
            dropped += Upload.objects.filter(pk=upload.pk, completed_at=None).update(
                refused_at=now, reason="Not completed in time"
            )
    _drop_files_of_none()
    return dropped


def _drop_files_of_none() -> None:
    """Files that a process left when it died between the row's end and the file's."""
    folder = Path(settings.UPLOADS)
    found = list(folder.iterdir()) if folder.is_dir() else []
    with as_center():
        waited_for = Upload.objects.filter(opened_at=None, refused_at=None)
        names = {path_of(upload).name for upload in waited_for}  # after the files: a row is written before its file
    for path in found:
        if path.name.removesuffix(OPENED) not in names:
            path.unlink(missing_ok=True)


@contextmanager
def held(upload: Upload) -> Iterator[int]:
    """The upload's file, open and locked against all others until the end, even if this process dies. Raises Busy."""
    path = path_of(upload)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise VaultUnavailable(f"The upload could not be opened: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy from None
        yield descriptor
    finally:
        os.close(descriptor)


def _begun(facility: Facility, collection_uid: UUID, sealed_sha256: bytes, length_bytes: int) -> Upload | None:
    with as_facility(facility):
        found = Upload.objects.filter(facility=facility, collection_uid=collection_uid, refused_at=None).first()
    if found and (bytes(found.sealed_sha256) != sealed_sha256 or found.length_bytes != length_bytes):
        raise CollectionTaken
    return found


def _write(descriptor: int, end: int, length_bytes: int, pieces: Iterable[bytes]) -> int:
    checked = end
    try:
        for piece in pieces:
            if end + len(piece) > length_bytes:
                raise TooLong(f"The upload was announced with {length_bytes} bytes")
            os.pwrite(descriptor, piece, end)
            end += len(piece)
            if end - checked >= _CHECK_DISK_BYTES:
                require_reserve(Path(settings.UPLOADS))
                checked = end
    except OSError as error:
        raise VaultUnavailable(f"The upload could not be written: {error.strerror}") from error
    finally:
        os.fsync(descriptor)
    return end


def _complete(upload: Upload, actor: Actor, now: datetime) -> None:
    with as_facility(upload.facility_id):
        Upload.objects.filter(pk=upload.pk).update(completed_at=now)
        record("upload.completed", actor=actor, object_type="upload", object_id=upload.pk,
               facility_id=upload.facility_id)  # fmt: skip
    upload.completed_at = now
