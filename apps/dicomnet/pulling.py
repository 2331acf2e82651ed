"""Pulling: the center fetches from a facility's source what its catalog does not have, on schedule or on demand.

Study dates before the last fetch are looked at again, for what came late; each image is read twice and compared, so
that a broken transfer is noticed. Any number of workers may run this: a source is held by the one that fetches.
"""

import logging
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from hashlib import file_digest
from pathlib import Path

from apps.audit.record import SYSTEM, Actor, record
from apps.collection.ingest import give_up, open_collection
from apps.collection.interrupted import kept_alive
from apps.collection.media.found import Found
from apps.collection.media.receive import receive_found
from apps.collection.models import Method
from apps.collection.reception import Reception
from apps.core.clock import database_now
from apps.core.sealing import seal_text, unseal_text
from apps.dicomnet.listing import ListedImage, Reader, SourceFailed, unknown_images
from apps.dicomnet.models import Source, Via
from apps.dicomnet.node_source import NodeReader
from apps.dicomnet.telling import tell_of_source
from apps.dicomnet.web_source import WebReader
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import VaultUnavailable
from apps.vault.spool import passing_folder

PIECE = 1 << 20
MOST_FAILURES = 3
"""Series in a row that a source may fail to deliver before it is left alone until the next time."""
HELD_FOR = timedelta(hours=6)
AGAIN_AFTER = timedelta(minutes=15)
log = logging.getLogger(__name__)


def set_authorization(source: Source, authorization: str, *, actor: Actor) -> None:
    """What a DICOMweb server wants in its Authorization header; kept sealed. Empty: nothing."""
    with as_center():
        source.sealed_authorization = seal_text(authorization) if authorization else None
        source.save(update_fields=["sealed_authorization"])
        record("source.authorization_set", actor=actor, object_type="source", object_id=source.pk,
               facility_id=source.facility_id)  # fmt: skip


def pull_soon(source: Source, *, actor: Actor) -> None:
    """Fetch on demand, as soon as a worker is free."""
    with as_center():
        Source.objects.filter(pk=source.pk).update(next_at=database_now())
        record("source.fetch_asked", actor=actor, object_type="source", object_id=source.pk,
               facility_id=source.facility_id)  # fmt: skip


def pull_due() -> int:
    """Fetch from every source whose time has come; returns how many."""
    fetched = 0
    while source := _claim():
        pull(source)
        fetched += 1
    return fetched


def pull(source: Source) -> int:
    """Fetch what is new; returns the images that came. What goes wrong is noted with the source."""
    now, problem, received, is_away = database_now(), "", 0, False
    try:
        received, problem = _fetch(source, now)
    except SourceFailed as error:
        problem, is_away = error.message, True
    except VaultUnavailable as error:
        problem = error.message
    with as_facility(source.facility_id):
        if is_away and source.problem:  # the last time, too
            tell_of_source(source, now=now)
        source.looked_at, source.problem = now, problem[:256]
        if not problem:
            source.fetched_on = now.date()
        source.next_at = _next(source, now, is_sound=not problem)
        source.save(update_fields=["looked_at", "problem", "fetched_on", "next_at"])
        record("source.fetched", actor=SYSTEM, object_type="source", object_id=source.pk,
               facility_id=source.facility_id, images=received, is_sound=not problem)  # fmt: skip
    return received


def _claim() -> Source | None:
    with as_center():
        now = database_now()
        due = Source.objects.select_related("terminal", "facility").filter(
            is_enabled=True, next_at__lte=now, terminal__retired_at=None
        )
        source = due.order_by("next_at").select_for_update(skip_locked=True, of=("self",)).first()
        if source:
            source.next_at = now + HELD_FOR  # whoever dies over it leaves it to others by then
            source.save(update_fields=["next_at"])
    return source


def _next(source: Source, now: datetime, *, is_sound: bool) -> datetime | None:
    if not is_sound:
        return now + AGAIN_AFTER
    return now + timedelta(hours=source.every_hours) if source.every_hours else None


def reader_of(source: Source) -> Reader:
    """How the source is read."""
    if source.via == Via.WEB:
        sealed = source.sealed_authorization
        return WebReader(source.url, unseal_text(bytes(sealed)) if sealed else "")
    return NodeReader(source.terminal, by_move=source.via == Via.MOVE)


def _fetch(source: Source, now: datetime) -> tuple[int, str]:
    """Images received, and what was wrong with the others."""
    reader = reader_of(source)
    since = source.first_on
    if source.fetched_on:
        since = source.fetched_on - timedelta(days=source.overlap_days)
    with as_facility(source.facility_id):
        wanted = list(unknown_images(source.facility_id, reader, since))
    if not wanted:
        return 0, ""
    with passing_folder() as folder:
        fetching = _Fetching(reader, folder, is_read_twice=source.is_read_twice)
        if source.via == Via.MOVE:  # the images come by associations of the node with our gateway
            moved = sum(len(images) for images in wanted if fetching.fetch(images, folder))
            return moved, fetching.problem
        received = _receive(source, fetching.entries(wanted), now)
    return received, fetching.problem


def _receive(source: Source, entries: Iterator[Found], now: datetime) -> int:
    reception = Reception(method=Method.PULL, actor=SYSTEM, terminal=source.terminal)
    collection = open_collection(source.facility, reception, now=now)
    with kept_alive(collection):
        try:
            return receive_found(collection, reception, entries).collection.kept_count
        except BaseException:
            give_up(collection, reception, now=database_now())
            raise


class _Fetching:
    """Fetches series by series. One that fails holds up no other; a source that fails again and again is left alone."""

    def __init__(self, reader: Reader, folder: Path, *, is_read_twice: bool) -> None:
        self._reader = reader
        self._folder = folder
        self._is_read_twice = is_read_twice
        self._failures = 0
        self.problem = ""

    def fetch(self, images: list[ListedImage], folder: Path) -> bool:
        """Whether the source delivered a series; what stood in the way is noted."""
        if self._failures == MOST_FAILURES:
            return False
        try:
            self._reader.fetch(images, folder)
        except SourceFailed as error:
            self.problem, self._failures = error.message, self._failures + 1
            return False
        self._failures = 0
        return True

    def entries(self, wanted: list[list[ListedImage]]) -> Iterator[Found]:
        for images in wanted:
            first, second = self._folder / "first", self._folder / "second"
            for folder in (first, second):
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
            if not (self.fetch(images, first) and (not self._is_read_twice or self.fetch(images, second))):
                continue
            for image in images:
                path = first / image.sop_instance_uid
                again = second / image.sop_instance_uid if self._is_read_twice else None
                if not path.exists():
                    self.problem = "The source lists images that it does not deliver"
                elif again and (not again.exists() or _digest(again) != _digest(path)):
                    self.problem = "The source delivers images that differ when they are read again"
                else:
                    yield Found((image.sop_instance_uid,), partial(_pieces, path))
                path.unlink(missing_ok=True)
                if again:
                    again.unlink(missing_ok=True)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()
