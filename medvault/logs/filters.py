"""What must not stand in a log: paths, and what libraries tell of what they were given."""

import logging
from typing import Any

from django.http import HttpRequest

from medvault.logs.errors import described


class WithoutValues(logging.Filter):
    """Rewrites the records of libraries that hold what somebody sent.

    Django names the path of each refused request: its route takes the place. Celery names arguments, results and texts
    of exceptions: none of them is left. Warnings quote values: only their kind is. An exception that is logged without
    its trace is described as one with it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] == "pydicom":  # it quotes what it reads, and sets its level itself
            return False
        request = getattr(record, "request", None)
        if isinstance(request, HttpRequest):
            record.msg, record.args = "%s %s: %s", (request.method, route_of(request), _status(record))
        elif record.name in {"celery.app.trace", "celery.worker.request"} and isinstance(record.args, dict):
            record.msg, record.args = "Task %s[%s] %s", _task(record.args)
        elif record.name == "py.warnings":
            record.msg, record.args = "A library warned: %s", (_kind_of_warning(record),)
        elif record.name == "django.security.DisallowedHost":
            record.msg, record.args = "A host that is not in ALLOWED_HOSTS was asked for", ()
        elif isinstance(record.args, tuple):
            record.args = tuple(described(each) if isinstance(each, BaseException) else each for each in record.args)
        return True


def route_of(request: HttpRequest) -> str:
    """The name of a request's address, never the path: anybody may write anything into that."""
    match = request.resolver_match
    return (match.view_name or match.route) if match else "unknown"


def _status(record: logging.LogRecord) -> str:
    return str(getattr(record, "status_code", "refused"))


def _task(told: dict[str, Any]) -> tuple[str, str, str]:
    if "runtime" in told:
        return str(told.get("name")), str(told.get("id")), f"succeeded in {float(told['runtime']):.3f} s"
    return str(told.get("name")), str(told.get("id")), str(told.get("description", "is tried again"))


def _kind_of_warning(record: logging.LogRecord) -> str:
    """`…/site-packages/pydicom/valuerep.py:440: UserWarning` of Python's text about a warning."""
    return ":".join(record.getMessage().split(":", 3)[:3])[:300]
