"""Invoices in the portal: found, opened down to what was counted, taken along; by members and owners alone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pypdf import PdfReader

from apps.audit.record import SYSTEM
from apps.billing import documents
from apps.billing.models import BillingAccount, Invoice, InvoiceKind, Issuer, PaymentMethod
from apps.billing.settling import record_payment
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from tests.billing.papers import EUROS, YEN, Item, billed_by, invoiced
from tests.portal.pages import dicom, queries_of, store, url

pytestmark = pytest.mark.django_db
PAGES = ("invoices", "invoice", "invoice_document", "e_invoice")
DETAILS = {"legal_name": "Radiologie Lindenhof GmbH", "address": "Lindenhof 1\n8001 Zürich", "vat_id": "de 136695976",
           "email": "buero@lindenhof.example"}  # fmt: skip


@pytest.fixture
def member(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("tanaka@example.org", sakura=Role.MEMBER)


def address(name: str, invoice: Invoice, slug: str = "sakura") -> str:
    return url(name, slug) if name == "invoices" else url(name, slug, invoice_id=invoice.pk)


def shown(client: Client, where: str, **query: Any) -> str:
    answer = client.get(where, query)
    assert answer.status_code == 200
    return answer.content.decode()


def numbers(client: Client, **query: Any) -> list[str]:
    answer = client.get(url("invoices"), query)
    return [each.number for each in answer.context["invoices"]]


@pytest.mark.parametrize("name", PAGES)
def test_members_and_owners_see_invoices_and_nobody_else(
    name: str, sakura: Facility, lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    invoice = invoiced(billed_by("DE", sakura))
    for role, status in ((Role.OWNER, 200), (Role.MEMBER, 200), (Role.VIEWER, 403)):
        client = signed_in(f"{role}@example.org", sakura=role)
        assert client.get(address(name, invoice)).status_code == status
    assert ("/invoices/" in shown(client, url("dashboard"))) is False
    stranger = signed_in("stranger@example.org", lindenhof=Role.OWNER)
    assert stranger.get(address(name, invoice)).status_code == 404
    if name != "invoices":
        assert stranger.get(address(name, invoice, "lindenhof")).status_code == 404


def test_the_list_is_helpful_when_it_is_empty_and_shows_no_drafts(sakura: Facility, member: Client) -> None:
    assert "No invoices yet" in shown(member, url("invoices"))
    draft = invoiced(billed_by("JP", sakura), state="draft", finalized_at=None, number="")
    assert "No invoices yet" in shown(member, url("invoices"))
    for name in PAGES[1:]:
        assert member.get(address(name, draft)).status_code == 404


def test_invoices_are_found_by_date_amount_and_number(sakura: Facility, member: Client) -> None:
    account = billed_by("JP", sakura)
    small = invoiced(account, [YEN[1]], period=date(2026, 3, 1), issued_on=date(2026, 4, 1))
    large = invoiced(account, period=date(2026, 4, 1), issued_on=date(2026, 5, 1))
    assert numbers(member) == [large.number, small.number]
    assert numbers(member, since="2026-04-02") == [large.number]
    assert numbers(member, until="2026-04-30") == [small.number]
    assert numbers(member, least="4126", most="17325") == [large.number]
    assert numbers(member, most="4125") == [small.number]
    assert numbers(member, number=small.number[-5:]) == [small.number]
    assert "No invoice is like that" in shown(member, url("invoices"), number="nothing")
    for wrong in ({"since": "2026-05-01", "until": "2026-04-01"}, {"least": "NaN"}, {"until": "yesterday"}):
        assert member.get(url("invoices"), wrong).status_code == 422


def test_the_chart_shows_what_was_charged_by_month(sakura: Facility, member: Client) -> None:
    assert "Nothing was charged in the last twelve months" in shown(member, url("invoices"))
    account, month = billed_by("JP", sakura), timezone.localdate().replace(day=1)
    last = (month - timedelta(days=1)).replace(day=1)
    visits = replace(YEN[2], unit_price="8000", net="16000", quantity="2", source="collection")
    invoiced(account, [*YEN, visits], period=last)
    invoiced(account, period=date(2019, 1, 1))
    answer = member.get(url("invoices"))
    assert answer.context["chart"].legend == [(1, "Base fee"), (2, "Collections"), (3, "Storage")]
    assert answer.context["chart"].rows[-1] == (last, [20000, 8000, 3750])
    assert answer.context["chart"].top == 31750
    assert len(answer.context["chart"].rows) == 12


def test_a_line_opens_to_its_charges_and_to_what_was_counted(sakura: Facility, member: Client) -> None:
    collection = store(sakura, dicom(1))
    counted = {"collection": str(collection.uid)}
    visit = Item("visit", "Collection by visit", "1", "8000", "8000", "collection", counted, "number 2 of the month")
    invoice = invoiced(billed_by("JP", sakura), [*YEN, visit])
    page = shown(member, address("invoice", invoice))
    assert page.count('<details class="invoice-line"') == 4
    assert url("collection", collection_id=collection.pk) in page
    for named in ("number 2 of the month", "30 of 30 days", "300 × ¥12.5 / GB-month", "Tax, 10 %", "¥26,125"):
        assert named in page, named
    assert "Mori" not in page
    few = queries_of(member, address("invoice", invoice))
    more = invoiced(billed_by("JP", sakura), [visit] * 30, period=date(2026, 5, 1))
    assert queries_of(member, address("invoice", more)) == few


def test_what_was_paid_and_credited_is_told(sakura: Facility, member: Client) -> None:
    account = billed_by("JP", sakura)
    invoice = invoiced(account)
    back = Item("visit", "Collection by visit", "1", "-2500", "-2500")
    note = invoiced(account, [back], kind=InvoiceKind.CREDIT_NOTE, corrects=invoice, reason="counted twice")
    with as_center():
        record_payment(invoice, method=PaymentMethod.TRANSFER, amount=Decimal(10000), currency="JPY",
                       paid_on=date(2026, 5, 20), reference="bank-1", actor=SYSTEM, now=timezone.now())  # fmt: skip
    page = shown(member, address("invoice", invoice))
    for named in ("bank-1", "¥10,000", note.number, "counted twice", "¥4,575", "Open"):
        assert named in page, named
    assert f"{invoice.number}</a>" in shown(member, address("invoice", note))


def test_the_papers_are_taken_along(sakura: Facility, member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    japanese, german = invoiced(billed_by("JP", sakura)), invoiced(billed_by("DE", sakura), period=date(2026, 6, 1))
    for invoice in (japanese, german):
        answer = member.get(address("invoice_document", invoice))
        assert answer["Content-Type"] == "application/pdf"
        assert f'filename="{invoice.number}.pdf"' in answer["Content-Disposition"]
        assert invoice.number in PdfReader(BytesIO(answer.content)).pages[0].extract_text()
    xml = member.get(address("e_invoice", german))
    assert xml["Content-Type"] == "application/xml"
    assert german.number.encode() in xml.content
    assert member.get(address("e_invoice", japanese)).status_code == 404
    monkeypatch.setattr(documents, "_kept", lambda _name: None)
    monkeypatch.setattr(documents, "invoice_pdf", lambda _invoice: b"another one")
    told = member.get(address("invoice_document", german), follow=True)
    assert "not the one that was made first" in told.content.decode()


def test_an_owner_says_what_invoices_call_the_facility(lindenhof: Facility, signed_in: Callable[..., Client]) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    form = url("billing_details", "lindenhof")
    assert owner.post(form, DETAILS).status_code == 422  # there is no issuer yet
    with as_center():
        Issuer.objects.create(name="Center", address="-", country="JP")
        Issuer.objects.create(name="Zentrum", address="-", country="DE")
    assert owner.post(form, DETAILS).status_code == 302
    with as_center():
        account = BillingAccount.objects.select_related("issuer").get(facility=lindenhof)
    assert (account.vat_id, account.legal_name, account.issuer.name) == (
        "DE136695976", "Radiologie Lindenhof GmbH", "Zentrum")  # fmt: skip
    assert "Radiologie Lindenhof GmbH" in shown(owner, form)
    for wrong in ({"vat_id": "DE136695977"}, {"legal_name": ""}, {"email": "nobody"}, {"address": ""}):
        assert owner.post(form, DETAILS | wrong).status_code == 422
    with as_center():
        account.refresh_from_db()
    assert account.vat_id == "DE136695976"
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    assert member.post(form, DETAILS).status_code == 403
    assert form not in shown(member, url("invoices", "lindenhof"))


def test_a_finalized_invoice_keeps_the_name_it_was_made_with(
    sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    invoice = invoiced(billed_by("DE", sakura, country="DE", legal_name="Before"), EUROS)
    owner = signed_in("owner@example.org", sakura=Role.OWNER)
    assert owner.post(url("billing_details"), DETAILS | {"legal_name": "After"}).status_code == 302
    assert "Before" in shown(owner, address("invoice", invoice))
    assert "After" in shown(owner, url("invoices"))
