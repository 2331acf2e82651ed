"""What becomes of tasks, written down for staff: failures, and the successes that resolve them."""

import logging
from collections.abc import Callable
from typing import Any

from celery import Task
from celery.signals import task_failure, task_retry, task_success
from django.db import Error

from apps.audit.failures import note_failure, note_success
from apps.core import request_ids
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center

log = logging.getLogger(__name__)


@task_failure.connect
def failed(
    sender: "Task[Any, Any]", exception: BaseException, args: Any = (), kwargs: Any = None, **_more: object
) -> None:
    """A task raised what nobody caught."""
    _written(lambda: _note(sender, args, kwargs, exception))


@task_retry.connect
def tried_again(sender: "Task[Any, Any]", request: Any, reason: object, **_more: object) -> None:
    """A task gave up for now and is tried again by itself."""
    error = reason if isinstance(reason, BaseException) else getattr(reason, "exc", None)
    if isinstance(error, BaseException):
        _written(lambda: _note(sender, request.args, request.kwargs, error))


@task_success.connect
def succeeded(sender: "Task[Any, Any]", **_more: object) -> None:
    """A task did its work: what it failed of before is over."""
    request: Any = sender.request
    _written(lambda: note_success(sender.name, request.args or (), request.kwargs or {}, now=database_now()))


def _note(task: "Task[Any, Any]", args: Any, kwargs: Any, error: BaseException) -> None:
    now = database_now()
    note_failure(task.name, args or (), kwargs or {}, error, request_id=request_ids.current(), now=now)


def _written(write: Callable[[], None]) -> None:
    """A database that is away must not make a failure of a success; the worker's log has the error all the same."""
    try:
        with as_center():
            write()
    except Error as error:
        log.warning("What became of a task was not written down (%s)", type(error).__name__)
