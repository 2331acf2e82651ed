"""Giving back what a card has paid."""

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.billing.cards.gateway import Gateway, Intent
from apps.billing.cards.intents import apply_intent
from apps.billing.errors import PaymentRefused
from apps.billing.models import AttemptState, Payment, PaymentAttempt
from apps.core.money import formatted, from_steps, in_steps
from apps.facilities.tenancy import as_center


def refund(attempt: PaymentAttempt, amount: Decimal, *, gateway: Gateway, actor: Actor, now: datetime) -> None:
    """Give back some or all of what an attempt has taken. Outside of a transaction. Raises PaymentRefused.

    The key counts the refunds so far: an answer that was lost is seen, recorded, and not given a second time.
    """
    if attempt.state != AttemptState.SUCCEEDED:
        raise PaymentRefused(_("Nothing was taken by this attempt."))
    before = gateway.fetch(attempt.payment_intent)
    if _is_news(attempt, before, now=now):
        raise PaymentRefused(_("Stripe has given back something meanwhile: see what, and try again if need be."))
    given = sum(each.amount for each in before.refunds if not each.has_failed)
    steps = in_steps(amount, before.currency)
    if not 0 < steps <= before.amount - given:
        left = formatted(from_steps(before.amount - given, before.currency), before.currency)
        raise PaymentRefused(_("Up to %s can be given back.") % left)
    with as_center():
        record("card.refund_asked", actor=actor, object_type="invoice", object_id=attempt.invoice_id,
               facility_id=attempt.facility_id, attempt=attempt.pk, amount=str(amount))  # fmt: skip
    key = f"refund-{attempt.pk}-{int(attempt.begun_at.timestamp())}-{len(before.refunds)}"
    gateway.give_back(key=key, intent=attempt.payment_intent, amount=steps)
    _is_news(attempt, gateway.fetch(attempt.payment_intent), now=now)


def _is_news(attempt: PaymentAttempt, intent: Intent, *, now: datetime) -> bool:
    """Record what went back; whether something was not on record yet."""
    with as_center():
        on_record = Payment.objects.filter(facility_id=attempt.facility_id, invoice_id=attempt.invoice_id)
        before = on_record.count()
        apply_intent(attempt, intent, now=now)
        return on_record.count() > before
