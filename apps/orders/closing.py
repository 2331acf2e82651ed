"""What time does: quotes expire, orders whose term has passed are completed, files that nobody may fetch are erased.

So are the passwords of orders that have ended, and some time later their addresses.
"""

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_noop

from apps.audit.record import SYSTEM
from apps.facilities.tenancy import as_center
from apps.orders.models import ENDED, Order, OrderAddress, State, Step
from apps.orders.ordering import cancel, complete
from apps.orders.outputs import abandoned, erasable, erase
from apps.orders.passwords import forget_passwords

AT_A_TIME = 500
ADDRESS_KEPT = timedelta(days=90)
EXPIRED = gettext_noop("The quote has expired")
"""Noted with the order, and told in its reader's language."""


def close_due(*, now: datetime) -> None:
    """Everything that is due. Safe to repeat; who is at it already is not waited for."""
    with as_center():
        free = Order.objects.select_for_update(skip_locked=True, of=("self",))
        for order in free.filter(state=State.QUOTED, valid_until__lte=now)[:AT_A_TIME]:
            cancel(order, reason=EXPIRED, actor=SYSTEM, now=now)
        for order in free.filter(state=State.DISPATCHED, offered_until__lte=now)[:AT_A_TIME]:
            complete(order, actor=SYSTEM, now=now)
    with as_center():
        for outputs in (erasable(now=now), abandoned()):
            for output in outputs.select_for_update(skip_locked=True, of=("self",))[:AT_A_TIME]:
                erase(output, now=now)
    with as_center():
        _forget_addresses(now)
        forget_passwords(now=now)


def _forget_addresses(now: datetime) -> None:
    ended = Step.objects.filter(
        facility_id=OuterRef("facility_id"), order=OuterRef("order"), state__in=ENDED, at__lte=now - ADDRESS_KEPT
    )
    OrderAddress.objects.filter(Exists(ended), erased_at=None).update(name="", lines="", erased_at=now)
