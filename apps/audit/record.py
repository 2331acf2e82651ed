"""Recording an act in the audit trail."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from apps.audit.models import Event


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: kind `user`, `token`, `process`, `operator`, or `receiver` by a share link; `id` is a primary key (a
    receiver's is the link's) or a name of staff.
    """

    kind: str
    id: str
    source_address: str | None = None


SYSTEM = Actor("process", "medvault")


def record(
    action: str, *, actor: Actor, object_type: str, object_id: object, facility_id: int | None, **details: Any
) -> None:
    """Append one event within the caller's transaction; outside of one is a mistake of the caller."""
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("An audit event belongs to the transaction it records")
    Event.objects.bulk_create(
        [
            Event(
                facility_id=facility_id,
                actor_kind=actor.kind,
                actor_id=actor.id[:64],
                action=action,
                object_type=object_type,
                object_id=str(object_id)[:80],
                source_address=actor.source_address,
                details=details,
            )
        ]
    )
