"""Background work of collections. The tables are the queues; a task only makes it sooner."""

import logging

from celery import shared_task
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.collection import interrupted, replication
from apps.vault.packs import sweep_dead_batches

SOON_S = 5
log = logging.getLogger(__name__)


@shared_task
def replicate_pending() -> None:
    """Give packs their second copy."""
    replication.replicate_pending()


@shared_task
def sweep_orphans() -> None:
    """Clear up what processes that died have left."""
    sweep_dead_batches()
    interrupted.close_interrupted()


def announce_packs() -> None:
    """Ask a worker to copy new packs soon, once for all that come meanwhile. Without a broker the next beat does it."""
    try:
        if cache.add("packs-announced", value=True, timeout=SOON_S):
            replicate_pending.apply_async(countdown=SOON_S)
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); packs are copied at the next beat", type(error).__name__)
