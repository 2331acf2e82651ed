"""What Stripe says of a PaymentIntent, applied to our attempt: whatever the order, however often."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, record
from apps.billing.cards.gateway import Dispute, Intent, Status
from apps.billing.errors import PaymentRefused
from apps.billing.models import AttemptState, Invoice, PaymentAttempt, PaymentMethod
from apps.billing.models.payments import HOLDING
from apps.billing.settling import locked_invoice, record_payment
from apps.billing.telling import tell_of_refusal
from apps.core.clock import day_of
from apps.core.money import from_steps, in_steps
from apps.facilities.tenancy import as_center

_STATES = {
    Status.SUCCEEDED: AttemptState.SUCCEEDED,
    Status.DECLINED: AttemptState.DECLINED,
    Status.NEEDS_ACTION: AttemptState.NEEDS_ACTION,
    Status.PROCESSING: AttemptState.BEGUN,
}


def key_of(attempt: PaymentAttempt) -> str:
    """The idempotency key: the row's id, and its time, for ids begin anew where a database is restored."""
    return f"attempt-{attempt.pk}-{int(attempt.begun_at.timestamp())}"


def metadata_of(attempt: PaymentAttempt, invoice: Invoice) -> dict[str, str]:
    """What Stripe keeps with the payment: ids alone, never names."""
    return {
        "attempt": str(attempt.pk), "invoice": str(invoice.pk), "number": invoice.number,
        "facility": str(invoice.facility_id),
    }  # fmt: skip


def attempt_of(intent: Intent) -> PaymentAttempt | None:
    """Our attempt, by its PaymentIntent or, where that answer was lost, by what Stripe keeps with it."""
    if found := PaymentAttempt.objects.filter(payment_intent=intent.id).exclude(payment_intent="").first():
        return found
    key = intent.metadata.get("attempt", "")
    facility = intent.metadata.get("facility", "")
    if not (key.isdecimal() and facility.isdecimal() and len(key) < 19 and len(facility) < 19):
        return None
    return PaymentAttempt.objects.filter(pk=int(key), facility_id=int(facility), payment_intent="").first()


def apply_intent(attempt: PaymentAttempt, intent: Intent, *, now: datetime) -> None:
    """Note how far it is, record what came and what went back. Within the caller's transaction, as the center.

    Raises PaymentRefused where the PaymentIntent is not the attempt's.
    """
    invoice = locked_invoice(Invoice(pk=attempt.invoice_id, facility_id=attempt.facility_id))
    current = PaymentAttempt.objects.get(facility_id=attempt.facility_id, pk=attempt.pk)
    _check(current, invoice, intent)
    _note(current, _STATES[intent.status], intent.failure, now, payment_intent=intent.id)
    if intent.status != Status.SUCCEEDED:
        return
    _record(invoice, intent.id, intent.amount, now)
    for refund in intent.refunds:
        _record(invoice, refund.id, -refund.amount, now)
        if refund.has_failed:
            _record(invoice, f"{refund.id}/failed", refund.amount, now)


def apply_dispute(attempt: PaymentAttempt, dispute: Dispute, *, now: datetime) -> None:
    """Record what a bank took back, and gave again. Within the caller's transaction, as the center."""
    invoice = locked_invoice(Invoice(pk=attempt.invoice_id, facility_id=attempt.facility_id))
    if dispute.is_taken:
        _record(invoice, dispute.id, -dispute.amount, now)
    if dispute.is_won:
        _record(invoice, f"{dispute.id}/won", dispute.amount, now)


def give_up(attempt: PaymentAttempt, *, why: str, now: datetime) -> None:
    """Nothing was taken, and nothing will be."""
    with as_center():
        locked_invoice(Invoice(pk=attempt.invoice_id, facility_id=attempt.facility_id))
        current = PaymentAttempt.objects.get(facility_id=attempt.facility_id, pk=attempt.pk)
        if current.state == AttemptState.BEGUN:
            _note(current, AttemptState.DECLINED, why, now)


def _check(attempt: PaymentAttempt, invoice: Invoice, intent: Intent) -> None:
    is_ours = attempt.payment_intent in {"", intent.id} and intent.metadata.get("attempt") == str(attempt.pk)
    if not is_ours or (intent.amount, intent.currency) != (
        in_steps(attempt.amount, invoice.currency),
        invoice.currency,
    ):
        raise PaymentRefused(_("The PaymentIntent is not the attempt's"))


def _note(
    attempt: PaymentAttempt, state: AttemptState, failure: str, now: datetime, *, payment_intent: str = ""
) -> None:
    attempt.payment_intent = payment_intent or attempt.payment_intent
    if _may_become(attempt, state):
        attempt.state, attempt.failure = state, "" if state in HOLDING else failure[:100]
        attempt.answered_at = None if state == AttemptState.BEGUN else now
        if state != AttemptState.BEGUN:
            record(f"card.{state}", actor=SYSTEM, object_type="invoice", object_id=attempt.invoice_id,
                   facility_id=attempt.facility_id, attempt=attempt.pk, why=attempt.failure)  # fmt: skip
        if state not in HOLDING:
            tell_of_refusal(attempt)
    attempt.save(update_fields=["payment_intent", "state", "failure", "answered_at"])


def _may_become(attempt: PaymentAttempt, state: AttemptState) -> bool:
    """What Stripe said later, heard earlier, stays: success is final, and a refusal is not taken for unanswered again.

    Money that comes from an attempt after its refusal, while another holds the invoice, is recorded all the same.
    """
    if attempt.state in {state, AttemptState.SUCCEEDED}:
        return False
    if attempt.state == AttemptState.BEGUN:
        return True
    others = PaymentAttempt.objects.filter(
        facility_id=attempt.facility_id, invoice_id=attempt.invoice_id, state__in=HOLDING
    )
    return state == AttemptState.SUCCEEDED and not others.exclude(pk=attempt.pk).exists()


def _record(invoice: Invoice, reference: str, amount: int, now: datetime) -> None:
    with transaction.atomic():
        record_payment(
            invoice, method=PaymentMethod.CARD, amount=from_steps(amount, invoice.currency), currency=invoice.currency,
            paid_on=day_of(now, invoice.facility.time_zone), reference=reference, actor=SYSTEM, now=now,
        )  # fmt: skip
