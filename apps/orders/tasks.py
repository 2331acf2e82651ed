"""Background work of orders. The tables are the queues; a task only makes it sooner."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.core.clock import database_now
from apps.orders import closing, producing

log = logging.getLogger(__name__)


@shared_task
def produce_due() -> None:
    """Make what is wanted."""
    producing.produce_due()


@shared_task
def close_due() -> None:
    """What time does to orders."""
    closing.close_due(now=database_now())


def announce_production() -> None:
    """Ask a worker to produce now. Without a broker the next beat does it."""
    try:
        produce_due.delay()
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); orders are produced at the next beat", type(error).__name__)
