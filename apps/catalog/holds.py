"""Holds: reasons not to delete a study. Placed by one person; a legal one is released by two."""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.catalog.filing import holding_lock, study_lock
from apps.catalog.models import Hold, HoldKind, Study
from apps.core.bulk import insert_rows
from apps.core.errors import DomainError
from apps.core.locks import lock_names
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell


class HoldRefused(DomainError):
    """A hold cannot be placed or released so."""

    code = "hold_refused"


def place_hold(
    study: Study,
    *,
    kind: HoldKind,
    reason: str,
    authority: str = "",
    actor: Actor,
    now: datetime,
    by: User | None = None,
) -> Hold:
    """Hold a study, within the caller's transaction. Raises HoldRefused where it is gone, or without a reason."""
    if not reason.strip():
        raise HoldRefused(_("Say why the study is held"))
    lock_names([study_lock(study.facility_id, study.study_instance_uid)])
    if not Study.objects.filter(facility_id=study.facility_id, pk=study.pk).exists():
        raise HoldRefused(_("The study has been deleted"))
    hold = Hold.objects.create(
        facility_id=study.facility_id, study=study, kind=kind, reason=reason.strip(), authority=authority.strip(),
        placed_at=now, placed_by=by,
    )  # fmt: skip
    _record("hold.placed", hold, actor)
    return hold


def place_holds(
    facility_id: int, studies: Sequence[Study], *, kind: HoldKind, reason: str, actor: Actor, now: datetime,
    by: User | None = None,
) -> None:  # fmt: skip
    """Hold many studies at once, within the caller's transaction. Raises HoldRefused where one is gone.

    Under one lock, not one for each study: a facility may have more of them than the database has locks.
    """
    lock_names([holding_lock(facility_id)])
    keys = [study.pk for study in studies]
    if Study.objects.filter(facility_id=facility_id, pk__in=keys).count() < len(keys):
        raise HoldRefused(_("A study has been deleted"))
    insert_rows([
        Hold(facility_id=facility_id, study_id=key, kind=kind, reason=reason, placed_at=now, placed_by=by)
        for key in keys
    ])  # fmt: skip
    record("holds.placed", actor=actor, object_type="facility", object_id=facility_id, facility_id=facility_id,
           kind=kind, reason=reason, studies=len(keys))  # fmt: skip


def release_holds(
    facility_id: int, studies: QuerySet[Study], *, kind: HoldKind, reason: str, actor: Actor, now: datetime,
    by: User | None = None,
) -> None:  # fmt: skip
    """End what was held at once for this reason."""
    assert kind != HoldKind.LEGAL
    held = Hold.objects.filter(facility_id=facility_id, study__in=studies, kind=kind, reason=reason, released_at=None)
    count = held.update(released_at=now, released_by=by)
    record("holds.released", actor=actor, object_type="facility", object_id=facility_id, facility_id=facility_id,
           kind=kind, reason=reason, studies=count)  # fmt: skip


def ask_release(hold: Hold, *, by: User, actor: Actor, now: datetime) -> None:
    """The first of the two who release a legal hold. Raises HoldRefused."""
    if not _open(hold).filter(release_asked_by=None).update(release_asked_at=now, release_asked_by=by):
        raise HoldRefused(_("The hold is released, or its release was asked for already"))
    _record("hold.release_asked", hold, actor)
    path = reverse("admin:catalog_hold_change", args=[hold.pk])
    tell(Kind.STAFF_RELEASE_ASKED, facility=hold.facility_id, about=("hold", hold.pk), path=path)


def release_hold(hold: Hold, *, by: User | None, actor: Actor, now: datetime) -> None:
    """End a hold. Raises HoldRefused: a legal one needs another person to have asked for it."""
    current = _open(hold).select_for_update().first()
    if current is None:
        raise HoldRefused(_("The hold was released already"))
    if current.kind == HoldKind.LEGAL and (by is None or current.release_asked_by_id in {None, by.pk}):
        raise HoldRefused(_("A legal hold is released by another person than the one who asked for it"))
    current.released_at, current.released_by = now, by
    current.save(update_fields=["released_at", "released_by"])
    _record("hold.released", current, actor)


def _open(hold: Hold) -> QuerySet[Hold]:
    return Hold.objects.filter(facility_id=hold.facility_id, pk=hold.pk, released_at=None)


def _record(action: str, hold: Hold, actor: Actor) -> None:
    record(action, actor=actor, object_type="hold", object_id=hold.pk, facility_id=hold.facility_id,
           study=hold.study_id, kind=hold.kind)  # fmt: skip
