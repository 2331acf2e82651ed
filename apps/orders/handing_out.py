"""An order leaves the center: from now on the facility has it, and the first time, it is charged."""

from datetime import datetime, timedelta

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.orders.kinds import KINDS
from apps.orders.models import Order, State
from apps.orders.steps import take_step

OFFERED_FOR = timedelta(days=14)
"""How long what was produced can be fetched, unless it is chosen; then the order is completed and the file erased."""


def hand_out(order: Order, *, note: str, actor: Actor, now: datetime, by: User | None = None, **changes: str) -> None:
    """Within the caller's transaction. Raises IllegalTransition."""
    term = KINDS[order.kind].options.term(order.options) or OFFERED_FOR
    take_step(
        order, State.DISPATCHED, actor=actor, now=now, by=by, note=note, delivered_at=order.delivered_at or now,
        offered_until=now + term, **changes,
    )  # fmt: skip
