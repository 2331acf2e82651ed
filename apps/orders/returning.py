"""The facility confirms that it has everything back, as its contract ends: it answers for its images from then on."""

from datetime import datetime

from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.models import Conflict, Instance, Study
from apps.contracts.agreeing import note_returned
from apps.contracts.models import Contract
from apps.core.errors import DomainError
from apps.orders.kinds.restore import ALL
from apps.orders.models import Order, OrderKind, State
from apps.orders.ordered import items_of
from apps.vault.models import Pack, PackKind


class NotReturned(DomainError):
    """Not everything that is stored has come back."""

    code = "not_returned"


def last_return_of(facility_id: int) -> Order | None:
    """The facility's latest restore of everything."""
    found = Order.objects.filter(facility_id=facility_id, kind=OrderKind.RESTORE, options__what=ALL)
    return found.exclude(state__in=[State.QUOTED, State.CANCELLED]).order_by("-pk").first()


def confirm_return(contract: Contract, *, by: User, actor: Actor, now: datetime) -> None:
    """Within the caller's transaction. Raises NotReturned, IllegalTransition."""
    order = last_return_of(contract.facility_id)
    if order is None or order.state != State.COMPLETED:
        raise NotReturned(_("Order a restore of everything first, and say that it has arrived"))
    if _came_after(order):
        raise NotReturned(_("Images came after %(order)s: order another restore of everything") % {"order": order})
    note_returned(contract, actor=actor, now=now, by=by)


def _came_after(order: Order) -> bool:
    """Whether anything is stored that the order did not count. What was on its way into the catalog while it was quoted
    may have older marks than what it counted: so studies are counted, too.
    """
    facility_id = order.facility_id
    studies = Study.objects.filter(facility_id=facility_id)
    newer = (
        studies.filter(updated_at__gt=order.quoted_at),
        studies.exclude(study_instance_uid__in=items_of(order).values("study_instance_uid")),
        Instance.objects.filter(facility_id=facility_id, pk__gt=order.newest_counted),
        Conflict.objects.filter(facility_id=facility_id, raised_at__gt=order.quoted_at),
        Pack.objects.filter(facility_id=facility_id, kind=PackKind.QUARANTINE, created_at__gt=order.quoted_at),
    )
    stored = studies.aggregate(images=Sum("instance_count", default=0))["images"]
    return any(found.exists() for found in newer) or stored > order.instance_count
