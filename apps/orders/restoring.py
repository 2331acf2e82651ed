"""Restores to terminals: what lies ready for them, and that it has arrived."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.orders.models import Order, OrderKind, Output, State
from apps.orders.ordering import complete
from apps.orders.outputs import offered_output


class ManifestDiffers(DomainError):
    """What was restored is of another manifest than what lies ready."""

    code = "manifest_differs"


def restores_of(facility: Facility, *, now: datetime) -> QuerySet[Order]:
    """Restores that a terminal may fetch now."""
    return Order.objects.filter(
        facility=facility, kind=OrderKind.RESTORE, state=State.DISPATCHED, offered_until__gt=now, options__node=None
    ).order_by("pk")


def restore_of(facility: Facility, uid: UUID, *, now: datetime) -> tuple[Order, Output] | None:
    """One of them, with its manifest."""
    order = restores_of(facility, now=now).select_related("facility").filter(uid=uid).first()
    output = offered_output(order, now=now) if order else None
    return (order, output) if order and output else None


def note_restored(order: Order, output: Output, *, manifest_sha256: str, actor: Actor, now: datetime) -> None:
    """A terminal has all of it, byte for byte: the order is completed. Raises ManifestDiffers, IllegalTransition."""
    if manifest_sha256 != bytes(output.sha256 or b"").hex():
        raise ManifestDiffers(_("This is not the manifest that lies ready now: restore again"))
    record("order.restored", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id,
           production=output.number)  # fmt: skip
    complete(order, actor=actor, now=now)
