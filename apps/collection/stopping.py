"""Sealed collections that kill whoever opens them: after some deaths they wait for staff, and nothing is lost."""

from datetime import datetime

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.audit.failures import note_failure, note_success
from apps.audit.record import SYSTEM, Actor, record
from apps.collection.models import Upload
from apps.core.errors import DomainError
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

MOST_ATTEMPTS = 3
"""Begun so often without an end, staff are to look: what kills a worker may well kill the next one."""
OPEN_AGAIN = "apps.collection.tasks.open_again"


class KillsWorkers(DomainError):
    """Each time a worker died over it."""

    code = "kills_workers"


class NotStopped(DomainError):
    """Workers see to it by themselves, or it is over."""

    code = "not_stopped"

    def __init__(self) -> None:
        super().__init__(_("It is not stopped: a worker opens it, or has opened it"))


def begins(upload: Upload, *, now: datetime) -> bool:
    """Whether it is to be opened now, which counts as an attempt; stopped if it was begun too often.

    Within a transaction of the center's, by who holds the upload.
    """
    if upload.stopped_at:
        return False
    if upload.attempts >= MOST_ATTEMPTS:
        _stop(upload, now)
        return False
    _rows(upload).update(attempts=F("attempts") + 1)
    return True


def note_end(upload: Upload) -> None:
    """The worker lives, whatever came of it. Within a transaction of the center's."""
    _rows(upload).update(attempts=0)


def open_again(upload: Upload, *, actor: Actor, now: datetime) -> None:
    """Staff want it tried again, as often as before. Within a transaction of the center's. Raises NotStopped."""
    if not _rows(upload).filter(stopped_at__isnull=False).update(stopped_at=None, attempts=0):
        raise NotStopped
    note_success(OPEN_AGAIN, [upload.pk], {}, now=now)
    record("upload.taken_up_again", actor=actor, object_type="upload", object_id=upload.pk,
           facility_id=upload.facility_id)  # fmt: skip


def _stop(upload: Upload, now: datetime) -> None:
    why = _("It was begun %(times)d times, and each time the worker died over it") % {"times": upload.attempts}
    _rows(upload).update(stopped_at=now)
    note_failure(OPEN_AGAIN, [upload.pk], {}, KillsWorkers(why), now=now)
    tell(Kind.STAFF_UPLOAD_STOPPED, facility=upload.facility_id, about=("upload", upload.pk),
         occasion=f"{now:%Y%m%dT%H%M%S}", path=reverse("admin:collection_upload_change", args=[upload.pk]),
         facts={"times": upload.attempts})  # fmt: skip
    record("upload.stopped", actor=SYSTEM, object_type="upload", object_id=upload.pk, facility_id=upload.facility_id,
           attempts=upload.attempts)  # fmt: skip


def _rows(upload: Upload) -> QuerySet[Upload]:
    return Upload.objects.filter(facility_id=upload.facility_id, pk=upload.pk)
