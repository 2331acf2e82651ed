"""Invoices and credit notes as documents: PDF/A, with the e-invoice within where the seller's country asks for one.

A document is made after its invoice is finalized, once: its digest is recorded then, and another one is never given.
"""

import hashlib
import logging
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages
from django.utils.translation import get_language, override, pgettext_lazy
from django.utils.translation import gettext as _

from apps.billing.e_invoice import LEVEL, e_invoice_xml, has_e_invoice
from apps.billing.errors import DocumentDiffers
from apps.billing.models import Invoice, InvoiceKind, InvoiceLine, PaymentMethod
from apps.core.documents import typeset
from apps.core.money import formatted, formatted_price, plain
from apps.core.shown import day
from apps.facilities.tenancy import as_center
from apps.tiers.models import UNITS

log = logging.getLogger(__name__)
TEMPLATE = Path(__file__).with_name("invoice.typ")
ENGLISH, JAPANESE = "en", "ja"
AT_ONCE = 200
WORDS = {
    "Invoice": pgettext_lazy("invoice", "Invoice"),
    "Credit note": pgettext_lazy("invoice", "Credit note"),
    "Number": pgettext_lazy("invoice", "Number"),
    "Date": pgettext_lazy("invoice", "Date"),
    "Month": pgettext_lazy("invoice", "Month"),
    "Due": pgettext_lazy("invoice", "Due"),
    "Contract": pgettext_lazy("invoice", "Contract"),
    "To": pgettext_lazy("invoice", "To"),
    "Registration number": pgettext_lazy("invoice", "Registration number"),
    "Description": pgettext_lazy("invoice", "Description"),
    "Quantity": pgettext_lazy("invoice", "Quantity"),
    "Unit price": pgettext_lazy("invoice", "Unit price"),
    "Tax": pgettext_lazy("invoice", "Tax"),
    "Amount": pgettext_lazy("invoice", "Amount"),
    "Net": pgettext_lazy("invoice", "Net"),
    "Consumption tax": pgettext_lazy("invoice", "Consumption tax"),
    "VAT": pgettext_lazy("invoice", "VAT"),
    "Total": pgettext_lazy("invoice", "Total"),
    "Bank": pgettext_lazy("invoice", "Bank"),
    "Account": pgettext_lazy("invoice", "Account"),
    "Reference": pgettext_lazy("invoice", "Reference"),
}


def document_of(invoice: Invoice) -> bytes:
    """The document of a finalized invoice, made if it is not there yet. Raises DocumentDiffers."""
    name = f"{invoice.facility_id}/{invoice.pk}.pdf"
    kept = _kept(name)
    if kept is None or hashlib.sha256(kept).digest() != _recorded(invoice):
        kept = invoice_pdf(invoice)
        _record(invoice, hashlib.sha256(kept).digest())
        _documents().save(name, ContentFile(kept))
    return kept


