"""How far a production is, for those who wait for it. It is told in the cache: to lose it loses nothing.

What a terminal has of a restore is a row: it said so.
"""

from collections.abc import Callable

from django.core.cache import cache

from apps.core.how_far import HowFar
from apps.orders.models import Arrival, Order, OrderKind, PrintJob, State
from apps.tiers.models import Item

STEP = 8 * 1024 * 1024
FORGOTTEN_AFTER_S = 3600


class Progress:
    """Counts the bytes of an order that is produced; `watch` ends it where nobody waits for it any more."""

    def __init__(self, order: Order, watch: Callable[[], None]) -> None:
        self._order, self._watch, self._done, self._told = order, watch, 0, 0

    def __call__(self, added: int) -> None:
        self._done += added
        if self._done - self._told >= STEP:
            self._told = self._done
            cache.set(_key(self._order), self._done, FORGOTTEN_AFTER_S)
        self._watch()


def progress_of(order: Order) -> HowFar | None:
    """The bytes of an order that is produced, the sheets of one that is printed, the files of one that is restored;
    None of all others.
    """
    if order.state == State.PRODUCING:
        begun = order.steps.filter(facility_id=order.facility_id, state=State.PRODUCING).order_by("-pk").first()
        return HowFar(cache.get(_key(order), 0), max(order.size_bytes, 1), begun.at if begun else None)
    if order.state == State.DISPATCHED:
        arrival = arrival_of(order)
        return HowFar(arrival.files, arrival.total_files, arrival.begun_at) if arrival else None
    if order.state != State.READY:
        return None
    jobs = PrintJob.objects.filter(facility_id=order.facility_id, order=order, printed_at=None)
    job = jobs.order_by("-pk").first()
    return HowFar(job.printed, _sheets(order), job.requested_at) if job else None


def arrival_of(order: Order) -> Arrival | None:
    """What a terminal has of what lies ready for it, once it has told."""
    if order.kind != OrderKind.RESTORE:
        return None
    number = order.outputs.filter(facility_id=order.facility_id).order_by("-number").values("number")[:1]
    return order.arrivals.filter(facility_id=order.facility_id, production=number).first()


def _sheets(order: Order) -> int:
    """Sheets of one copy, as they were quoted."""
    quoted = order.lines.filter(facility_id=order.facility_id, item=Item.FILM).first()
    return int(quoted.quantity) // int(order.options.get("copies") or 1) if quoted else 0


def _key(order: Order) -> str:
    return f"order-progress/{order.pk}"
