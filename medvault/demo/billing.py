"""Billing of the demonstration: who bills, who is billed, and the invoices of all months so far, most of them paid."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import F

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor
from apps.billing.invoicing import finalize_due, mark_overdue
from apps.billing.models import BillingAccount, Invoice, Issuer, PaymentMethod, State
from apps.billing.run import run_billing
from apps.billing.settling import open_amount, record_payment
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center

ISSUERS: dict[str, dict[str, str]] = {
    "sakura": {
        "name": "MedVault 画像保管センター株式会社", "country": "JP",
        "address": "〒105-0011\n東京都港区芝公園一丁目2番3号",
        "registration_number": "T2901234567890", "email": "billing@center.example", "bank_name": "見本銀行 芝支店",
        "bank_account": "普通 1234567", "prefix": "MVJ",
    },
    "lindenhof": {
        "name": "MedVault Bildarchiv GmbH", "address": "Musterstraße 12\n10115 Berlin", "country": "DE",
        "vat_id": "DE314159262", "email": "billing@center.example", "bank_name": "Musterbank Berlin",
        "bank_account": "DE89 3704 0044 0532 0130 00", "bic": "COBADEFFXXX", "prefix": "MVD",
    },
}  # fmt: skip
ACCOUNTS: dict[str, dict[str, str]] = {
    "sakura": {"legal_name": "医療法人 桜クリニック", "address": "〒104-0061\n東京都中央区銀座四丁目5番6号",
               "country": "JP", "email": "office@sakura.example"},
    "lindenhof": {"legal_name": "Radiologie Lindenhof MVZ GmbH", "address": "Lindenhof 3\n20095 Hamburg",
                  "country": "DE", "vat_id": "DE271828180", "email": "buchhaltung@lindenhof.example"},
}  # fmt: skip
# Of the latest invoices of each facility, how many are not paid.
UNPAID = {"sakura": 1, "lindenhof": 2}


def seed_accounts(facilities: Mapping[str, Facility]) -> None:
    """An issuer in the country of each facility, which bills it. Safe to repeat."""
    with as_center():
        for slug, facility in facilities.items():
            issuer = Issuer.objects.get_or_create(name=ISSUERS[slug]["name"], defaults=ISSUERS[slug])[0]
            BillingAccount.objects.get_or_create(facility=facility, defaults={"issuer": issuer} | ACCOUNTS[slug])


def seed_invoices(facilities: Mapping[str, Facility], *, now: datetime) -> None:
    """Every month since the contracts began that is over: run, finalized after the days of grace, paid. Repeatable."""
    seed_accounts(facilities)
    with as_center():
        first = Contract.objects.filter(facility__in=facilities.values()).order_by("starts_on").first()
    month = first.starts_on.replace(day=1) if first else now.date()
    while (ran_at := _noon(_next(month) + timedelta(days=1))) <= now:
        run_billing(month, as_of=ran_at)
        finalize_due(by=None, actor=SYSTEM, now=ran_at + timedelta(days=settings.BILLING_GRACE_DAYS), limit=100)
        month = _next(month)
    for slug, facility in facilities.items():
        with as_center():
            _settle(facility, UNPAID[slug], now)
    with as_center():
        mark_overdue(now=now)


def _settle(facility: Facility, unpaid: int, now: datetime) -> None:
    """What was paid, three weeks after it was billed. All but the latest invoice have been mailed long ago."""
    invoices = list(Invoice.objects.filter(facility=facility).exclude(finalized_at=None).order_by("period"))
    clerk = User.objects.get(email="billing@center.example")
    for invoice in invoices[:-unpaid]:
        if invoice.state == State.FINALIZED and open_amount(invoice) > Decimal(0):
            assert invoice.issued_on
            record_payment(
                invoice, method=PaymentMethod.TRANSFER, amount=open_amount(invoice), currency=invoice.currency,
                paid_on=invoice.issued_on + timedelta(days=21), reference=f"DEMO-{invoice.number}",
                actor=Actor("user", str(clerk.pk)), now=now,
            )  # fmt: skip
    before = [each.pk for each in invoices[:-1]]
    Invoice.objects.filter(pk__in=before, mailed_at=None).update(mailed_at=F("finalized_at"))


def _next(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
