"""How far a production is, for those who wait for it. It is told in the cache: to lose it loses nothing."""

from django.core.cache import cache

from apps.orders.models import Order

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


def percent_of(order: Order) -> int:
    """How much of an order is produced, 0 to 99."""
    done: int = cache.get(_key(order), 0)
    return min(99, done * 100 // max(order.size_bytes, 1))


def _key(order: Order) -> str:
    return f"order-progress/{order.pk}"
