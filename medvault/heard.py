"""When the processes that nobody calls were last heard from: workers by queue, and beat. It is told by the cache."""

import time

from django.core.cache import cache

EVERY_S = 15.0
KEPT_S = 7 * 86_400
_noted: dict[str, float] = {}


def note(*names: str) -> None:
    """Somebody lives; written at most every quarter of a minute."""
    for name in names:
        if time.monotonic() - _noted.get(name, -EVERY_S) >= EVERY_S:
            _noted[name] = time.monotonic()
            cache.set(f"heard:{name}", time.time(), KEPT_S)


def seconds_since(name: str) -> float | None:
    """How long ago; None where nothing was heard in a week."""
    at = cache.get(f"heard:{name}")
    return None if at is None else max(0.0, time.time() - at)
