"""Settling invoices: what came and what went back, recorded once each under the invoice's lock."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.audit.record import Actor, record
from apps.billing.errors import PaymentRefused
from apps.billing.models import BankTransaction, Invoice, InvoiceKind, Payment, PaymentMethod, State
from apps.billing.models.invoices import OPEN
from apps.billing.telling import tell_of_settlement
from apps.contracts.agreeing import resume
from apps.contracts.models import Contract
from apps.core.money import formatted, rounded


def record_payment(
    invoice: Invoice, *, method: PaymentMethod, amount: Decimal, currency: str, paid_on: date, reference: str,
    actor: Actor, now: datetime, bank_transaction: BankTransaction | None = None,
) -> Payment:  # fmt: skip
    """Record money that came for an invoice, or went back (negative); once for a method and a reference.

    Within the caller's transaction, as the center. What comes in parts leaves the invoice open, what is too much leaves
    a negative `open_amount` for staff to give back. Raises PaymentRefused.
    """
    locked = locked_invoice(invoice)
    known = Payment.objects.filter(facility_id=locked.facility_id, method=method, reference=reference).first()
    if known is not None:
        if (known.invoice_id, known.amount) != (locked.pk, amount):
            raise PaymentRefused(
                _("%(reference)s is recorded with another amount or for another invoice") % {"reference": reference}
            )
        return known
    _check(locked, amount, currency)
    payment = Payment.objects.create(
        facility_id=locked.facility_id, invoice=locked, method=method, amount=amount, currency=currency,
        paid_on=paid_on, reference=reference, recorded_at=now, bank_transaction=bank_transaction,
    )  # fmt: skip
    record("payment.recorded", actor=actor, object_type="invoice", object_id=locked.pk, facility_id=locked.facility_id,
           payment=payment.pk, method=method, amount=str(amount), currency=currency)  # fmt: skip
    if settle(locked, actor=actor, now=now):
        tell_of_settlement(locked, payment)
    return payment


def settle(invoice: Invoice, *, actor: Actor, now: datetime) -> bool:
    """Bring the state of an invoice, which the caller holds, in line with what is open of it, credit notes included.

    Returns whether it is paid by that.
    """
    is_covered = open_amount(invoice) <= 0
    if is_covered and invoice.state in {*OPEN, State.WRITTEN_OFF}:
        _become(State.PAID, invoice, actor, now)
        _resume(invoice, actor, now)
        return True
    if not is_covered and invoice.state == State.PAID:
        _become(State.FINALIZED, invoice, actor, now)
    return False


def open_amount(invoice: Invoice) -> Decimal:
    """What is still to be paid of a finalized invoice; negative where too much was paid."""
    return open_amounts(invoice.facility_id, [invoice])[invoice.pk]


def open_amounts(facility_id: int, invoices: Sequence[Invoice]) -> dict[int, Decimal]:
    """The same of many invoices of one facility, by their ids."""
    keys = [each.pk for each in invoices]
    notes = Invoice.objects.filter(
        facility_id=facility_id, corrects__in=keys, kind=InvoiceKind.CREDIT_NOTE, finalized_at__isnull=False
    )
    credited = dict(notes.order_by().values_list("corrects").annotate(Sum("gross")))
    payments = Payment.objects.filter(facility_id=facility_id, invoice__in=keys)
    paid = dict(payments.order_by().values_list("invoice").annotate(Sum("amount")))
    return {
        each.pk: rounded(each.gross - abs(credited.get(each.pk, Decimal(0))) - paid.get(each.pk, 0), each.currency)
        for each in invoices
    }


def locked_invoice(invoice: Invoice, *, waits: bool = True) -> Invoice:
    """The invoice as it is now, held by this transaction; DoesNotExist where another has it and one does not wait."""
    rows = Invoice.objects.select_for_update(skip_locked=not waits)
    return rows.get(facility_id=invoice.facility_id, pk=invoice.pk)


def _check(invoice: Invoice, amount: Decimal, currency: str) -> None:
    if invoice.finalized_at is None or invoice.kind != InvoiceKind.INVOICE:
        raise PaymentRefused(_("Only finalized invoices are paid"))
    if currency != invoice.currency:
        raise PaymentRefused(
            _("%(number)s is in %(currency)s, the payment in %(other)s")
            % {"number": invoice.number, "currency": invoice.currency, "other": currency}
        )
    if not amount or amount != rounded(amount, currency):
        raise PaymentRefused(_("%(amount)s cannot be paid") % {"amount": formatted(amount, currency)})


def _become(state: State, invoice: Invoice, actor: Actor, now: datetime) -> None:
    invoice.advance(state, at=now)
    invoice.save(update_fields=["state", "settled_at"])
    action = "paid" if state == State.PAID else "opened_again"
    record(f"invoice.{action}", actor=actor, object_type="invoice", object_id=invoice.pk,
           facility_id=invoice.facility_id)  # fmt: skip


def _resume(invoice: Invoice, actor: Actor, now: datetime) -> None:
    """New outputs again, once nothing of the contract is overdue; not where staff stopped them."""
    contract = Contract.objects.get(facility_id=invoice.facility_id, pk=invoice.contract_id)
    overdue = Invoice.objects.filter(facility_id=contract.facility_id, contract=contract, state=State.OVERDUE)
    if contract.is_suspended and contract.suspended_by_id is None and not overdue.exists():
        resume(contract, actor=actor, now=now)
