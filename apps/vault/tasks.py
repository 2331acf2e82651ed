"""Background work of the vault. The table is the queue."""

import logging

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.vault.budget import Budget
from apps.vault.fixity import Sweep, look_again, sweep

ONCE_IN_S = 15 * 60
log = logging.getLogger(__name__)


@shared_task
def verify_packs() -> None:
    """Read again what is due, as far as one run may."""
    sweep(Sweep.of(), Budget(nbytes=settings.FIXITY_RUN_BYTES, seconds=settings.FIXITY_RUN_SECONDS))


@shared_task
def verify_pack(key: int) -> None:
    """Read again a pack that somebody could not read."""
    look_again(key)


def announce_damage(key: int) -> None:
    """Ask a worker to verify a pack now, once for all who fail to read it. Without a broker it waits for its turn."""
    try:
        if cache.add(f"pack-damaged:{key}", value=True, timeout=ONCE_IN_S):
            verify_pack.delay(key)
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); pack %d is verified in its turn", type(error).__name__, key)
