"""The Celery application; tasks live in the apps' `tasks.py`."""

import os
import time
from contextlib import ExitStack
from typing import Any

from celery import Celery, signals
from django.conf import settings

from apps.core import request_ids

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")

app = Celery("medvault", task_cls="medvault.outward:HeldTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

_REQUEST_ID = "request_id"
_running: dict[str, tuple[ExitStack, float]] = {}


@signals.setup_logging.connect
def _keep_logging(**_: Any) -> None:
    """Celery would set up logging of its own."""
    from medvault.logs.configuring import configure  # noqa: PLC0415 settings import this module's package

    configure(settings.LOGGING)


@signals.before_task_publish.connect
def _hand_on(headers: dict[str, Any], **_: Any) -> None:
    """A task goes on under the id of the request that asked for it."""
    headers.setdefault(_REQUEST_ID, request_ids.current())


@signals.task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    entered = ExitStack()
    entered.enter_context(request_ids.entered(task.request.get(_REQUEST_ID) or ""))
    _running[task_id] = entered, time.perf_counter()


@signals.task_postrun.connect
def _end(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    from medvault.metrics import meters  # noqa: PLC0415 it reads where metrics lie, which the settings say

    if started := _running.pop(task_id, None):
        entered, began = started
        meters.TASKS.labels(task.name, (state or "unknown").lower()).inc()
        meters.TASK_DURATIONS.labels(task.name).observe(time.perf_counter() - began)
        entered.close()


@signals.heartbeat_sent.connect
def _worker_lives(**_: Any) -> None:
    from medvault.heard import note  # noqa: PLC0415 likewise

    queues = app.amqp.queues.consume_from.values()
    note(*(f"queue:{getattr(queue, 'alias', None) or queue.name}" for queue in queues))


@signals.beat_init.connect
def _watch_beat(**_: Any) -> None:
    from medvault.heard import note  # noqa: PLC0415 likewise

    note("beat")  # its first task may be a minute away
    signals.after_task_publish.connect(lambda **_: note("beat"), weak=False)
