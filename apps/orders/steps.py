"""An order's way from state to state: who, when, and what for. Every verb goes through here."""

from datetime import datetime
from typing import Any

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.orders.models import Order, State, Step
from apps.orders.telling import tell_of_step


def take_step(
    order: Order, state: State, *, actor: Actor, now: datetime, by: User | None = None, note: str = "", **changes: Any
) -> Order:
    """Bring the order into a state, with `changes` to its fields, within the caller's transaction.

    The row is held: of two who want the same, one comes too late. The caller's object says what the row says. Raises
    IllegalTransition.
    """
    current = held(order)
    before = current.state
    current.advance(state)
    for name, value in changes.items():
        setattr(current, name, value)
    current.save(update_fields=["state", *changes])
    step = note_step(current, actor=actor, now=now, by=by, note=note)
    tell_of_step(current, step, before=before, is_by_staff=by is not None and by.is_staff)
    for name in ("state", *changes):
        setattr(order, name, getattr(current, name))
    return current


def held(order: Order) -> Order:
    """The order as it is now, held by this transaction."""
    found = Order.objects.select_related("facility").select_for_update(of=("self",))
    return found.get(facility_id=order.facility_id, pk=order.pk)


def note_step(order: Order, *, actor: Actor, now: datetime, by: User | None, note: str = "") -> Step:
    """Write down that the order has come into its state."""
    step = Step.objects.create(
        facility_id=order.facility_id, order=order, state=order.state, at=now, by=by, note=note[:300]
    )
    record(
        f"order.{order.state}", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id,
        kind=order.kind,
    )  # fmt: skip
    return step
