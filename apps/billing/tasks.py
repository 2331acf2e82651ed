"""Background work of billing. The tables are the queues."""

from celery import shared_task

from apps.billing.cards import charging, offered, webhooks
from apps.core.clock import database_now


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
