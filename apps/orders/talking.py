"""Messages about an order between facility and center."""

from datetime import datetime

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.orders.models import Message, Order
from apps.orders.telling import tell_of_message


def write(order: Order, *, text: str, by: User | None, is_from_center: bool, actor: Actor, now: datetime) -> Message:
    """Add a message, within the caller's transaction. What it says stays out of the audit trail."""
    message = Message.objects.create(
        facility_id=order.facility_id, order=order, text=text, by=by, is_from_center=is_from_center, at=now
    )
    record("order.written_about", actor=actor, object_type="order", object_id=order.pk, facility_id=order.facility_id)
    tell_of_message(message)
    return message
