"""Taking card payments. Attempts are on record before Stripe is asked: an answer that is lost is asked for again."""

import logging
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, Actor, record
from apps.billing.cards.gateway import Gateway
from apps.billing.cards.intents import apply_intent, give_up, key_of, metadata_of
from apps.billing.errors import GatewayUnavailable, PaymentRefused, UnknownToGateway
from apps.billing.models import AttemptState, BillingAccount, Invoice, InvoiceKind, PaymentAttempt, PaymentMethod
from apps.billing.models.invoices import OPEN
from apps.billing.models.payments import HOLDING
from apps.billing.settling import locked_invoice, open_amount
from apps.contracts.agreeing import version_of
from apps.core.money import in_steps
from apps.facilities.tenancy import as_center

ANSWERS_WITHIN = timedelta(minutes=2)
KEYS_LAST = timedelta(hours=23)
MOST_A_DAY = 5
log = logging.getLogger(__name__)


def charge_due(gateway: Gateway, *, now: datetime) -> int:
    """Take what is due from the cards of those who pay by card; how many attempts were made. Outside of a transaction.

    Several workers may run it: whoever holds an invoice makes its attempt, and the others pass on.
    """
    with as_center():
        due = [Invoice(pk=pk, facility_id=facility) for pk, facility in _by_card().values_list("pk", "facility_id")]
    return sum(_charge(invoice, gateway, now=now) for invoice in due)


def pay_now(invoice: Invoice, *, gateway: Gateway, actor: Actor, now: datetime) -> PaymentAttempt:
    """Take what is open at once, because a person asks for it. Outside of a transaction. Raises PaymentRefused."""
    with as_center():
        attempt = _begin(locked_invoice(invoice), actor=actor, now=now)
    ask(attempt, gateway, now=now)
    with as_center():
        return PaymentAttempt.objects.get(pk=attempt.pk)


def ask(attempt: PaymentAttempt, gateway: Gateway, *, now: datetime) -> None:
    """Have Stripe take the attempt's amount, or say again what became of it. Outside of a transaction."""
    with as_center():
        invoice = Invoice.objects.get(facility_id=attempt.facility_id, pk=attempt.invoice_id)
    try:
        intent = gateway.take(
            key=key_of(attempt), amount=in_steps(attempt.amount, invoice.currency), currency=invoice.currency,
            customer=attempt.customer, payment_method=attempt.payment_method, metadata=metadata_of(attempt, invoice),
        )  # fmt: skip
    except GatewayUnavailable as error:
        log.warning("Attempt %s is unanswered: %s", attempt.pk, error.message)
    except (PaymentRefused, UnknownToGateway) as error:
        give_up(attempt, why=error.message, now=now)
    else:
        with as_center():
            apply_intent(attempt, intent, now=now)


def resolve_unanswered(gateway: Gateway, *, now: datetime) -> None:
    """Find out what became of attempts whose answers were lost or are still to come. Outside of a transaction."""
    with as_center():
        begun = PaymentAttempt.objects.filter(state=AttemptState.BEGUN, begun_at__lte=now - ANSWERS_WITHIN)
        unanswered = list(begun.order_by("pk"))
    for attempt in unanswered:
        resolve(attempt, gateway, now=now)


def resolve(attempt: PaymentAttempt, gateway: Gateway, *, now: datetime) -> None:
    """As `resolve_unanswered`, for one. Stripe forgets keys after a day: from then on it is looked for, not asked."""
    if not attempt.payment_intent and now - attempt.begun_at < KEYS_LAST:
        ask(attempt, gateway, now=now)
        return
    try:
        if attempt.payment_intent:
            intent = gateway.fetch(attempt.payment_intent)
        elif found := gateway.find(
            customer=attempt.customer, since=attempt.begun_at - KEYS_LAST, attempt=str(attempt.pk)
        ):
            intent = gateway.fetch(found.id)
        else:
            give_up(attempt, why="Stripe was not reached", now=now)
            return
    except (GatewayUnavailable, UnknownToGateway) as error:
        log.warning("Attempt %s is unanswered: %s", attempt.pk, error.message)
        return
    with as_center():
        apply_intent(attempt, intent, now=now)


def _charge(invoice: Invoice, gateway: Gateway, *, now: datetime) -> bool:
    try:
        with as_center():
            locked = locked_invoice(invoice, waits=False)
            if not _is_time(locked, now=now):
                return False
            attempt = _begin(locked, actor=SYSTEM, now=now)
    except (Invoice.DoesNotExist, PaymentRefused):
        return False
    ask(attempt, gateway, now=now)
    return True


def _begin(invoice: Invoice, *, actor: Actor, now: datetime) -> PaymentAttempt:
    """An attempt on record, for an invoice that this transaction holds. Raises PaymentRefused."""
    account = BillingAccount.objects.filter(facility_id=invoice.facility_id).first()
    amount = open_amount(invoice)
    if invoice.kind != InvoiceKind.INVOICE or invoice.state not in OPEN or amount <= 0:
        raise PaymentRefused(_("Nothing is to be paid."))
    if account is None or not account.stripe_payment_method:
        raise PaymentRefused(_("There is no card."))
    made = PaymentAttempt.objects.filter(facility_id=invoice.facility_id, invoice=invoice)
    if made.filter(state__in=HOLDING).exists():
        raise PaymentRefused(_("The card is being charged, or was charged already."))
    if made.filter(begun_at__gt=now - timedelta(days=1)).count() >= MOST_A_DAY:
        raise PaymentRefused(_("The card was declined too often today. Please try again tomorrow."))
    attempt = PaymentAttempt.objects.create(
        facility_id=invoice.facility_id, invoice=invoice, amount=amount, begun_at=now,
        customer=account.stripe_customer, payment_method=account.stripe_payment_method,
    )  # fmt: skip
    record("card.charged", actor=actor, object_type="invoice", object_id=invoice.pk, facility_id=invoice.facility_id,
           attempt=attempt.pk)  # fmt: skip
    return attempt


def _by_card() -> QuerySet[Invoice]:
    """Open invoices of accounts that pay by card and are not being charged."""
    accounts = BillingAccount.objects.filter(
        facility_id=OuterRef("facility_id"), payment_method=PaymentMethod.CARD
    ).exclude(stripe_payment_method="")  # fmt: skip
    holding = PaymentAttempt.objects.filter(
        facility_id=OuterRef("facility_id"), invoice=OuterRef("pk"), state__in=HOLDING
    )
    found = Invoice.objects.filter(Exists(accounts), ~Exists(holding), state__in=OPEN, kind=InvoiceKind.INVOICE)
    return found.filter(gross__gt=0).order_by(F("due_on").asc(nulls_last=True), "pk")


def _is_time(invoice: Invoice, *, now: datetime) -> bool:
    """At once, and after a refusal again on the days of the contract's reminders, counted from the first attempt."""
    made = PaymentAttempt.objects.filter(facility_id=invoice.facility_id, invoice=invoice).order_by("pk")
    begun = list(made.values_list("begun_at", flat=True))
    if not begun:
        return True
    days = reminder_days(invoice)
    return len(begun) <= len(days) and now >= begun[0] + timedelta(days=days[len(begun) - 1])


def reminder_days(invoice: Invoice) -> list[int]:
    """After how many days the contract reminds, by the version that governs the day the invoice is due; ascending."""
    terms = version_of(invoice.contract, on=invoice.due_on) if invoice.due_on else None
    return sorted(terms.dunning_days) if terms else []
