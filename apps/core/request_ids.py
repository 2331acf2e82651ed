"""The id of what is being done for somebody: a request, an association, a task. Logs and refusals carry it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import uuid4

HEADER = "X-Request-ID"
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id; empty outside of any."""
    return _current.get()


@contextmanager
def entered(told: str = "") -> Iterator[str]:
    """Act under the id that was told, where it is a UUID with or without hyphens, and under a new one otherwise.

    Nothing else is taken: the id stands in logs, where a caller must not write what they like.
    """
    token = _current.set(told if _UUID.fullmatch(told) else uuid4().hex)
    try:
        yield _current.get()
    finally:
        _current.reset(token)
