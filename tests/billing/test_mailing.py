"""Invoices by mail: once each, with the document, to whom was named; and nothing about a patient leaves with them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives

from apps.accounts.models import User
from apps.billing.e_invoice import e_invoice_xml
from apps.billing.mailing import mail_invoices
from apps.billing.models import Invoice, InvoiceKind
from apps.core import letters
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from tests.billing.papers import FINALIZED, YEN, Item, billed_by, invoiced
from tests.billing.test_documents import text_of
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.django_db
PLANTED = ("Mori", "Haruka", "森", "はるか", "P1", "20260401")


def attached(message: Any) -> tuple[str, bytes, str]:
    [(name, content, kind)] = message.attachments
    return name, content, kind


def bodies(message: Any) -> list[str]:
    return [message.body, message.alternatives[0][0]]


def test_an_invoice_is_mailed_once_with_its_document(sakura: Facility) -> None:
    invoice = invoiced(billed_by("JP", sakura, email="books@sakura.example"))
    assert mail_invoices() == 1
    assert mail_invoices() == 0
    [message] = mail.outbox
    assert message.to == ["books@sakura.example"]
    assert message.subject == f"Invoice: {invoice.number}"
    name, content, kind = attached(message)
    assert (name, kind) == (f"{invoice.number}.pdf", "application/pdf")
    assert "¥17,325" in text_of(content)
    for body in bodies(message):
        assert "¥17,325" in body
        assert f"reference {invoice.number}" in body
        assert f"/f/sakura/invoices/{invoice.pk}/" in body


def test_without_an_address_it_goes_to_the_owners(sakura: Facility, person: Callable[..., User]) -> None:
    invoiced(billed_by("JP", sakura))
    assert mail_invoices() == 0  # there is nobody yet: it waits
    for name, role in (("b", Role.OWNER), ("a", Role.OWNER), ("member", Role.MEMBER)):
        person(f"{name}@sakura.example", sakura=role)
    assert mail_invoices() == 1
    assert mail.outbox[0].to == ["a@sakura.example", "b@sakura.example"]


def test_what_the_mail_server_does_not_take_is_tried_again(
    sakura: Facility, lindenhof: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = invoiced(billed_by("JP", sakura, email="books@sakura.example"))
    invoiced(billed_by("DE", lindenhof, email="buero@lindenhof.example"))
    with disturbed(monkeypatch, broken.number):
        assert mail_invoices() == 1
    assert mail.outbox[0].to == ["buero@lindenhof.example"]
    with as_center():
        assert Invoice.objects.get(mailed_at=None).pk == broken.pk
    assert mail_invoices() == 1
    assert mail.outbox[1].to == ["books@sakura.example"]


@contextmanager
def disturbed(monkeypatch: pytest.MonkeyPatch, number: str) -> Iterator[None]:
    class Disturbed(EmailMultiAlternatives):
        def send(self, *args: Any, **kwargs: Any) -> int:
            if number in self.subject:
                raise SMTPServerDisconnected
            return super().send(*args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(letters, "EmailMultiAlternatives", Disturbed)
        yield


def test_drafts_stay_here_and_credit_notes_go_out(sakura: Facility) -> None:
    account = billed_by("JP", sakura, email="books@sakura.example")
    invoice = invoiced(account, mailed_at=FINALIZED)
    invoiced(account, state="draft", finalized_at=None, number="", period=invoice.period.replace(month=5))
    back = Item("base_fee", "Monthly: base fee", "1", "-20000", "-20000")
    note = invoiced(account, [back], kind=InvoiceKind.CREDIT_NOTE, corrects=invoice, reason="twice", due_on=None)
    assert mail_invoices() == 1
    assert f"credit note {note.number}" in mail.outbox[0].body
    assert "-¥22,000" in mail.outbox[0].body
    assert "pay" not in mail.outbox[0].body


def test_no_patient_leaves_with_an_invoice(sakura: Facility) -> None:
    collection = store(sakura, dicom(1), dicom(1, 2), name="Mori_Haruka.dcm")
    counted = {"collection": str(collection.uid)}
    visit = Item("visit", "Collection by visit", "1", "8000", "8000", "collection", counted, "number 2 of the month")
    for number, center in enumerate(("JP", "DE"), 1):
        account = billed_by(center, sakura, email="books@sakura.example")
        invoice = invoiced(account, [*YEN, visit], period=date(2026, number, 1))
        with as_center():
            xml = e_invoice_xml(invoice).decode()
        mail_invoices()
        message = mail.outbox[-1]
        _name, content, _kind = attached(message)
        left = " ".join([text_of(content), xml, f"{message.subject}", *bodies(message)])
        assert "Collection by visit" in left
        assert [planted for planted in PLANTED if planted in left] == []
        assert not any(planted.encode() in content for planted in PLANTED[:2])
