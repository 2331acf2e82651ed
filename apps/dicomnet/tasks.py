"""Background work of the DICOM network. The tables are the queues."""

from celery import shared_task

from apps.dicomnet import delivering, printing, pulling


@shared_task
def pull_due() -> None:
    """Fetch from the sources whose time has come."""
    pulling.pull_due()


@shared_task(queue="default")
def print_due() -> None:
    """Print the film that is to be printed. It takes minutes: what comes in does not wait for it."""
    printing.print_due()


@shared_task(queue="default")
def deliver_due() -> None:
    """Send what was dispatched to nodes. It may take hours: what comes in does not wait for it."""
    delivering.deliver_due()
