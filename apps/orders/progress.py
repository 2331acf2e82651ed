"""How far a production is, for those who wait for it. It is told in the cache: to lose it loses nothing."""

from django.core.cache import cache

from apps.core.how_far import HowFar
from apps.orders.models import Order, PrintJob, State
from apps.tiers.models import Item

STEP = 8 * 1024 * 1024
FORGOTTEN_AFTER_S = 3600


class Progress:
    """Counts the bytes of an order that is produced."""

    def __init__(self, order: Order) -> None:
        self._order, self._done, self._told = order, 0, 0

    def __call__(self, added: int) -> None:
        self._done += added
        if self._done - self._told >= STEP:
            self._told = self._done
            cache.set(_key(self._order), self._done, FORGOTTEN_AFTER_S)


def progress_of(order: Order) -> HowFar | None:
    """The bytes of an order that is produced, else the sheets of one that is printed; None of all others."""
    if order.state == State.PRODUCING:
        begun = order.steps.filter(facility_id=order.facility_id, state=State.PRODUCING).order_by("-pk").first()
        return HowFar(cache.get(_key(order), 0), max(order.size_bytes, 1), begun.at if begun else None)
    if order.state != State.READY:
        return None
    jobs = PrintJob.objects.filter(facility_id=order.facility_id, order=order, printed_at=None)
    job = jobs.order_by("-pk").first()
    return HowFar(job.printed, _sheets(order), job.requested_at) if job else None


def _sheets(order: Order) -> int:
    """Sheets of one copy, as they were quoted."""
    quoted = order.lines.filter(facility_id=order.facility_id, item=Item.FILM).first()
    return int(quoted.quantity) // int(order.options.get("copies") or 1) if quoted else 0


def _key(order: Order) -> str:
    return f"order-progress/{order.pk}"
