"""Asking workers now for what the beat would come to anyway: people are told at once, an idle center asks nothing."""

import logging
from functools import partial

from celery import current_app
from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

HAND_ON = "apps.notifications.tasks.hand_on"
MAIL = "apps.notifications.tasks.mail_letters"
DELIVER = "apps.notifications.tasks.deliver"
SOON_S = 2
log = logging.getLogger(__name__)


def announce(task: str) -> None:
    """Have a worker do it soon, once for all that comes meanwhile. Without a broker the next beat does it."""
    try:
        if cache.add(f"announced/{task}", value=True, timeout=SOON_S):
            current_app.send_task(task, countdown=SOON_S)
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); people are told at the next beat", type(error).__name__)


def announce_on_commit(task: str) -> None:
    """Once the caller's transaction has committed."""
    transaction.on_commit(partial(announce, task), robust=True)
