"""Settling: payments in whole and in parts, too much, twice, at once, and taken back."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from apps.audit.record import SYSTEM
from apps.billing.errors import PaymentRefused
from apps.billing.models import Invoice, InvoiceKind, Payment, PaymentMethod, State
from apps.billing.settling import open_amount, record_payment
from apps.contracts.agreeing import suspend
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.stories import NOON, fresh, invoice_of, payments


def pay(invoice: Invoice, amount: int | str, reference: str = "b-1", **given: Any) -> Payment:
    facts: dict[str, Any] = {"method": PaymentMethod.TRANSFER, "currency": invoice.currency, "paid_on": NOON.date()}
    with as_center():
        return record_payment(invoice, amount=Decimal(amount), reference=reference, actor=SYSTEM, now=NOON,
                              **facts | given)  # fmt: skip


def still_open(invoice: Invoice) -> int:
    with as_center():
        return int(open_amount(invoice))


def test_parts_sum_up_and_too_much_is_seen(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    pay(invoice, 20000)
    assert (fresh(invoice).state, still_open(invoice)) == (State.FINALIZED, 2000)
    pay(invoice, 3000, "b-2")
    assert (fresh(invoice).state, still_open(invoice)) == (State.PAID, -1000)
    pay(invoice, -1000, "b-2/back")
    assert (fresh(invoice).state, still_open(invoice)) == (State.PAID, 0)


def test_money_taken_back_opens_the_invoice_again(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    pay(invoice, 22000)
    pay(invoice, -22000, "b-1/back")
    again = fresh(invoice)
    assert (again.state, again.settled_at, still_open(invoice)) == (State.FINALIZED, None, 22000)


def test_the_same_reference_pays_once_and_never_something_else(sakura: Facility) -> None:
    invoice, other = invoice_of(sakura), invoice_of(sakura)
    assert pay(invoice, 22000) == pay(invoice, 22000)
    for wrong in ((invoice, 1), (other, 22000)):
        with pytest.raises(PaymentRefused):
            pay(*wrong)
    assert payments() == [("transfer", 22000)]
    assert fresh(other).state == State.FINALIZED


def test_what_cannot_be_paid_is_refused(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    draft = invoice_of(sakura, state=State.DRAFT, number="", finalized_at=None)
    refused: list[tuple[Invoice, str, dict[str, Any]]] = [
        (draft, "22000", {}), (invoice, "22000", {"currency": "EUR"}), (invoice, "0", {}), (invoice, "0.5", {}),
    ]  # fmt: skip
    for which, amount, given in refused:
        with pytest.raises(PaymentRefused):
            pay(which, amount, **given)
    assert payments() == []


def test_a_credit_note_lowers_what_is_open(sakura: Facility) -> None:
    invoice = invoice_of(sakura)
    invoice_of(sakura, -2000, kind=InvoiceKind.CREDIT_NOTE, corrects=invoice)
    pay(invoice, 20000)
    assert fresh(invoice).state == State.PAID


def test_outputs_resume_once_nothing_is_overdue(sakura: Facility) -> None:
    first, second = (invoice_of(sakura, state=State.OVERDUE) for _ in range(2))
    with as_center():
        suspend(first.contract, actor=SYSTEM, now=NOON)
    pay(first, 22000)
    assert fresh(first).contract.is_suspended
    pay(second, 22000, "b-2")
    assert not fresh(second).contract.is_suspended


@pytest.mark.usefixtures("committed_db")
def test_two_at_once_record_one_payment(sakura: Facility) -> None:
    invoice = invoice_of(sakura)

    def at_once(_: int) -> int:
        try:
            return pay(invoice, 22000).pk
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(at_once, range(8)))) == 1
    assert payments() == [("transfer", 22000)]
