"""What happens at facilities, for the tests of what is charged for it."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.invoicing import finalize, generate
from apps.billing.models import BillingAccount, Charge, Invoice, Issuer, StorageEntry
from apps.billing.proof import prove
from apps.billing.run import run_billing
from apps.catalog.models import Patient, Study
from apps.collection.models import Collection, Method
from apps.collection.models import State as CollectionState
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.retention.models import Extension
from apps.tiers.models import Frequency, PriceList
from tests.billing.stories import account_of
from tests.contracts.stories import price_list, tier_version

APRIL = date(2026, 4, 1)
IN_MAY = datetime(2026, 5, 2, 12, tzinfo=UTC)
AFTER_GRACE = IN_MAY + timedelta(days=4)


def at(day: int, hour: int = 12, *, month: int = 4) -> datetime:
    """A time of April 2026, UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def plain_prices(**prices: Any) -> PriceList:
    """Of a tier that promises no visits."""
    return price_list(tier_version("plain", frequency=Frequency.ON_REQUEST), **prices)


def billable(facility: Facility, **fields: Any) -> BillingAccount:
    """The facility's account with the center, which is registered for Japan's tax."""
    account = account_of(facility, **fields)
    with as_center():
        Issuer.objects.update(registration_number="T1234567890123", prefix="MV")
    return account


def sums(invoice: Invoice) -> tuple[Any, ...]:
    """State, net, tax and total."""
    return invoice.state, invoice.net, invoice.tax, invoice.gross


def collected(facility: Facility, *moments: datetime, method: Method = Method.VISIT) -> list[Collection]:
    """Collections that the center received then."""
    with as_facility(facility):
        return [
            Collection.objects.create(
                facility=facility, method=method, state=CollectionState.STORED, opened_at=moment, received_at=moment
            )
            for moment in moments
        ]  # fmt: skip


def stored(facility: Facility, moment: datetime, stored_bytes: int, studies: int = 0) -> None:
    """So much came, or went, then."""
    with as_center():
        StorageEntry.objects.create(facility=facility, at=moment, delta_bytes=stored_bytes, delta_studies=studies)


def extended(facility: Facility, moment: datetime, period: str, until: date) -> Extension:
    """A study is kept longer from then on."""
    with as_facility(facility):
        patient = Patient.objects.create(facility=facility, patient_id=f"{uuid4()}", created_at=moment)
        study = Study.objects.create(
            facility=facility, patient=patient, study_instance_uid=f"2.25.{uuid4().int}", created_at=moment,
            updated_at=moment,
        )  # fmt: skip
        return Extension.objects.create(
            facility=facility, study=study, period=period, until=until, extended_at=moment
        )  # fmt: skip


def drafted(contract: Contract, month: date = APRIL, now: datetime = IN_MAY) -> Invoice:
    """The invoice of a month, as it was generated."""
    with as_center():
        return generate(contract, month, now=now)


def billed(month: date, *, as_of: datetime | None = None) -> list[Invoice]:
    """The month's invoices, once all that is due was drafted; again brings nothing more, and all proves right."""
    as_of = as_of or datetime(month.year, month.month, 3, 12, tzinfo=at(1).tzinfo) + timedelta(days=31)
    run_billing(month, as_of=as_of)
    assert run_billing(month, as_of=as_of).drafted == 0
    proof = prove(as_of=as_of, days_back=100)
    assert proof.counts() | {"storage": 0} == dict.fromkeys(proof.counts(), 0)
    with as_center():
        return list(Invoice.objects.filter(period=month).order_by("pk"))


def finalized(invoice: Invoice, by: User | None = None, now: datetime = AFTER_GRACE) -> Invoice:
    """The invoice, under its number."""
    with as_center():
        finalize(invoice, by=by, actor=SYSTEM, now=now)
    return invoice


def charges(invoice: Invoice) -> list[Charge]:
    """In the order in which they were rated."""
    with as_center():
        found = Charge.objects.filter(facility_id=invoice.facility_id, invoice=invoice)
        return list(found.select_related("version").order_by("pk"))


def told(found: Iterable[Charge]) -> list[tuple[Any, ...]]:
    """Source, item, quantity and amount of each."""
    return [(each.source, each.item, each.quantity, each.amount) for each in found]


def everything() -> dict[str, Any]:
    """What the ledger says, whatever keys the rows have."""
    with as_center():
        invoices = Invoice.objects.order_by("contract_id", "period")
        found = Charge.objects.order_by("facility_id", "source", "source_key")
        return {
            "invoices": list(invoices.values_list("contract_id", "period", "state", "number", "gross", "inputs")),
            "charges": list(found.values_list("facility_id", "source", "source_key", "quantity", "amount", "clause")),
        }
