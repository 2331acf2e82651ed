"""Who is told what of orders and share links."""

from datetime import datetime

from django.urls import reverse

from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.orders.models import Message, Node, Order, ShareLink, State, Step

_FACILITY = {
    State.ACCEPTED: Kind.ORDER_ACCEPTED,
    State.READY: Kind.ORDER_READY,
    State.DISPATCHED: Kind.ORDER_DISPATCHED,
    State.CANCELLED: Kind.ORDER_CANCELLED,
}


def tell_of_step(order: Order, step: Step, *, before: str, is_by_staff: bool) -> None:
    """That it has come into its state, from the state `before`."""
    state = State(order.state)
    if state == State.REQUESTED:
        _tell(Kind.STAFF_ORDER_REQUESTED, order, step.pk)
    elif state == State.ACCEPTED and before != State.REQUESTED:
        if not is_by_staff:
            _tell(Kind.STAFF_ORDER_FAILED, order, step.pk)
    elif state in _FACILITY and (state != State.CANCELLED or is_by_staff):
        _tell(_FACILITY[state], order, step.pk)


def tell_of_delivery(order: Order, *, occasion: str) -> None:
    """That the node did not take all of it, and staff must decide."""
    _tell(Kind.STAFF_ORDER_FAILED, order, occasion)


def tell_of_node(node: Node, *, now: datetime) -> None:
    """That it was tried in vain again and again; once a day."""
    tell(Kind.STAFF_NODE_UNREACHABLE, facility=node.facility_id, about=("node", node.pk), occasion=f"{now:%Y-%m-%d}",
         path=reverse("admin:orders_node_change", args=[node.pk]), facts={"node": str(node)})  # fmt: skip


def tell_of_message(message: Message) -> None:
    """Whom it is for."""
    kind = Kind.ORDER_ANSWERED if message.is_from_center else Kind.STAFF_ORDER_MESSAGE
    _tell(kind, message.order, message.pk)


def tell_of_link(link: ShareLink, *, is_locked: bool) -> None:
    """That it was opened for the first time, or is locked."""
    _tell(Kind.SHARE_LINK_LOCKED if is_locked else Kind.SHARE_LINK_OPENED, link.order, link.pk)


def _tell(kind: Kind, order: Order, occasion: object) -> None:
    if kind.is_for_staff:
        path = reverse("admin:orders_order_change", args=[order.pk])
    else:
        path = reverse("portal:order", kwargs={"facility_slug": order.facility.slug, "order_id": order.pk})
    tell(
        kind, facility=order.facility_id, about=("order", order.pk), occasion=occasion, path=path,
        facts={"number": str(order)}, due_on=order.due_at.date() if kind.is_for_staff and order.due_at else None,
    )  # fmt: skip
