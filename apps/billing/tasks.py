"""Background work of billing. The tables are the queues: what was missed is made up for by the next task."""

import logging

from celery import shared_task
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from apps.audit.record import SYSTEM
from apps.billing import documents, dunning, invoicing, mailing, metering, money_proof, proof, run
from apps.billing.cards import charging, offered, telling, webhooks
from apps.billing.errors import GatewayUnavailable
from apps.billing.halting import is_halted
from apps.billing.telling import tell_of_proof
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center

AT_A_TIME = 5_000
log = logging.getLogger(__name__)


@shared_task
def run_due() -> None:
    """Close days, make the invoices of months that are over, and finalize drafts where that is left to us."""
    now = database_now()
    metering.meter_all(as_of=now)
    try:
        run.run_due(as_of=now)
    except DomainError as error:
        log.error("Nothing was billed: %s", error.message)  # noqa: TRY400
    if settings.BILLING_AUTO_FINALIZE and not is_halted():
        invoicing.finalize_due(by=None, actor=SYSTEM, now=now, limit=AT_A_TIME)


@shared_task
def mark_overdue() -> None:
    """Invoices whose day has passed."""
    with as_center():
        invoicing.mark_overdue(now=database_now())


@shared_task
def prove() -> None:
    """Rate closed months again, look for gaps, and ask Stripe again what it took."""
    now = database_now()
    found = proof.prove(as_of=now)
    if offered.is_offered():
        try:
            found.cards += money_proof.stripe_mismatches(offered.gateway(), as_of=now)
        except GatewayUnavailable as error:
            log.warning("Stripe was not asked again what it took: %s", error.message)
    if not found.is_clean:
        log.error("Billing does not prove right: %s", found.counts())
        with as_center():
            tell_of_proof(now=now)


@shared_task
def charge_cards() -> None:
    """Take what is due from cards, and find out what became of what was asked before."""
    if offered.is_offered():
        gateway, now = offered.gateway(), database_now()
        charging.resolve_unanswered(gateway, now=now)
        charging.charge_due(gateway, now=now)


@shared_task
def apply_webhooks() -> None:
    """Apply what Stripe has told."""
    if offered.is_offered():
        webhooks.apply_events(offered.gateway(), now=database_now())


@shared_task
def tell_of_cards() -> None:
    """Tell facilities whose cards were declined."""
    telling.tell_of_cards(now=database_now())


@shared_task
def dun() -> None:
    """Remind of what is overdue, and stop outputs where the contract says so."""
    dunning.dun(now=database_now())


@shared_task
def make_documents() -> None:
    """Make the documents of what has been finalized."""
    documents.make_documents()


@shared_task
def mail_invoices() -> None:
    """Send what has been finalized to whom it concerns."""
    mailing.mail_invoices()


def announce_run() -> None:
    """Ask a worker to go on now. Without a broker the beat does it within the hour."""
    try:
        run_due.delay()
    except (OperationalError, RedisError) as error:
        log.warning("The broker does not answer (%s); billing goes on within the hour", type(error).__name__)
