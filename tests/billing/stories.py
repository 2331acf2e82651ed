"""Issuers, accounts, contracts and finalized invoices for the tests of payments."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from apps.billing.models import BillingAccount, Invoice, Issuer, Payment
from apps.billing.models import State as InvoiceState
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.contracts.stories import in_force, price_list, tier_version

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
DUE = date(2026, 5, 31)
_numbers = count(1)


def issuer() -> Issuer:
    """The center."""
    with as_center():
        return Issuer.objects.get_or_create(name="Image Center", defaults={"address": "1-1 Minato", "country": "JP"})[0]


def account_of(facility: Facility, **fields: Any) -> BillingAccount:
    """How the facility is billed."""
    center = issuer()
    with as_center():
        return BillingAccount.objects.update_or_create(
            facility=facility,
            defaults={"legal_name": facility.name, "country": facility.country, "issuer": center} | fields,
        )[0]


def contract_of(facility: Facility, *, currency: str = "JPY", **terms: Any) -> Contract:
    """The facility's contract, in force since January, with reminders and a stop of outputs."""
    with as_center():
        found = Contract.objects.filter(facility=facility).first()
    agreed: dict[str, Any] = {"dunning_days": [7, 14, 28], "suspend_after_days": 45} | terms
    return found or in_force(facility, date(2026, 1, 1), price_list(tier_version(), currency), **agreed)


def invoice_of(facility: Facility, gross: int | str = 22000, *, due_on: date | None = DUE, **fields: Any) -> Invoice:
    """A finalized invoice, each of a month of its own."""
    contract = contract_of(facility, currency=fields.get("currency", "JPY"))
    number = next(_numbers)
    with as_center():
        return Invoice.objects.create(
            **{
                "facility": facility, "contract": contract, "issuer": issuer(), "currency": "JPY",
                "period": date(2000 + number // 12, number % 12 + 1, 1), "state": InvoiceState.FINALIZED,
                "number": f"MV-2026-{number:06d}", "net": Decimal(gross), "gross": Decimal(gross),
                "drafted_at": NOON - timedelta(days=3), "finalized_at": NOON, "issued_on": NOON.date(),
                "due_on": due_on,
            } | fields
        )  # fmt: skip


def fresh(invoice: Invoice) -> Invoice:
    """The invoice as it is now."""
    with as_center():
        return Invoice.objects.select_related("contract").get(pk=invoice.pk)


def payments() -> list[tuple[str, int]]:
    """Method and whole amount of every payment, in order."""
    with as_center():
        return [(each.method, int(each.amount)) for each in Payment.objects.order_by("pk")]
