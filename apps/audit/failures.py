"""Failures of background work, one row for each kind, for staff to see and to repeat.

Repeating is safe: tasks claim rows of tables, and what is done already is not done again.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from traceback import walk_tb
from typing import Any
from uuid import UUID

from celery import Task
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.audit.models import FailedTask
from apps.audit.record import Actor, record
from apps.core.errors import DomainError

KEPT_FOR = timedelta(days=30)
MOST_OPEN = 2_000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d(-\d\d)?")
_OURS = ("apps", "medvault")


class NotRepeatable(DomainError):
    """The task is not known any more, or was given what is not kept."""

    code = "not_repeatable"


class BrokerAway(DomainError):
    """Nobody took the task."""

    code = "broker_away"


def open_failures() -> QuerySet[FailedTask]:
    """What failed and has not succeeded since, the latest first."""
    return FailedTask.objects.filter(resolved_at=None).order_by("-last_failed_at", "-pk")


def failing_tasks() -> frozenset[str]:
    """The names of tasks of which a failure is open."""
    return frozenset(FailedTask.objects.filter(resolved_at=None).values_list("task", flat=True).distinct())


def note_failure(
    task: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    error: BaseException,
    *,
    request_id: str = "",
    now: datetime,
) -> None:
    """Count a failure of its kind, within the caller's transaction; what is old or too much goes."""
    arguments, is_repeatable = _kept(args, kwargs)
    kind: dict[str, Any] = {"task": task[:120], "arguments": arguments, "error": type(error).__qualname__[:120]}
    facts: dict[str, Any] = {
        "message": error.message[:300] if isinstance(error, DomainError) else "",
        "place": _place(error),
        "request_id": request_id[:64],
        "last_failed_at": now,
    }
    if not _count(kind, facts):
        try:
            with transaction.atomic():
                FailedTask.objects.create(**kind, **facts, is_repeatable=is_repeatable, first_failed_at=now)
        except IntegrityError:  # another worker failed of the same meanwhile
            _count(kind, facts)
    _trim(now)


def note_success(task: str, args: Sequence[Any], kwargs: Mapping[str, Any], *, now: datetime) -> None:
    """Resolve the failures of the same work, within the caller's transaction."""
    arguments, _is_repeatable = _kept(args, kwargs)
    FailedTask.objects.filter(task=task, arguments=arguments, resolved_at=None).update(resolved_at=now)


def repeat(failed: FailedTask, *, actor: Actor, now: datetime) -> None:
    """Have a worker do it again, within the caller's transaction. Raises NotRepeatable, BrokerAway."""
    task = _task(failed)
    try:
        task.apply_async(failed.arguments["args"], failed.arguments["kwargs"])
    except (OperationalError, RedisError) as error:
        raise BrokerAway(_("The broker does not answer; the next beat does what is due.")) from error
    failed.retried_at = now
    failed.save(update_fields=["retried_at"])
    record("failed_task.repeated", actor=actor, object_type="failed_task", object_id=failed.pk, facility_id=None,
           task=failed.task, error=failed.error)  # fmt: skip


def settle(failed: FailedTask, *, actor: Actor, now: datetime) -> None:
    """Staff have seen to it by other means: it waits for nobody any more, within the caller's transaction. What fails
    again is a row of its own.
    """
    failed.resolved_at = now
    failed.save(update_fields=["resolved_at"])
    record("failed_task.settled", actor=actor, object_type="failed_task", object_id=failed.pk, facility_id=None,
           task=failed.task, error=failed.error)  # fmt: skip


def _task(failed: FailedTask) -> "Task[Any, Any]":
    if failed.is_repeatable and failed.task.startswith("apps."):
        try:
            task = import_string(failed.task)
        except ImportError:
            task = None
        if isinstance(task, Task):
            return task
    raise NotRepeatable(_("This task cannot be repeated from here; what it is to do is done at the next beat."))


def _count(kind: dict[str, Any], facts: dict[str, Any]) -> bool:
    counted = FailedTask.objects.filter(**kind, resolved_at=None).update(times=F("times") + 1, **facts)
    return counted > 0


def _kept(args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """The arguments that are ids, dates or nothing, and whether those are all."""
    given = [*args, *kwargs.values()]
    are_ids = all(value is None or isinstance(value, int | UUID) or _is_id(value) for value in given)
    if not are_ids:
        return {"args": [], "kwargs": {}}, False
    return {"args": [_plain(value) for value in args], "kwargs": {name: _plain(kwargs[name]) for name in kwargs}}, True


def _is_id(value: object) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def _place(error: BaseException) -> str:
    """The innermost line of our own code: `apps/vault/places.py:120`."""
    here = Path(__file__).parents[2]
    found = ""
    for frame, line in walk_tb(error.__traceback__):
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(here) and (parts := path.relative_to(here)).parts[0] in _OURS:
            found = f"{parts.as_posix()}:{line}"
    return found[-160:]


def _trim(now: datetime) -> None:
    FailedTask.objects.filter(resolved_at__lt=now - KEPT_FOR).delete()
    too_many = list(open_failures().values_list("pk", flat=True)[MOST_OPEN : 2 * MOST_OPEN])
    if too_many:
        FailedTask.objects.filter(pk__in=too_many).delete()
