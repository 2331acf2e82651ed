"""Studies of an order cannot be deleted until it ends: a hold on each, whose reason is the order's number."""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.holds import place_holds, release_holds
from apps.catalog.models import HoldKind
from apps.orders.choosing import studies_of
from apps.orders.errors import NothingChosen
from apps.orders.models import Order


def hold_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Hold them all. Raises NothingChosen where one is gone since the quote, HoldRefused."""
    items = list(order.items.filter(facility_id=order.facility_id))
    studies = list(studies_of(order.facility_id, items).order_by("pk").only("pk"))
    if len(studies) < len({item.study_instance_uid for item in items}):
        raise NothingChosen(_("Something of this was deleted since the quote: ask for another one"))
    place_holds(order.facility_id, studies, kind=HoldKind.ORDER, reason=str(order), actor=actor, now=now, by=by)


def release_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Let go of what the order held."""
    studies = studies_of(order.facility_id, order.items.filter(facility_id=order.facility_id))
    release_holds(order.facility_id, studies, kind=HoldKind.ORDER, reason=str(order), actor=actor, now=now, by=by)
