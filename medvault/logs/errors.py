"""Exceptions as logs may show them: where and of which kind. What they say may hold what somebody sent."""

import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import Any

import psycopg

FRAMES, LIBRARIES = 12, "site-packages"
OURS = ("apps.", "medvault.")
log = logging.getLogger("medvault.uncaught")


def described(error: BaseException) -> str:
    """Its kind; with its sentence only where that is one of ours, which hold no patient data (apps/core/errors.py)."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if name.startswith(OURS):
        return f"{name}: {error}"
    if isinstance(error, psycopg.Error):
        # Before there is a connection, the text tells of servers alone; afterwards of rows.
        return f"{name} (SQLSTATE {error.sqlstate})" if error.sqlstate else f"{name}: {str(error).splitlines()[0]}"
    if isinstance(error, OSError) and error.errno is not None:
        return f"{name} (errno {error.errno})"
    return name


def frames(error: BaseException) -> list[str]:
    """Where it was raised: `file:line function`, the innermost last. Of libraries' frames only that one."""
    found = traceback.extract_tb(error.__traceback__)
    told = [frame for frame in found[:-1] if LIBRARIES not in frame.filename][-FRAMES:] + found[-1:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in told]


def chain(error: BaseException) -> list[BaseException]:
    """The exception and what it came of, the first cause last."""
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and at not in found:
        found.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return found


def log_uncaught() -> None:
    """Have what nobody catches logged, instead of printed with what it says."""
    sys.excepthook = _uncaught
    threading.excepthook = lambda told: _uncaught(told.exc_type, told.exc_value, told.exc_traceback)


def _uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> Any:
    if not issubclass(kind, KeyboardInterrupt) and error is not None:
        log.critical("A process or a thread ended", exc_info=(kind, error, trace))
