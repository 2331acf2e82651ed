"""That money is where it belongs: what banks and Stripe told, against what is recorded as paid.

Nothing is changed. What is found is for staff.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.billing.cards.gateway import Gateway, Status
from apps.billing.errors import UnknownToGateway
from apps.billing.models import AttemptState, BankTransaction, Payment, PaymentAttempt, PaymentMethod, WebhookEvent
from apps.core.money import in_steps
from apps.facilities.tenancy import as_center

UNASSIGNED_FOR = timedelta(days=7)
UNHEARD_FOR = timedelta(days=1)
ASKED_BACK = timedelta(days=35)
"""How far back Stripe is asked every night."""
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Money that is not as it was recorded."""

    about: BankTransaction | PaymentAttempt | Payment | WebhookEvent
    what: str


def bank_mismatches(*, as_of: datetime) -> list[Mismatch]:
    """Transfers that wait too long, and those whose payments are another sum; within the caller's transaction."""
    found = BankTransaction.objects.annotate(paid=Coalesce(Sum("payments__amount"), NOTHING)).order_by("pk")
    waiting = found.filter(settled_at=None, imported_at__lt=as_of - UNASSIGNED_FOR)
    aside = Q(paid=NOTHING) & ~Q(note="")
    other = found.filter(settled_at__isnull=False).exclude(aside).exclude(paid=F("amount"))
    return [
        *(Mismatch(each, _("waits to be assigned")) for each in waiting),
        *(Mismatch(each, _("its payments are another sum")) for each in other),
    ]


def card_mismatches(*, as_of: datetime) -> list[Mismatch]:
    """What is on record of Stripe and is not of payments, or the other way round; within the caller's transaction."""
    by_card = Payment.objects.filter(method=PaymentMethod.CARD)
    paid = by_card.filter(facility_id=OuterRef("facility_id"), reference=OuterRef("payment_intent"))
    taken = PaymentAttempt.objects.filter(facility_id=OuterRef("facility_id"), payment_intent=OuterRef("reference"))
    attempts = PaymentAttempt.objects.order_by("pk")
    recorded = Coalesce(Subquery(paid.values("amount")[:1]), NOTHING)
    unpaid = attempts.filter(state=AttemptState.SUCCEEDED).exclude(amount=recorded)
    unheard = attempts.filter(state=AttemptState.BEGUN, begun_at__lt=as_of - UNHEARD_FOR)
    untaken = by_card.filter(~Exists(taken), amount__gt=0).order_by("pk")
    untaken = untaken.exclude(Q(reference__endswith="/won") | Q(reference__endswith="/failed"))
    unapplied = WebhookEvent.objects.filter(applied_at=None, received_at__lt=as_of - UNHEARD_FOR).order_by("pk")
    return [
        *(Mismatch(each, _("was taken and is not recorded as paid")) for each in unpaid),
        *(Mismatch(each, _("is recorded as paid and was not asked for")) for each in untaken),
        *(Mismatch(each, _("Stripe has not answered")) for each in unheard),
        *(Mismatch(each, _("was told by Stripe and is not applied")) for each in unapplied),
    ]


def stripe_mismatches(gateway: Gateway, *, as_of: datetime) -> list[Mismatch]:
    """Ask Stripe again about what it took lately. Outside of a transaction. Raises GatewayUnavailable."""
    with as_center():
        rows = PaymentAttempt.objects.filter(state=AttemptState.SUCCEEDED, begun_at__gte=as_of - ASKED_BACK)
        attempts = list(rows.select_related("invoice").order_by("pk"))
    return [Mismatch(each, what) for each in attempts if (what := _said_otherwise(gateway, each))]


def _said_otherwise(gateway: Gateway, attempt: PaymentAttempt) -> str:
    try:
        intent = gateway.fetch(attempt.payment_intent)
    except UnknownToGateway:
        return _("Stripe does not know it")
    invoice = attempt.invoice
    if intent.status != Status.SUCCEEDED or intent.amount != in_steps(attempt.amount, invoice.currency):
        return _("Stripe has not taken this amount")
    given = {each.id: -each.amount for each in intent.refunds if not each.has_failed}
    with as_center():
        of_invoice = Payment.objects.filter(facility_id=attempt.facility_id, invoice_id=attempt.invoice_id)
        known = of_invoice.filter(reference__in=given)
        recorded = {each.reference: in_steps(each.amount, invoice.currency) for each in known}
    return "" if recorded == given else _("Stripe has given back something that is not recorded")
