"""Electronic invoices: EN 16931 in the syntax CII (UN/CEFACT Cross Industry Invoice D22B), checked against its schema.

Business terms (BT) and groups (BG) are those of EN 16931-1. Amounts of a credit note are positive: its type says that
they go back; and no price is negative, so that what is taken off has a negative quantity.
"""

from calendar import monthrange
from decimal import Decimal
from typing import Any, cast

from django.db.models import Min

from apps.billing.models import Invoice, InvoiceKind, InvoiceLine, PaymentMethod
from apps.billing.taxes import OUTSIDE, is_eu
from apps.core.money import plain, rounded
from apps.tiers.models import Item

LEVEL = "en16931"
TYPES = {InvoiceKind.INVOICE: "380", InvoiceKind.CREDIT_NOTE: "381"}  # UNTDID 1001
TRANSFER, CARD = "30", "48"  # UNTDID 4461
MONTH, GIGABYTE, ONE = "MON", "E34", "C62"  # UN/ECE Recommendation 20
REASONS = {"AE": "VATEX-EU-AE", "O": "VATEX-EU-O"}


def has_e_invoice(invoice: Invoice) -> bool:
    """Whether the seller is registered in the EU. Small enterprises that are not need none, and lack what it names."""
    return is_eu(invoice.seller.get("country", "")) and bool(invoice.seller["vat_id"])


def e_invoice_xml(invoice: Invoice) -> bytes:
    """The e-invoice of a finalized invoice; the same bytes each time."""
    told = _document(invoice) | _parties(invoice) | _payment(invoice) | _sums(invoice)
    told["BG-25"] = [_line(invoice, line) for line in invoice.lines.order_by("position")]
    from facturx import generate_xml  # noqa: PLC0415 for sellers in the EU alone, and slow to import

    return cast(bytes, generate_xml(told, level=LEVEL, check_schematron=None))


def _document(invoice: Invoice) -> dict[str, Any]:
    last = invoice.period.replace(day=monthrange(invoice.period.year, invoice.period.month)[1])
    supplied = invoice.charges.aggregate(first=Min("supplied_on"))["first"] or invoice.period
    told: dict[str, Any] = {
        "BT-1": invoice.number, "BT-2": invoice.issued_on, "BT-3": TYPES[InvoiceKind(invoice.kind)],
        "BT-5": invoice.currency, "BT-9": invoice.due_on, "BT-12": str(invoice.contract),
        "BT-72": last, "BT-73": min(invoice.period, supplied), "BT-74": last,
    }  # fmt: skip
    if invoice.corrects:
        told["BG-3"] = [{"BT-25": invoice.corrects.number, "BT-26": invoice.corrects.issued_on}]
    return told


def _parties(invoice: Invoice) -> dict[str, Any]:
    """What is outside the scope of VAT names no VAT numbers (BR-O-02); the seller's is an identifier then."""
    seller, buyer = _party(invoice.seller), _party(invoice.buyer)
    if any(each["category"] == OUTSIDE for each in invoice.taxes):
        seller["identifiers"] = {None: seller.pop("vat_identifier")}
        del buyer["vat_identifier"]
    return {"BG-4": seller, "BG-7": buyer}


def _party(told: dict[str, str]) -> dict[str, Any]:
    lines = dict(zip(("addr_l1", "addr_l2", "addr_l3"), told["address"].splitlines(), strict=False))
    party = {"name": told["name"], "country_code": told["country"], "vat_identifier": told["vat_id"], **lines}
    return party | ({"contacts": [{"email": told["email"]}]} if told.get("email") else {})


def _payment(invoice: Invoice) -> dict[str, Any]:
    if invoice.buyer.get("payment_method") == PaymentMethod.CARD and invoice.buyer["card_last4"]:
        return {"BT-81": CARD, "BT-83": invoice.number, "BT-87": invoice.buyer["card_last4"]}
    seller = invoice.seller
    if not seller["bank_account"]:
        return {}
    account = seller["bank_account"].replace(" ", "")
    return {"BT-81": TRANSFER, "BT-83": invoice.number, "BT-84": account, "BT-85": seller["name"],
            "BT-86": seller["bic"]}  # fmt: skip


def _sums(invoice: Invoice) -> dict[str, Any]:
    net = _amount(invoice, invoice.net)
    return {
        "BG-23": [_tax(invoice, each) for each in invoice.taxes],
        "BT-106": net, "BT-109": net, "BT-110": _amount(invoice, invoice.tax),
        "BT-112": _amount(invoice, invoice.gross), "BT-115": _amount(invoice, invoice.gross),
    }  # fmt: skip


def _tax(invoice: Invoice, told: dict[str, str]) -> dict[str, Any]:
    category = told["category"]
    return {
        "BT-116": _amount(invoice, Decimal(told["net"])), "BT-117": _amount(invoice, Decimal(told["tax"])),
        "BT-118": category, "BT-119": None if category == OUTSIDE else told["rate"],
        "BT-120": told["note"], "BT-121": REASONS.get(category, ""),
    }  # fmt: skip


def _line(invoice: Invoice, line: InvoiceLine) -> dict[str, Any]:
    unit = {Item.BASE_FEE: MONTH, Item.STORAGE_GB: GIGABYTE}.get(Item(line.item), ONE)
    quantity = _sign(invoice) * line.quantity * (-1 if line.unit_price < 0 else 1)
    return {
        "BT-126": f"{line.position}", "BT-129": plain(quantity), "BT-130": unit,
        "BT-131": _amount(invoice, line.net), "BT-146": plain(abs(line.unit_price)),
        "BT-151": line.tax_category, "BT-152": None if line.tax_category == OUTSIDE else f"{line.tax_rate}",
        "BT-153": line.description,
    }  # fmt: skip


def _amount(invoice: Invoice, amount: Decimal) -> str:
    return f"{rounded(_sign(invoice) * amount, invoice.currency)}"


def _sign(invoice: Invoice) -> int:
    return -1 if invoice.kind == InvoiceKind.CREDIT_NOTE else 1
