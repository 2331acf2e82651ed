"""Issuers, accounts, contracts and finalized invoices for the tests of payments."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from apps.billing.models import BillingAccount, Invoice, Issuer, Payment
from apps.billing.models import State as InvoiceState
from apps.contracts.models import Contract, ContractVersion
from apps.contracts.models import State as ContractState
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import PriceList, Tier, TierVersion

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
    """An active contract with a version of these terms."""
    with as_center():
        if found := Contract.objects.filter(facility=facility).first():
            return found
        tier = Tier.objects.get_or_create(code="monthly", name="Monthly")[0]
        version = TierVersion.objects.get_or_create(
            tier=tier, number=1, offered_from=date(2026, 1, 1), frequency="monthly", ways=["visit"],
            response_hours=72, output_hours=48, urgent_output_hours=4,
        )[0]  # fmt: skip
        prices = PriceList.objects.get_or_create(
            tier_version=version, currency=currency, effective_from=date(2026, 1, 1)
        )[0]
        contract = Contract.objects.create(
            facility=facility, state=ContractState.ACTIVE, currency=currency, starts_on=date(2026, 1, 1),
            created_at=NOON, activated_at=NOON,
        )  # fmt: skip
        terms = {"dunning_days": [7, 14, 28], "suspend_after_days": 45} | terms
        ContractVersion.objects.create(
            facility=facility, contract=contract, number=1, effective_from=contract.starts_on, tier_version=version,
            price_list=prices, agreed_at=NOON, **terms,
        )  # fmt: skip
        return contract


def invoice_of(facility: Facility, gross: int | str = 22000, *, due_on: date = DUE, **fields: Any) -> Invoice:
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
