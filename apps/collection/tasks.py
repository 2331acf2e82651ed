"""Background work of collections. The tables are the queues; a task only makes it sooner."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.collection import interrupted, replication
from apps.vault.packs import sweep_dead_batches

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
    """Ask a worker to copy new packs now. Without a broker the next beat does it."""
    try:
        replicate_pending.delay()
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); packs are copied at the next beat", type(error).__name__)
