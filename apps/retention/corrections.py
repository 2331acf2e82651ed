"""Corrections: a storage period that is too long because of a wrong input is shortened by two people, with a reason."""

from datetime import date, datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.catalog.models import Study
from apps.core.shown import day
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.retention.errors import AlreadyProposed, NeedsReason, NeedsSecondPerson, StillRetained
from apps.retention.models import Correction, Retention


def propose_correction(study: Study, *, until: date, reason: str, by: User, actor: Actor, now: datetime) -> Correction:
    """The first of the two, within the caller's transaction. Raises NeedsReason, StillRetained, AlreadyProposed.

    It shortens to what the rules give now, not below.
    """
    if not reason.strip():
        raise NeedsReason(_("Say which input was wrong, and how you know"))
    _check(study, until)
    if Correction.objects.filter(facility_id=study.facility_id, study=study, decided_at=None).exists():
        raise AlreadyProposed(_("A correction of this study waits for its decision already"))
    correction = Correction.objects.create(
        facility_id=study.facility_id, study=study, until=until, reason=reason.strip(), proposed_at=now, proposed_by=by
    )
    _record("proposed", correction, actor)
    tell(
        Kind.STAFF_CORRECTION, facility=correction.facility_id, about=("correction", correction.pk),
        path=reverse("admin:retention_correction_change", args=[correction.pk]),
    )  # fmt: skip
    return correction


def decide_correction(correction: Correction, *, approves: bool, by: User, actor: Actor) -> None:
    """The second, within the caller's transaction. Raises NeedsSecondPerson, StillRetained."""
    current = (
        Correction.objects.select_related("study")
        .select_for_update(of=("self",))
        .get(facility_id=correction.facility_id, pk=correction.pk)
    )
    if current.proposed_by_id == by.pk or current.decided_by_id:
        raise NeedsSecondPerson(_("A correction is decided once, by another person than the one who proposed it"))
    if approves:
        _check(current.study, current.until)
    current.decided_by, current.is_approved = by, approves
    current.save(update_fields=["decided_by", "is_approved", "decided_at"])
    if approves:
        Retention.objects.filter(facility_id=current.facility_id, study=current.study).update(
            certain_until=current.until
        )
    _record("approved" if approves else "refused", current, actor)
    if approves:
        where = {"facility_slug": current.facility.slug, "study_id": current.study_id}
        tell(Kind.PERIOD_CORRECTED, facility=current.facility, about=("correction", current.pk),
             path=reverse("portal:study", kwargs=where))  # fmt: skip


def _check(study: Study, until: date) -> None:
    retention = Retention.objects.select_for_update().get(facility_id=study.facility_id, study=study)
    if retention.missing or retention.computed_until is None or until < retention.computed_until:
        until_then = day(retention.computed_until) if retention.computed_until else _("an unknown day")
        raise StillRetained(_("By the rules it is kept until %(day)s") % {"day": until_then})
    if retention.certain_until and until >= retention.certain_until:
        raise StillRetained(_("This would not shorten it: extend it instead"))


def _record(verb: str, correction: Correction, actor: Actor) -> None:
    record(f"correction.{verb}", actor=actor, object_type="correction", object_id=correction.pk,
           facility_id=correction.facility_id, study=correction.study_id)  # fmt: skip
