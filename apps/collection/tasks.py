"""Background work of collections. The tables are the queues; a task only makes it sooner."""

import logging
import time
from contextlib import suppress

from celery import shared_task
from django.core.cache import cache
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.audit.record import SYSTEM
from apps.collection import handover, interrupted, receipt_mail, replication, stopping, uploads, watching
from apps.collection.models import Upload
from apps.collection.promises import pack_promised
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.vault.packs import sweep_dead_batches
from apps.vault.spool import sweep_passing_folders

SOON_S = 5
PASSING_S = 300
log = logging.getLogger(__name__)


@shared_task
def replicate_pending() -> None:
    """Give packs their second copy."""
    replication.replicate_pending()


@shared_task
def open_upload(key: int) -> None:
    """Open a sealed collection that has arrived whole."""
    if handover.open_upload(key):
        announce_packs()


@shared_task
def open_uploads() -> None:
    """See to it that every sealed collection that has arrived is opened."""
    for key in handover.uploads_to_open():
        open_upload.delay(key)


@shared_task
def open_again(key: int) -> None:
    """Open a sealed collection that was stopped, as staff want it."""
    with suppress(stopping.NotStopped), as_center():
        stopping.open_again(Upload.objects.get(pk=key), actor=SYSTEM, now=database_now())
    announce_upload(key)


@shared_task
def mail_receipts() -> None:
    """Mail receipts to the facilities that want them so."""
    receipt_mail.mail_receipts()


@shared_task
def watch_terminals() -> None:
    """Tell of terminals that are late or fill up."""
    watching.watch_terminals(now=database_now())


@shared_task
def sweep_orphans() -> None:
    """Finish or clear up what processes that died have left."""
    if pack_promised():
        announce_packs()
    sweep_dead_batches()
    sweep_passing_folders(before=time.time() - PASSING_S)
    interrupted.close_interrupted()
    uploads.drop_expired(now=database_now())


def announce_upload(key: int) -> None:
    """Ask a worker to open an upload now."""
    try:
        open_upload.delay(key)
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); the upload is opened at the next beat", type(error).__name__)


def announce_packs() -> None:
    """Ask a worker to copy new packs soon, once for all that come meanwhile. Without a broker the next beat does it."""
    try:
        if cache.add("packs-announced", value=True, timeout=SOON_S):
            replicate_pending.apply_async(countdown=SOON_S)
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); packs are copied at the next beat", type(error).__name__)
