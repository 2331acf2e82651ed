"""Studies of an order cannot be deleted until it ends: a hold on each, whose reason is the order's number."""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.holds import place_holds, release_holds
from apps.catalog.models import HoldKind
from apps.orders.errors import NothingChosen
from apps.orders.models import Order
from apps.orders.ordered import items_of, studies_of_order


def hold_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Hold them all. Raises NothingChosen where one is gone since the quote, HoldRefused."""
    studies = list(studies_of_order(order).order_by("pk").only("pk"))
    if len(studies) < items_of(order).values("study_instance_uid").distinct().count():
        raise NothingChosen(_("Something of this was deleted since the quote: ask for another one"))
    place_holds(order.facility_id, studies, kind=HoldKind.ORDER, reason=str(order), actor=actor, now=now, by=by)


def release_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Let go of what the order held."""
    release_holds(
        order.facility_id, studies_of_order(order), kind=HoldKind.ORDER, reason=str(order), actor=actor, now=now, by=by
    )
