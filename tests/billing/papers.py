"""Finalized invoices with lines and charges, of a Japanese and a German center."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any

from apps.billing.models import BillingAccount, Charge, Invoice, InvoiceKind, InvoiceLine, Issuer, State
from apps.billing.taxes import tax_of, totals
from apps.contracts.models import ContractVersion
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.stories import contract_of

FINALIZED = datetime(2026, 5, 1, 3, tzinfo=UTC)
APRIL = date(2026, 4, 1)
ISSUERS: dict[str, dict[str, str]] = {
    "JP": {
        "name": "桜画像保管センター株式会社", "address": "東京都港区芝公園1-1-1", "country": "JP",
        "registration_number": "T7000012050002", "bank_name": "みずほ銀行 芝支店", "bank_account": "普通 1234567",
        "email": "billing@center.example",
    },
    "DE": {
        "name": "Bildarchiv Mitte GmbH", "address": "Invalidenstraße 1\n10115 Berlin", "country": "DE",
        "vat_id": "DE136695976", "bank_name": "Musterbank", "bank_account": "DE89 3704 0044 0532 0130 00",
        "bic": "COBADEFFXXX", "email": "billing@center.example",
    },
}  # fmt: skip
_numbers = count(1)


@dataclass(frozen=True)
class Item:
    """A line with one charge."""

    item: str
    description: str
    quantity: str
    unit_price: str
    net: str
    source: str = "base"
    counted: dict[str, Any] = field(default_factory=dict)
    clause: str = "30 of 30 days"


YEN = [
    Item("base_fee", "Monthly: base fee", "1", "20000", "20000"),
    Item("storage_gb", "Storage by volume", "300", "12.5", "3750", "storage"),
    Item("visit", "Promised visit that was not made", "1", "-8000", "-8000", "missed_visit"),
]
EUROS = [
    Item("base_fee", "Monthly: base fee", "0.333333", "180", "60.00"),
    Item("storage_gb", "Storage by volume", "123.456789", "0.0325", "4.01", "storage"),
    Item("visit", "Promised visit that was not made", "1", "-10.5", "-10.50", "missed_visit"),
]


def billed_by(center: str, facility: Facility, **fields: Any) -> BillingAccount:
    """The facility's account with the center of that country."""
    with as_center():
        issuer = Issuer.objects.get_or_create(name=ISSUERS[center]["name"], defaults=ISSUERS[center])[0]
        about = {"legal_name": facility.name, "country": facility.country, "address": "1-2-3 Chuo"} | fields
        account = BillingAccount.objects.update_or_create(facility=facility, defaults={"issuer": issuer} | about)[0]
    account.facility = facility
    return account


def invoiced(
    account: BillingAccount, items: list[Item] | None = None, *, period: date = APRIL, **fields: Any
) -> Invoice:
    """A finalized invoice of these lines."""
    currency = "JPY" if account.issuer.country == "JP" else "EUR"
    items = items or (YEN if currency == "JPY" else EUROS)
    contract = contract_of(account.facility, currency=currency)
    seller, buyer = account.issuer.snapshot(), account.snapshot()
    tax = tax_of(seller_country=account.issuer.country, seller_registered=account.issuer.is_registered,
                 buyer_country=account.country, buyer_vat_id=account.vat_id, supplied_on=period)  # fmt: skip
    sums = totals([(Decimal(each.net), tax) for each in items], currency)
    with as_center():
        of_facility: dict[str, Any] = {"facility": account.facility}
        invoice = Invoice.objects.create(
            **of_facility, contract=contract, issuer=account.issuer, currency=currency, period=period,
            net=sums.net, tax=sums.tax, gross=sums.gross, taxes=sums.by_rate, drafted_at=FINALIZED,
            kind=fields.get("kind", InvoiceKind.INVOICE), corrects=fields.get("corrects"),
        )  # fmt: skip
        version = ContractVersion.objects.get(**of_facility, contract=contract)
        for position, each in enumerate(items, 1):
            numbers: dict[str, Any] = {
                "item": each.item, "quantity": Decimal(each.quantity), "unit_price": Decimal(each.unit_price)
            }  # fmt: skip
            line = InvoiceLine.objects.create(
                **of_facility, **numbers, invoice=invoice, position=position, description=each.description,
                net=Decimal(each.net), tax_category=tax.category, tax_rate=tax.rate,
            )  # fmt: skip
            Charge.objects.create(
                **of_facility, **numbers, invoice=invoice, line=line, version=version, source=each.source,
                source_key=f"{invoice.pk}/{position}", supplied_on=period, amount=Decimal(each.net), currency=currency,
                clause=each.clause, counted=each.counted, created_at=FINALIZED,
            )  # fmt: skip
        final = {
            "state": State.FINALIZED, "number": f"MV-2026-{next(_numbers):05d}", "finalized_at": FINALIZED,
            "issued_on": FINALIZED.date(), "due_on": date(2026, 5, 31), "seller": seller, "buyer": buyer,
        } | fields  # fmt: skip
        Invoice.objects.filter(pk=invoice.pk).update(**final)
        return Invoice.objects.select_related("contract", "corrects").get(pk=invoice.pk)
