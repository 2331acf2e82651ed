"""Secrets that open something for a while, kept in memory alone."""

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Passes(Generic[T]):
    """Threads share them. Of too many the oldest end."""

    seconds: float
    most: int = 1000
    _given: dict[str, tuple[float, T]] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def give(self, what: T) -> str:
        """A new secret that opens it."""
        secret = secrets.token_urlsafe(32)
        with self._lock:
            self._given[secret] = (time.monotonic() + self.seconds, what)
            while len(self._given) > self.most:
                self._given.pop(next(iter(self._given)))
        return secret

    def look(self, secret: str) -> T | None:
        """What it opens; None where it is unknown or over."""
        with self._lock:
            ends, what = self._given.get(secret, (0.0, None))
        return what if time.monotonic() < ends else None

    def use_up(self, secret: str) -> T | None:
        """The same, once."""
        what = self.look(secret)
        with self._lock:
            return what if self._given.pop(secret, None) else None
