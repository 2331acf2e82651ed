"""Studies of an order cannot be deleted until it ends: a hold on each, whose reason is the order's number."""

from datetime import datetime

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.holds import place_hold, release_hold
from apps.catalog.models import Hold, HoldKind
from apps.orders.choosing import studies_of
from apps.orders.errors import NothingChosen
from apps.orders.models import Order


def hold_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Hold them all. Raises NothingChosen where one is gone since the quote, HoldRefused."""
    items = list(order.items.filter(facility_id=order.facility_id))
    # One order for all: two orders of the same studies never wait for each other.
    studies = list(studies_of(order.facility_id, items).order_by("study_instance_uid"))
    if len(studies) < len({item.study_instance_uid for item in items}):
        raise NothingChosen("Something of this was deleted since the quote: ask for another one")
    for study in studies:
        place_hold(study, kind=HoldKind.ORDER, reason=str(order), actor=actor, now=now, by=by)


def release_studies(order: Order, *, actor: Actor, now: datetime, by: User | None) -> None:
    """Let go of what the order held."""
    studies = studies_of(order.facility_id, order.items.filter(facility_id=order.facility_id))
    held = Hold.objects.filter(
        facility_id=order.facility_id, study__in=studies, kind=HoldKind.ORDER, reason=str(order), released_at=None
    )
    for hold in held:
        release_hold(hold, by=by, actor=actor, now=now)
