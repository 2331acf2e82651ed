"""Collections whose process died before it could close them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection
from django.db.models import Exists, OuterRef

from apps.audit.record import SYSTEM, record
from apps.collection.models import Collection, Method, State, Upload
from apps.collection.telling import tell_of_files, tell_of_state
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center

LONGEST_ASSOCIATION = timedelta(days=2)
_LOCK_SPACE = 0x4D56  # the first key of PostgreSQL's two-key advisory locks, so that others' keys never collide


@contextmanager
def kept_alive(collection: Collection) -> Iterator[None]:
    """Hold the collection as one that a living process fills; PostgreSQL lets go when the process dies."""
    keys = [_LOCK_SPACE, collection.pk % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", keys)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


def close_interrupted(grace: timedelta = timedelta(minutes=1)) -> int:
    """Close open collections that no process fills any more: partial. What was stored of them stays stored."""
    closed = 0
    with as_center():
        now = database_now()
        to_be_opened = Upload.objects.filter(
            facility_id=OuterRef("facility_id"), collection_uid=OuterRef("uid"), opened_at=None, refused_at=None
        )
        left_open = Collection.objects.filter(~Exists(to_be_opened), state=State.OPEN, opened_at__lt=now - grace)
        # Whoever has its journal closes it; only a host that is gone for good leaves that undone.
        left_open = left_open.exclude(method=Method.DICOM, opened_at__gt=now - LONGEST_ASSOCIATION)
        for collection in left_open.select_for_update(skip_locked=True):
            if not _is_alive(collection):
                collection.advance(State.PARTIAL, at=now)
                collection.save(update_fields=["state", "received_at"])
                record("collection.interrupted", actor=SYSTEM, object_type="collection", object_id=collection.pk,
                       facility_id=collection.facility_id)  # fmt: skip
                tell_of_state(collection)
                tell_of_files(collection)
                closed += 1
    return closed


def _is_alive(collection: Collection) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_SPACE, collection.pk % 2**31])
        return bool(cursor.fetchone()[0])
