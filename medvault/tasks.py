"""What becomes of tasks, written down for staff: failures, and the successes that resolve them.

Tasks succeed all the time and fail seldom. Which ones have open failures is read once a minute for everybody and kept
in the cache; a failure that comes meanwhile raises a flag there, which outlives what was read before. So a success
costs the database nothing where nothing failed.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Task
from celery.signals import task_failure, task_retry, task_success
from django.core.cache import cache
from django.db import Error

from apps.audit.failures import failing_tasks, note_failure, note_success
from apps.audit.models import FailedTask
from apps.core import request_ids
from apps.core.admin import list_of
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

FAILING = "failing-tasks"
READ_EVERY_S = 60
log = logging.getLogger(__name__)


@task_failure.connect
def failed(
    sender: "Task[Any, Any]", exception: BaseException, args: Any = (), kwargs: Any = None, **_more: object
) -> None:
    """A task raised what nobody caught. Administrators are told once a day for each kind of task."""
    _note(sender, args, kwargs, exception, is_over=True)


@task_retry.connect
def tried_again(sender: "Task[Any, Any]", request: Any, reason: object, **_more: object) -> None:
    """A task gave up for now and is tried again by itself."""
    error = reason if isinstance(reason, BaseException) else getattr(reason, "exc", None)
    if isinstance(error, BaseException):
        _note(sender, request.args, request.kwargs, error)


@task_success.connect
def succeeded(sender: "Task[Any, Any]", **_more: object) -> None:
    """A task did its work: what it failed of before is over."""
    request: Any = sender.request
    with _whatever_the_database_does():
        if _may_have_failed(sender.name):
            with as_center():
                note_success(sender.name, request.args or (), request.kwargs or {}, now=database_now())


def _note(task: "Task[Any, Any]", args: Any, kwargs: Any, error: BaseException, *, is_over: bool = False) -> None:
    with _whatever_the_database_does():
        with as_center():
            now = database_now()
            note_failure(task.name, args or (), kwargs or {}, error, request_id=request_ids.current(), now=now)
            if is_over:
                name = task.name.rsplit(".", 1)[-1]
                tell(Kind.STAFF_TASK_FAILED, facility=None, about=("task", name), occasion=now.date(),
                     path=list_of(FailedTask, resolved="no"), facts={"task": name})  # fmt: skip
        cache.set(_flag(task.name), value=True, timeout=2 * READ_EVERY_S)


def _may_have_failed(name: str) -> bool:
    failing: frozenset[str] | None = cache.get(FAILING)
    if failing is None:
        failing = _failing()
        cache.set(FAILING, failing, READ_EVERY_S)
    return name in failing or bool(cache.get(_flag(name)))


def _failing() -> frozenset[str]:
    with as_center():
        return failing_tasks()


def _flag(name: str) -> str:
    return f"failed-task/{name}"


@contextmanager
def _whatever_the_database_does() -> Iterator[None]:
    """A database that is away must not make a failure of a success; the worker's log has the error all the same."""
    try:
        yield
    except Error as error:
        log.warning("What became of a task was not written down (%s)", type(error).__name__)
