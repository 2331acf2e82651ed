"""Deciding conflicts: both files stay where they are; what staff decide is on record."""

from django.utils import timezone

from apps.audit.record import Actor, record
from apps.catalog.models import Conflict
from apps.facilities.tenancy import as_center


def resolve_conflict(conflict: Conflict, *, actor: Actor) -> None:
    """Mark a conflict as decided; again it changes nothing."""
    with as_center():
        if Conflict.objects.filter(pk=conflict.pk, resolved_at=None).update(resolved_at=timezone.now()):
            record("conflict.resolved", actor=actor, object_type="conflict", object_id=conflict.pk,
                   facility_id=conflict.facility_id, kind=conflict.kind)  # fmt: skip
