"""Invoices as documents and e-invoices: what they name, that they add up, and that one invoice is one document."""

from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from django.core.files.storage import storages
from facturx import get_facturx_xml_from_pdf, xml_check_xsd
from pypdf import PdfReader
from pypdf.generic import StreamObject

from apps.billing import documents
from apps.billing.documents import document_of, invoice_pdf, make_documents
from apps.billing.e_invoice import e_invoice_xml
from apps.billing.errors import DocumentDiffers
from apps.billing.models import Invoice, InvoiceKind
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.papers import EUROS, YEN, billed_by, invoiced

pytestmark = pytest.mark.django_db
NAMES = {"ram": "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"}


def made(invoice: Invoice) -> bytes:
    with as_center():
        return invoice_pdf(invoice)


def text_of(document: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(document)).pages)


def told(xml: bytes, name: str) -> list[str]:
    return [str(each.text) for each in ET.fromstring(xml).iterfind(f".//ram:{name}", NAMES)]


def xml_of(invoice: Invoice) -> bytes:
    with as_center():
        return e_invoice_xml(invoice)


def test_a_japanese_invoice_names_what_a_qualified_invoice_must(sakura: Facility) -> None:
    invoice = invoiced(billed_by("JP", sakura, legal_name="医療法人桜クリニック", address="東京都中央区1-2-3"))
    text = text_of(made(invoice))
    for named in ("桜画像保管センター株式会社", "T7000012050002", "医療法人桜クリニック", "2026-04", "2026-05-01",
                  "2026-05-31", "300 GB-month", "¥12.5", "-¥8,000", "10 %", "¥15,750", "¥1,575", "¥17,325",
                  f"reference {invoice.number}"):  # fmt: skip
        assert named in text, named


def test_a_document_speaks_its_buyers_language_as_it_was_when_it_was_made(
    sakura: Facility, lindenhof: Facility
) -> None:
    sakura.language = "ja"
    invoice = invoiced(billed_by("JP", sakura))
    first, text = made(invoice), text_of(made(invoice))
    for named in ("請求書", "発行日", "2026/05/31", "消費税", "を添えて銀行振込でお支払いください"):
        assert named in text, named
    assert not set(text.split()) & {"Invoice", "Due", "Net", "Total", "Please"}
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(language="en")
    assert made(invoice) == first
    lindenhof.language = "ja"
    assert "請求書" in text_of(made(invoiced(billed_by("DE", lindenhof))))


def test_the_document_is_pdf_a_3_and_the_same_bytes_each_time(
    sakura: Facility, lindenhof: Facility, settings: Any
) -> None:
    for country, facility in (("JP", sakura), ("DE", lindenhof)):
        invoice = invoiced(billed_by(country, facility))
        document = made(invoice)
        settings.LANGUAGE_CODE = "de"
        assert made(invoice) == document
        described = cast(StreamObject, PdfReader(BytesIO(document)).root_object["/Metadata"].get_object()).get_data()
        assert b"part>3<" in described
        assert b"conformance>B<" in described
        assert document.count(b"2026-05-01T03:00:00") >= (country == "DE")


def test_the_e_invoice_within_is_valid_and_adds_up(lindenhof: Facility) -> None:
    invoice = invoiced(billed_by("DE", lindenhof, vat_id="DE136695976"))
    _name, xml = get_facturx_xml_from_pdf(made(invoice))
    assert xml == xml_of(invoice)
    assert xml_check_xsd(xml, flavor="factur-x", level="en16931")
    lines = told(xml, "LineTotalAmount")
    assert lines == ["60.00", "4.01", "-10.50", "53.51"]
    assert told(xml, "BilledQuantity") == ["0.333333", "123.456789", "-1"]
    assert told(xml, "ChargeAmount") == ["180", "0.0325", "10.5"]
    assert (told(xml, "TaxTotalAmount"), told(xml, "GrandTotalAmount")) == (["10.17"], ["63.68"])
    assert told(xml, "DuePayableAmount") == [f"{invoice.gross}"]
    assert told(xml, "IBANID") == ["DE89370400440532013000"]
    assert told(xml, "PaymentReference") == [invoice.number]


