"""Background work of storage periods. The tables are the queues."""

import logging

from celery import shared_task

from apps.retention import assessing, notices, sweep
from apps.retention.errors import ClocksDiffer

log = logging.getLogger(__name__)


@shared_task
def assess_pending() -> None:
    """Give studies that came, or of which something was told, their floors."""
    assessing.assess_pending()


@shared_task
def sweep_retention() -> None:
    """What is due today."""
    try:
        sweep.sweep()
    except ClocksDiffer as error:
        log.error("No disposition: %s", error.message)  # noqa: TRY400


@shared_task
def carry_out_approved() -> None:
    """Delete what facilities have approved since the last time, and finish what was begun."""
    sweep.carry_out_approved()


@shared_task
def mail_notices() -> None:
    """Tell facilities what waits for their decision."""
    notices.mail_notices()
