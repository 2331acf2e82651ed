"""Who is told what of invoices and of the proof."""

from datetime import date, datetime
from decimal import Decimal

from django.urls import reverse

from apps.billing.models import Invoice, Payment, PaymentAttempt
from apps.core.money import formatted
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell


def tell_of_issue(invoice: Invoice) -> None:
    """That an invoice or a credit note was issued."""
    _tell(Kind.INVOICE_FINALIZED, invoice, due_on=invoice.due_on, amount=formatted(invoice.gross, invoice.currency))


def tell_of_delay(invoice: Invoice, open_amount: Decimal, *, now: datetime) -> None:
    """That it is overdue: again, where money was taken back since."""
    _tell(Kind.INVOICE_OVERDUE, invoice, occasion=now.isoformat(timespec="seconds"), due_on=invoice.due_on,
          amount=formatted(open_amount, invoice.currency))  # fmt: skip


def tell_of_settlement(invoice: Invoice, payment: Payment) -> None:
    """That nothing of it is open any more, by this payment."""
    _tell(Kind.INVOICE_PAID, invoice, occasion=payment.pk)


def tell_of_refusal(attempt: PaymentAttempt) -> None:
    """That the card was not charged."""
    _tell(Kind.CARD_DECLINED, attempt.invoice, occasion=attempt.pk, due_on=attempt.invoice.due_on, page="card")


def tell_of_proof(*, now: datetime) -> None:
    """That the proof of that day found something."""
    tell(Kind.STAFF_BILLING_WRONG, facility=None, about=("billing", "proof"), occasion=f"{now:%Y-%m-%d}",
         path=reverse("admin:billing_proof"))  # fmt: skip


def _tell(
    kind: Kind, invoice: Invoice, *, occasion: object = "", due_on: date | None = None, page: str = "", **facts: str
) -> None:
    of_page = {} if page else {"invoice_id": invoice.pk}
    path = reverse(f"portal:{page or 'invoice'}", kwargs={"facility_slug": invoice.facility.slug} | of_page)
    tell(kind, facility=invoice.facility_id, about=("invoice", invoice.pk), occasion=occasion, due_on=due_on, path=path,
         facts={"number": invoice.number} | facts)  # fmt: skip