@pytest.mark.parametrize(("country", "vat_id", "category", "note"), [
    ("FR", "FR40303265045", "AE", "Reverse charge"), ("CH", "", "O", "customer in another country"),
])  # fmt: skip
def test_what_is_not_taxed_here_says_why(
    lindenhof: Facility, country: str, vat_id: str, category: str, note: str
) -> None:
    invoice = invoiced(billed_by("DE", lindenhof, country=country, vat_id=vat_id))
    assert note in " ".join(text_of(made(invoice)).split())
    xml = xml_of(invoice)
    assert set(told(xml, "CategoryCode")) == {category}
    assert note in told(xml, "ExemptionReason")[0]
    assert told(xml, "GrandTotalAmount") == ["53.51"]
    numbers = ET.fromstring(xml).iterfind(".//ram:SpecifiedTaxRegistration/ram:ID", NAMES)
    assert [each.get("schemeID") for each in numbers] == (["VA", "VA"] if vat_id else [])


def test_a_credit_note_names_its_invoice_and_its_amounts_go_back(lindenhof: Facility) -> None:
    account = billed_by("DE", lindenhof)
    invoice = invoiced(account)
    back = replace(EUROS[0], unit_price="-180", net="-60.00")
    note = invoiced(account, [back], kind=InvoiceKind.CREDIT_NOTE, corrects=invoice, reason="charged twice")
    text = text_of(made(note))
    assert f"Corrects invoice {invoice.number}: charged twice" in text
    assert "-€71.40" in text
    xml = xml_of(note)
    assert told(xml, "TypeCode")[0] == "381"
    assert told(xml, "GrandTotalAmount") == ["71.40"]
    assert told(xml, "BilledQuantity") == ["0.333333"]
    assert invoice.number in told(xml, "IssuerAssignedID")


def test_a_card_is_named_by_its_last_digits(lindenhof: Facility) -> None:
    card = {"payment_method": "card", "card_brand": "visa", "card_last4": "4242"}
    invoice = invoiced(billed_by("DE", lindenhof, **card))
    text = text_of(made(invoice))
    assert "card ending in 4242" in text
    assert "DE89" not in text
    assert "4242" in told(xml_of(invoice), "ID")


def test_a_document_is_made_once_and_another_one_is_an_error(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    invoice = invoiced(billed_by("JP", sakura))
    assert make_documents() == 1
    assert make_documents() == 0
    first = made(invoice)
    name = f"{sakura.pk}/{invoice.pk}.pdf"
    with as_center():
        invoice.refresh_from_db()
        assert document_of(invoice) == first
        storages["invoices"].delete(name)  # lost, or of another host
        assert document_of(invoice) == first
        monkeypatch.setattr(documents, "invoice_pdf", lambda _invoice: first + b"\n")
        assert document_of(invoice) == first
        storages["invoices"].delete(name)
        with pytest.raises(DocumentDiffers):
            document_of(invoice)


def test_one_that_cannot_be_made_keeps_no_other_waiting(
    sakura: Facility, lindenhof: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = invoiced(billed_by("JP", sakura)), invoiced(billed_by("DE", lindenhof))
    monkeypatch.delitem(documents.WORDS, "Consumption tax")
    assert make_documents() == 1
    with as_center():
        assert Invoice.objects.get(document_sha256=None).pk == broken.pk
        assert Invoice.objects.exclude(document_sha256=None).get().pk == sound.pk


def test_long_invoices_run_over_pages(sakura: Facility) -> None:
    invoice = invoiced(billed_by("JP", sakura), [replace(YEN[0], unit_price="1", net="1")] * 300)
    assert invoice.net == Decimal(300)
    assert text_of(made(invoice)).count("Monthly: base fee") == 300
