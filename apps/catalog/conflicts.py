"""Deciding conflicts: both files stay where they are; what staff decide is on record."""

from datetime import datetime

from django.urls import reverse

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.catalog.models import Conflict, ConflictDecision
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell


def resolve_conflict(
    conflict: Conflict, *, decision: ConflictDecision, reason: str = "", by: User, actor: Actor, now: datetime
) -> None:
    """Decide a conflict; again it changes nothing."""
    with as_center():
        decided = Conflict.objects.filter(pk=conflict.pk, resolved_at=None).update(
            resolved_at=now, resolved_by=by, decision=decision, reason=reason
        )
        if decided:
            record("conflict.resolved", actor=actor, object_type="conflict", object_id=conflict.pk,
                   facility_id=conflict.facility_id, kind=conflict.kind, decision=str(decision))  # fmt: skip
            _tell(conflict, now)


def _tell(conflict: Conflict, now: datetime) -> None:
    """Once a day of each study: whoever decides on a series decides on every image."""
    where = {"facility_slug": conflict.facility.slug, "study_id": conflict.study_id}
    tell(Kind.CONFLICT_DECIDED, facility=conflict.facility_id, about=("study", conflict.study_id),
         occasion=now.date(), path=reverse("portal:study", kwargs=where))  # fmt: skip
