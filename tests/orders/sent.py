"""Nodes, and orders on their way to them or back home, for the tests of both."""

from typing import Any

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice
from apps.orders.kinds import KINDS
from apps.orders.models import Node, Order, OrderKind, State
from apps.orders.ordering import draw_up, request
from apps.orders.working import dispatch
from tests.orders.stories import fresh, now, produce, studies


def node(facility: Facility, name: str = "CLINIC", **fields: Any) -> Node:
    """A DICOM node, unless a URL is among its fields."""
    given: dict[str, Any] = {"via": "web"} if "url" in fields else {"ae_title": name, "address": "127.0.0.1"}
    if "url" not in fields:
        given["dicom_port"] = 1
    with as_center():
        return Node.objects.create(facility=facility, name=name, **(given | fields))


def ready(facility: Facility, staff: User, kind: OrderKind, *choices: Choice, **given: Any) -> Order:
    """An order that is produced, of these or of all studies; `given` is what its form was sent."""
    chosen = choices or [Choice(study.study_instance_uid) for study in studies(facility)]
    with as_facility(facility):
        options = KINDS[kind].options(facility, given or None)
        order = draw_up(facility, kind, chosen, options=options, is_urgent=False, actor=SYSTEM, now=now())
        request(order, actor=SYSTEM, now=now())
    produce(order, staff)
    return fresh(order)


def on_its_way(facility: Facility, staff: User, **given: Any) -> Order:
    """A transfer of all studies that a worker is to send."""
    order = ready(facility, staff, OrderKind.TRANSFER, **given)
    send(order, staff)
    return order


def send(order: Order, staff: User) -> None:
    with as_center():
        dispatch(order, by=staff, actor=SYSTEM, now=now())
    assert fresh(order).state in {State.READY, State.DISPATCHED}
