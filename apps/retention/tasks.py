"""Background work of storage periods. The tables are the queues."""

import logging

from celery import shared_task
from celery.signals import worker_ready
from django.urls import reverse

from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell
from apps.retention import assessing, locking, notices, sweep, winding_up
from apps.retention.errors import ClocksDiffer
from apps.vault import object_lock
from apps.vault.errors import VaultUnavailable

log = logging.getLogger(__name__)


@shared_task
def assess_pending() -> None:
    """Give studies that came, or of which something was told, their floors."""
    assessing.assess_pending()


@shared_task
def lock_packs() -> None:
    """Where the vault lies in a bucket with Object Lock, have it refuse deletion before the floors have passed."""
    try:
        locking.lock_packs()
    except VaultUnavailable as error:
        log.error("Packs are not locked: %s", error.message)  # noqa: TRY400


@worker_ready.connect
def probe_locks(**_kwargs: object) -> None:
    """Once a worker has started: tell whether locks hold."""
    try:
        object_lock.probe_locks(now=database_now())
    except VaultUnavailable as error:
        log.error("Object Lock could not be tried: %s", error.message)  # noqa: TRY400


@shared_task
def sweep_retention() -> None:
    """What is due today."""
    try:
        sweep.sweep()
    except ClocksDiffer as error:
        log.error("No disposition: %s", error.message)  # noqa: TRY400
        _tell_of_clocks()


def _tell_of_clocks() -> None:
    with as_center():
        tell(Kind.STAFF_CLOCKS_DIFFER, facility=None, about=("sweep", ""), path=reverse("admin:retention_ending"),
             occasion=database_now().date())  # fmt: skip


@shared_task
def carry_out_approved() -> None:
    """Delete what facilities have approved since the last time, and finish what was begun."""
    sweep.carry_out_approved()


@shared_task
def close_contracts() -> None:
    """End the contracts under which nothing is left."""
    winding_up.close_due(now=database_now())


@shared_task
def give_notice() -> None:
    """Tell facilities what waits for their decision."""
    now = database_now()
    notices.give_notice(now=now)
    notices.note_told()
