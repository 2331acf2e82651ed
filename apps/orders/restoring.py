"""Restores to terminals: what lies ready for them, how much of it a terminal has, and that all of it has arrived."""

from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.orders.manifest import claims_of
from apps.orders.models import Arrival, Order, OrderKind, Output, State
from apps.orders.ordering import complete
from apps.orders.outputs import offered_output, opened


class ManifestDiffers(DomainError):
    """What was restored is of another manifest than what lies ready."""

    code = "manifest_differs"


class NotSoMuch(DomainError):
    """More is told to have arrived than there is."""

    code = "not_so_much"


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


def note_arrived(
    order: Order, output: Output, *, manifest_sha256: str, files: int, size_bytes: int, now: datetime
) -> Arrival:  # fmt: skip
    """A terminal has so much of it, verified and synced. Raises ManifestDiffers, NotSoMuch."""
    _require_same(output, manifest_sha256)
    total_files, total_bytes = _totals(order, output)
    arrival = Arrival(
        facility_id=order.facility_id, order=order, production=output.number, files=files, total_files=total_files,
        size_bytes=size_bytes, total_bytes=total_bytes, begun_at=now, told_at=now,
    )  # fmt: skip
    if files > arrival.total_files or size_bytes > arrival.total_bytes:
        raise NotSoMuch(_("The manifest does not name so much"))
    Arrival.objects.bulk_create(
        [arrival], update_conflicts=True, unique_fields=["facility", "order", "production"],
        update_fields=["files", "size_bytes", "told_at"],
    )  # fmt: skip
    return arrival


def note_restored(order: Order, output: Output, *, manifest_sha256: str, actor: Actor, now: datetime) -> None:
    """A terminal has all of it, byte for byte: the order is completed. Raises ManifestDiffers, IllegalTransition."""
    _require_same(output, manifest_sha256)
    record("order.restored", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id,
           production=output.number)  # fmt: skip
    complete(order, actor=actor, now=now)


def _totals(order: Order, output: Output) -> tuple[int, int]:
    """How many files and bytes it is: as the manifest says, which is verified the first time that a terminal tells."""
    arrivals = Arrival.objects.filter(facility_id=order.facility_id, order=order, production=output.number)
    if known := arrivals.values_list("total_files", "total_bytes").first():
        return known
    with opened(output) as file:
        claims = claims_of(file)
    return claims["files"], claims["bytes"]


def _require_same(output: Output, manifest_sha256: str) -> None:
    if manifest_sha256 != bytes(output.sha256 or b"").hex():
        raise ManifestDiffers(_("This is not the manifest that lies ready now: restore again"))