def make_documents() -> int:
    """Make the documents of invoices that have been finalized; returns how many were made."""
    with as_center():
        missing = Invoice.objects.filter(document_sha256=None).exclude(finalized_at=None)
        found = list(missing.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    return sum(map(_make, found))


def _make(key: int) -> bool:
    try:
        with as_center():
            document_of(Invoice.objects.select_related("contract", "corrects").get(pk=key))
    except Exception:  # the libraries' errors are bare; no invoice keeps others waiting
        log.exception("The document of invoice %s cannot be made", key)
        return False
    return True


def invoice_pdf(invoice: Invoice) -> bytes:
    """The document of a finalized invoice in its buyer's language, the same bytes each time."""
    assert invoice.finalized_at
    language = invoice.buyer.get("language", ENGLISH)
    with override(language):
        told = _told(invoice)
    made = typeset(TEMPLATE, told | {"language": language}, at=invoice.finalized_at)
    if not has_e_invoice(invoice):
        return made
    from facturx import generate_from_binary  # noqa: PLC0415 for sellers in the EU alone, and slow to import

    title = f"{invoice.get_kind_display()} {invoice.number}"
    metadata = {"title": title, "author": invoice.seller["name"], "subject": title, "keywords": "Factur-X"}
    made = generate_from_binary(
        made, e_invoice_xml(invoice), flavor="factur-x", level=LEVEL, pdf_metadata=metadata, lang=language,
        afrelationship="alternative", xmp_compression=False,
    )  # fmt: skip
    return _at(made, invoice.finalized_at)


def _at(document: bytes, at: datetime) -> bytes:
    """The library writes the time of the clock, in places of fixed length; the same invoice has one time."""
    document = re.sub(rb"(?<=\(D\\072)\d{14}", f"{at:%Y%m%d%H%M%S}".encode(), document)
    return re.sub(rb"(?<=Date>)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", f"{at:%Y-%m-%dT%H:%M:%S}".encode(), document)


def _documents() -> Storage:
    return storages["invoices"]


def _kept(name: str) -> bytes | None:
    if not _documents().exists(name):
        return None
    with _documents().open(name) as file:
        content: bytes = file.read()
    return content


def _recorded(invoice: Invoice) -> bytes | None:
    return bytes(invoice.document_sha256) if invoice.document_sha256 else None


def _record(invoice: Invoice, digest: bytes) -> None:
    with as_center():
        Invoice.objects.filter(pk=invoice.pk, document_sha256=None).update(document_sha256=digest)
        invoice.refresh_from_db(fields=["document_sha256"])
    if _recorded(invoice) != digest:
        log.error("The document of invoice %s is not the one that was made first", invoice.number)
        raise DocumentDiffers(_("The document is not the one that was made first. The center's staff looks at it."))


def _told(invoice: Invoice) -> dict[str, Any]:
    say = _Words(invoice.seller["country"] == "JP")
    columns = ("Description", "Quantity", "Unit price", "Tax", "Amount")
    return {
        "title": say("Credit note" if invoice.kind == InvoiceKind.CREDIT_NOTE else "Invoice"),
        "number": invoice.number,
        "seller": {"name": invoice.seller["name"], "lines": _seller_lines(invoice, say)},
        "to": say("To"),
        "buyer": {"name": invoice.buyer["name"], "lines": _party_lines(invoice.buyer)},
        "facts": _facts(invoice, say),
        "columns": [say(column) for column in columns],
        "lines": [_line(invoice, line) for line in invoice.lines.order_by("position")],
        "sums": _sums(invoice, say),
        "total": [say("Total"), formatted(invoice.gross, invoice.currency)],
        "notes": _notes(invoice),
        "payment": _payment(invoice, say),
    }


class _Words:
    """Names of an invoice's parts; where the seller is Japanese, with what Japan's qualified invoices name beside them
    (Consumption Tax Act, article 57-4).
    """

    def __init__(self, is_japanese: bool) -> None:  # noqa: FBT001
        self.is_japanese = is_japanese

    def __call__(self, english: str) -> str:
        said = str(WORDS[english])
        if not self.is_japanese or get_language() == JAPANESE:
            return said
        with override(JAPANESE):
            return f"{said} {WORDS[english]}"


def _facts(invoice: Invoice, say: _Words) -> list[list[str]]:
    assert invoice.issued_on
    facts = [
        [say("Number"), invoice.number],
        [say("Date"), day(invoice.issued_on)],
        [say("Month"), f"{invoice.period:%Y-%m}"],
        [say("Contract"), f"{invoice.contract}"],
    ]
    return facts + ([[say("Due"), day(invoice.due_on)]] if invoice.due_on else [])


def _seller_lines(invoice: Invoice, say: _Words) -> list[str]:
    number = invoice.seller["registration_number"]
    registered = [f"{say('Registration number')} {number}"] if number else []
    return [*_party_lines(invoice.seller), *registered, *filter(None, [invoice.seller["email"]])]


def _party_lines(party: dict[str, str]) -> list[str]:
    vat_id = [f"{_('VAT number')} {party['vat_id']}"] if party["vat_id"] else []
    return [*filter(None, party["address"].splitlines()), party["country"], *vat_id]


def _line(invoice: Invoice, line: InvoiceLine) -> list[str]:
    return [
        line.description,
        f"{line.quantity.normalize():,f} {UNITS[line.item]}",
        formatted_price(line.unit_price, invoice.currency),
        _rate(line.tax_category, line.tax_rate),
        formatted(line.net, invoice.currency),
    ]


def _rate(category: str, rate: Decimal) -> str:
    return category if category in {"AE", "O", "E"} else f"{plain(rate)} %"


def _sums(invoice: Invoice, say: _Words) -> list[list[str]]:
    """Net and tax for each rate: what a qualified invoice and a VAT invoice must name."""
    tax_name = say("Consumption tax" if say.is_japanese else "VAT")
    sums = []
    for each in invoice.taxes:
        rate = _rate(each["category"], Decimal(each["rate"]))
        sums.append([f"{say('Net')}, {rate}", formatted(Decimal(each["net"]), invoice.currency)])
        sums.append([f"{tax_name}, {rate}", formatted(Decimal(each["tax"]), invoice.currency)])
    return sums


def _notes(invoice: Invoice) -> list[str]:
    notes = [f"{each['category']}: {_(each['note'])}" for each in invoice.taxes if each["note"]]
    if invoice.corrects:
        corrects = _("Corrects invoice %(number)s: %(reason)s")
        notes.append(corrects % {"number": invoice.corrects.number, "reason": invoice.reason})
    return notes


def _payment(invoice: Invoice, say: _Words) -> dict[str, Any]:
    if invoice.kind == InvoiceKind.CREDIT_NOTE:
        return {"text": _("The amount is credited to you."), "facts": []}
    if invoice.buyer["payment_method"] == PaymentMethod.CARD and invoice.buyer["card_last4"]:
        return {"text": _("Charged to the card ending in %s.") % invoice.buyer["card_last4"], "facts": []}
    seller = invoice.seller
    bank = [[say("Bank"), seller["bank_name"]], [say("Account"), seller["bank_account"]], ["BIC", seller["bic"]]]
    text = _("Please pay by bank transfer with the reference %s.") % invoice.number
    return {"text": text, "facts": [*(each for each in bank if each[1]), [say("Reference"), invoice.number]]}
