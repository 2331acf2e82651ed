"""What staff do with an order: claim it, have it produced, stop that, send it on; or send it back, to be done again."""

from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.orders.delivering import ask_delivery, call_off
from apps.orders.errors import IllegalTransition
from apps.orders.handing_out import hand_out
from apps.orders.kinds import KINDS
from apps.orders.models import Order, Output, State
from apps.orders.nodes import node_of
from apps.orders.outputs import file_name
from apps.orders.printing import require_printed
from apps.orders.steps import held, take_step


def accept(order: Order, *, by: User, actor: Actor, now: datetime) -> None:
    """Claim it. Of two who do, one comes too late. Raises IllegalTransition."""
    take_step(order, State.ACCEPTED, actor=actor, now=now, by=by, accepted_by=by)


def start_production(order: Order, *, by: User, actor: Actor, now: datetime) -> None:
    """Have it produced, or produced again: a worker does. Raises IllegalTransition."""
    current = take_step(order, State.PRODUCING, actor=actor, now=now, by=by, problem="")
    number = Output.objects.filter(facility_id=current.facility_id, order=current).count() + 1
    name = file_name(current, number, KINDS[current.kind].suffix)
    Output.objects.create(facility_id=current.facility_id, order=current, number=number, name=name, started_at=now)


def stop_production(order: Order, *, by: User, actor: Actor, now: datetime) -> None:
    """Leave off: a worker that is at it ends at the next image, and nothing of it stays. It can be produced again, or
    cancelled where it was not delivered before. Raises IllegalTransition.
    """
    if held(order).state != State.PRODUCING:
        raise IllegalTransition(_("It is not being produced any more"))
    take_step(order, State.ACCEPTED, actor=actor, now=now, by=by, note=_("Production was stopped"), problem="")


def send_back(order: Order, *, reason: str, actor: Actor, now: datetime, by: User | None = None) -> None:
    """It failed, or is to be done again: back to accepted. What was charged stays the one charge. Raises
    IllegalTransition.
    """
    take_step(order, State.ACCEPTED, actor=actor, now=now, by=by, note=reason, problem=reason[:300])
    call_off(order)


def dispatch(order: Order, *, tracking_number: str = "", actor: Actor, now: datetime, by: User | None = None) -> None:
    """It goes to the facility; the first time, it is charged. What goes to a node is only then dispatched when the node
    has it. Raises IllegalTransition, NotPrinted.
    """
    require_printed(order)
    if node := node_of(order):
        ask_delivery(order, node, by=by, actor=actor, now=now)
    else:
        hand_out(order, note=tracking_number, tracking_number=tracking_number, actor=actor, now=now, by=by)
