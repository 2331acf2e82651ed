"""Background work of the DICOM network. The tables are the queues."""

from celery import shared_task

from apps.dicomnet import pulling


@shared_task
def pull_due() -> None:
    """Fetch from the sources whose time has come."""
    pulling.pull_due()
