"""Importing statements, and assigning what came: by the invoice's number, or by staff.

Each within the caller's transaction, as the center.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils.translation import gettext as _

from apps.audit.record import SYSTEM, Actor, record
from apps.billing.bank.matching import by_plain_number, invoices_named
from apps.billing.bank.statement import Credit
from apps.billing.errors import PaymentRefused
from apps.billing.models import BankTransaction, Invoice, InvoiceKind, Payment, PaymentMethod, State
from apps.billing.models.invoices import OPEN
from apps.billing.settling import locked_invoice, open_amount, record_payment
from apps.core.money import formatted


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would become of a credit: the invoice that it pays, or why staff must look."""

    credit: Credit
    invoice: Invoice | None
    why: str
    is_known: bool


def propose(found: Sequence[Credit]) -> list[Proposal]:
    """What an import would do."""
    open_ones = _open_invoices()
    alike = BankTransaction.objects.filter(reference__in=[each.reference for each in found])
    known = set(alike.values_list("account", "reference"))
    return [Proposal(each, *_match(each, open_ones), (each.account, each.reference) in known) for each in found]


def import_credits(found: Iterable[Credit], *, actor: Actor, now: datetime) -> list[BankTransaction]:
    """Keep what is not known yet, and pay the invoices that it names; the new ones."""
    open_ones, new = _open_invoices(), list[BankTransaction]()
    for each in found:
        transaction, is_new = BankTransaction.objects.get_or_create(
            account=each.account, reference=each.reference, defaults=asdict(each) | {"imported_at": now}
        )
        if is_new:
            _settle(transaction, each, open_ones, now)
            new.append(transaction)
    record("bank.imported", actor=actor, object_type="bank_transaction", object_id="", facility_id=None,
           count=len(new), settled=sum(each.settled_at is not None for each in new))  # fmt: skip
    return new


def assign(transaction: BankTransaction, invoice: Invoice, amount: Decimal, *, actor: Actor, now: datetime) -> Payment:
    """Pay an invoice with some or all of what came. Raises PaymentRefused."""
    held = _held(transaction.pk)
    left = left_of(held)
    if held.settled_at is not None or not 0 < amount <= left:
        raise PaymentRefused(_("%s of it are left to assign.") % formatted(left, held.currency))
    before = Payment.objects.filter(bank_transaction=held).count()
    payment = record_payment(
        invoice, method=PaymentMethod.TRANSFER, amount=amount, currency=held.currency, paid_on=held.booked_on,
        reference=f"bank-{held.pk}/{before + 1}", actor=actor, now=now, bank_transaction=held,
    )  # fmt: skip
    _close(held, now)
    return payment


def take_back(payment: Payment, *, actor: Actor, now: datetime) -> Payment:
    """Undo an assignment: the invoice is open again, and the transfer to be assigned. Raises PaymentRefused."""
    if payment.bank_transaction_id is None or payment.amount <= 0:
        raise PaymentRefused(_("Only what was assigned from a transfer is taken back."))
    held = _held(payment.bank_transaction_id)
    undone = record_payment(
        payment.invoice, method=PaymentMethod.TRANSFER, amount=-payment.amount, currency=payment.currency,
        paid_on=payment.paid_on, reference=f"{payment.reference}/back", actor=actor, now=now, bank_transaction=held,
    )  # fmt: skip
    _close(held, now)
    return undone


def set_aside(transaction: BankTransaction, *, why: str, actor: Actor, now: datetime) -> None:
    """It pays no invoice of the center's. Raises PaymentRefused."""
    held = _held(transaction.pk)
    if held.settled_at is not None or left_of(held) != held.amount:
        raise PaymentRefused(_("Some of it is assigned already."))
    held.settled_at, held.note = now, why[:200]
    held.save(update_fields=["settled_at", "note"])
    record("bank_transaction.set_aside", actor=actor, object_type="bank_transaction", object_id=held.pk,
           facility_id=None)  # fmt: skip


def left_of(transaction: BankTransaction) -> Decimal:
    """What is not assigned yet."""
    assigned = Payment.objects.filter(bank_transaction=transaction).aggregate(total=Sum("amount"))["total"]
    return transaction.amount - (assigned or Decimal(0))


def _settle(transaction: BankTransaction, credit: Credit, open_ones: dict[str, int], now: datetime) -> None:
    for key in invoices_named(credit.purpose, open_ones):  # another import may pay them at this moment
        locked_invoice(Invoice.objects.get(pk=key))
    invoice, why = _match(credit, open_ones)
    if invoice is None:
        transaction.note = why[:200]
        transaction.save(update_fields=["note"])
    else:
        assign(transaction, invoice, transaction.amount, actor=SYSTEM, now=now)
        transaction.refresh_from_db()


def _match(credit: Credit, open_ones: dict[str, int]) -> tuple[Invoice | None, str]:
    """The invoice that the credit pays to the last step, or why there is none."""
    named = invoices_named(credit.purpose, open_ones)
    if len(named) != 1:
        return None, _("It names several invoices.") if named else _("It names no open invoice.")
    invoice = Invoice.objects.get(pk=named.pop())
    wanted = open_amount(invoice)
    if credit.currency != invoice.currency:
        return None, _("%s is in another currency.") % invoice.number
    if credit.amount != wanted:
        told = {"number": invoice.number, "wanted": formatted(wanted, invoice.currency)}
        return None, _("%(number)s is open by %(wanted)s.") % told
    return invoice, ""


def _open_invoices() -> dict[str, int]:
    found = Invoice.objects.filter(kind=InvoiceKind.INVOICE, state__in={*OPEN, State.WRITTEN_OFF})
    return by_plain_number(found.values_list("pk", "number"))


def _held(key: int) -> BankTransaction:
    return BankTransaction.objects.select_for_update().get(pk=key)


def _close(transaction: BankTransaction, now: datetime) -> None:
    transaction.settled_at = None if left_of(transaction) else now
    transaction.save(update_fields=["settled_at"])
