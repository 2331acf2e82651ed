"""Background work of notifications. The tables are the queues; what is announced only comes sooner."""

from celery import shared_task

from apps.core.clock import database_now
from apps.notifications import delivering, fan_out, mailing, trail
from apps.notifications.announcing import DELIVER, MAIL, announce


@shared_task
def hand_on() -> None:
    """From the outbox to readers."""
    if fan_out.fan_out(now=database_now()):
        announce(MAIL)
        announce(DELIVER)


@shared_task
def tell_of_access() -> None:
    """What the audit trail says of who and what may enter."""
    trail.tell_of_access(now=database_now())


@shared_task
def mail_letters() -> None:
    """Letters that are due."""
    mailing.mail_letters(now=database_now())


@shared_task
def deliver() -> None:
    """Messages to webhooks that are due: some of each at a time, until none is taken."""
    while delivering.deliver_due(now=database_now()):
        pass


@shared_task
def forget_old() -> None:
    """What nobody looks for any more."""
    fan_out.forget_old(now=database_now())
