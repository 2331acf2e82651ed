"""What time does: quotes expire, orders whose term has passed are completed, files that nobody may fetch are erased."""

from datetime import datetime

from apps.audit.record import SYSTEM
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, State
from apps.orders.ordering import cancel, complete
from apps.orders.outputs import erasable, erase

AT_A_TIME = 500


def close_due(*, now: datetime) -> None:
    """Everything that is due. Safe to repeat; who is at it already is not waited for."""
    with as_center():
        free = Order.objects.select_for_update(skip_locked=True, of=("self",))
        for order in free.filter(state=State.QUOTED, valid_until__lte=now)[:AT_A_TIME]:
            cancel(order, reason="The quote has expired", actor=SYSTEM, now=now)
        for order in free.filter(state=State.DISPATCHED, offered_until__lte=now)[:AT_A_TIME]:
            complete(order, actor=SYSTEM, now=now)
    with as_center():
        for output in erasable(now=now).select_for_update(skip_locked=True, of=("self",))[:AT_A_TIME]:
            erase(output, now=now)
