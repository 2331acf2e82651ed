"""Background work of what the center shows of itself. The tables are the queues; a task only makes it sooner."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.core.clock import database_now
from apps.evidence import checkpoints, earlier_receipts, holdings, reporting

log = logging.getLogger(__name__)


@shared_task
def sum_up_holdings() -> None:
    """Sums of facilities too large to be counted for every page."""
    holdings.sum_up(now=database_now())


@shared_task
def checkpoint_logs() -> None:
    """Signed heads of the facilities' logs. What is put on record now is covered by the next ones."""
    earlier_receipts.record_earlier_receipts()
    checkpoints.checkpoint_all(now=database_now())


@shared_task
def make_reports() -> None:
    """Evidence reports that are wanted."""
    reporting.make_due(now=database_now())


def announce_report() -> None:
    """Ask a worker to make it now. Without a broker the next beat does it."""
    try:
        make_reports.delay()
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); reports are made at the next beat", type(error).__name__)
