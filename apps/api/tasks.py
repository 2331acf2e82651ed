"""Background work of the REST API."""

from celery import shared_task

from apps.api import idempotency
from apps.core.clock import database_now


@shared_task
def forget_answers() -> None:
    """Answers that were kept long enough."""
    idempotency.forget_answers(now=database_now())
