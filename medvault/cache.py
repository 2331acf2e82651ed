"""The cache: Redis, and this process's memory for as long as Redis does not answer.

Limits on signing in are counted here. Without Redis each web process counts for itself: as many attempts as there are
processes times the limit, instead of none at all or no limit at all. A server that hangs is left alone for some
seconds, or each of the many questions of one request would wait for it.
"""

import logging
import time
from typing import Any, ClassVar

import redis
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)
MOST_ENTRIES = 20_000
LEFT_ALONE_S = 5.0


class RedisOrMemoryCache(BaseCache):
    """`LOCATION` is the URL of Redis. A server that is away is asked for a second at most, and then not for a while."""

    _asked_again_at: ClassVar[dict[str, float]] = {}
    """By server, on the clock of this process: each thread has a cache of its own."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._server = server
        options = {"socket_connect_timeout": 1, "socket_timeout": 1, "retry": Retry(NoBackoff(), 0)}
        self._redis = RedisCache(server, {"OPTIONS": options})
        self._memory = LocMemCache("while-redis-is-away", {"OPTIONS": {"MAX_ENTRIES": MOST_ENTRIES}})

    def _ask(self, operation: str, *arguments: Any) -> Any:
        if time.monotonic() >= self._asked_again_at.get(self._server, 0.0):
            try:
                return getattr(self._redis, operation)(*arguments)
            except redis.RedisError as error:
                self._asked_again_at[self._server] = time.monotonic() + LEFT_ALONE_S
                log.warning("The cache is this process's memory: Redis does not answer (%s)", type(error).__name__)
        return getattr(self._memory, operation)(*arguments)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._ask("add", key, value, timeout, version))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._ask("get", key, default, version)

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._ask("set", key, value, timeout, version)

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return bool(self._ask("touch", key, timeout, version))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return int(self._ask("incr", key, delta, version))

    def delete(self, key: Any, version: int | None = None) -> bool:
        return bool(self._ask("delete", key, version))

    def clear(self) -> None:
        self._ask("clear")
