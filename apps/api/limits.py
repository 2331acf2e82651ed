"""How often may be asked, counted in Redis for each token or person and for each facility, by the minute.

While Redis is away each web process counts for itself, and the log says so (medvault/cache.py): nobody is kept out.
Answers say how much is left (draft-ietf-httpapi-ratelimit-headers).
"""

from dataclasses import dataclass
from time import time

from django.conf import settings
from django.core.cache import cache

WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left of the narrowest limit, and in how many seconds it begins anew."""

    policy: str
    limit: int
    used: int
    resets_in_s: int

    @property
    def is_over(self) -> bool:
        """Whether this request is one too many."""
        return self.used > self.limit

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of it."""
        left = max(self.limit - self.used, 0)
        told = {
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={WINDOW_S}',
            "RateLimit": f'"{self.policy}";r={left};t={self.resets_in_s}',
        }
        return told | ({"Retry-After": str(self.resets_in_s)} if self.is_over else {})


def count(*callers: str) -> Standing:
    """Count a request for each of them, such as "token:12"; how they stand now."""
    window, passed = divmod(int(time()), WINDOW_S)
    standings = [_counted(caller, window, WINDOW_S - passed) for caller in callers]
    return min(standings, key=lambda each: each.limit - each.used)


def _counted(caller: str, window: int, resets_in_s: int) -> Standing:
    policy = caller.partition(":")[0]
    key = f"api/{caller}/{window}"
    cache.add(key, 0, 2 * WINDOW_S)
    try:
        used = cache.incr(key)
    except ValueError:  # the cache was emptied in between
        used = 1
    return Standing(policy, settings.API_REQUESTS_A_MINUTE[policy], used, resets_in_s)
