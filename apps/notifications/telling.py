"""Telling people: a row of the outbox in the transaction of the act, which a worker hands on once that has committed
(docs/notifications.md).
"""

from datetime import date
from typing import Any

from django.db import transaction

from apps.facilities.models import Facility
from apps.notifications.announcing import HAND_ON, announce_on_commit
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification


def tell(
    kind: Kind,
    *,
    facility: Facility | int | None,
    about: tuple[str, object],
    due_on: date | None = None,
    path: str = "",
    facts: dict[str, Any] | None = None,
    occasion: object = "",
) -> None:
    """Tell whom the kind says of what happened to `about`, an object's type and id, within the caller's transaction.

    The same of the same object is told once, unless it is on another `occasion`. `path` is the page's address without
    the host; `facts` are what the kind's sentences name: numbers, days (`…_on`), names of things, nothing of a patient.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("People are told in the transaction of the act")
    object_type, object_id = about
    row = Notification(
        facility_id=facility.pk if isinstance(facility, Facility) else facility,
        kind=kind,
        object_type=object_type,
        object_id=str(object_id)[:80],
        occasion=str(occasion)[:64],
        path=path,
        due_on=due_on,
        facts=facts or {},
    )
    Notification.objects.bulk_create([row], ignore_conflicts=True)
    announce_on_commit(HAND_ON)
