"""Background work of the vault. The table is the queue."""

from celery import shared_task
from django.conf import settings

from apps.vault.budget import Budget
from apps.vault.fixity import Sweep, sweep


@shared_task
def verify_packs() -> None:
    """Read again what is due, as far as one run may."""
    sweep(Sweep.of(), Budget(nbytes=settings.FIXITY_RUN_BYTES, seconds=settings.FIXITY_RUN_SECONDS))
