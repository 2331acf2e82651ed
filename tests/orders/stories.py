"""Facilities that may order, and orders on their way, for the tests of orders."""

from datetime import UTC, date, datetime

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Hold, HoldKind, Study
from apps.contracts.models import Contract
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.models import Order, OrderKind, State
from apps.orders.ordering import draw_up, request
from apps.orders.producing import produce_due
from apps.orders.working import accept, dispatch, start_production
from apps.tiers.models import PriceList
from tests.contracts.stories import SOLD_FROM, in_force, price_list, tier_version

SOLD = {"base_fee": "20000", "download": "500"}


def may_order(facility: Facility, currency: str = "JPY", **prices: str) -> Contract:
    """A contract by which a download is ready in 48 hours, urgently in 4 at one and a half times the price."""
    made = price_list(tier_version(), currency, SOLD_FROM, **(prices or SOLD))
    with as_center():
        PriceList.objects.filter(pk=made.pk).update(urgent_factor="1.5")
        made.refresh_from_db()
    return in_force(facility, date(2020, 1, 1), made)


def studies(facility: Facility) -> list[Study]:
    with as_facility(facility):
        return list(Study.objects.order_by("pk"))


def quoted(facility: Facility, *choices: Choice, is_urgent: bool = False, at: datetime | None = None) -> Order:
    """A quote for these, or for all studies there are."""
    chosen = choices or [Choice(study.study_instance_uid) for study in studies(facility)]
    with as_facility(facility):
        return draw_up(facility, OrderKind.DOWNLOAD, chosen, is_urgent=is_urgent, actor=SYSTEM, now=at or now())


def requested(facility: Facility, *choices: Choice) -> Order:
    order = quoted(facility, *choices)
    with as_facility(facility):
        request(order, actor=SYSTEM, now=now())
    return order


def producing(facility: Facility, staff: User) -> Order:
    """An order that a worker is to produce."""
    order = requested(facility)
    start(order, staff)
    return order


def start(order: Order, staff: User) -> None:
    """Staff claim it and have it produced; where it was sent back, it is theirs already."""
    with as_center():
        if fresh(order).state == State.REQUESTED:
            accept(order, by=staff, actor=SYSTEM, now=now())
        start_production(order, by=staff, actor=SYSTEM, now=now())


def dispatched(facility: Facility, staff: User) -> Order:
    """An order whose output the facility may fetch."""
    order = requested(facility)
    fulfil(order, staff)
    return order


def produce(order: Order, staff: User) -> None:
    """What staff and a worker do with an order until its output lies ready."""
    start(order, staff)
    assert produce_due() == 1, fresh(order).problem


def fulfil(order: Order, staff: User) -> None:
    """The same, until the facility may fetch its output."""
    produce(order, staff)
    with as_center():
        dispatch(order, by=staff, actor=SYSTEM, now=now())


def state_of(order: Order) -> str:
    return fresh(order).state


def fresh(order: Order) -> Order:
    with as_center():
        return Order.objects.select_related("facility").get(pk=order.pk)


def held(facility: Facility) -> int:
    """How many studies orders hold."""
    with as_facility(facility):
        return Hold.objects.filter(kind=HoldKind.ORDER, released_at=None).count()


def way(order: Order) -> list[State]:
    """The states it went through."""
    with as_center():
        return [State(step.state) for step in order.steps.order_by("pk")]


def now() -> datetime:
    return database_now().astimezone(UTC)
