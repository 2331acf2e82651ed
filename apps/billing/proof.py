"""That the books are right: closed months rated again, numbers and months without gaps, storage that adds up, money
that is where it belongs.

Nothing is changed. What is found is for staff.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from apps.billing.agreed import PriceBook, versions_of
from apps.billing.metering import Unreconciled, unreconciled
from apps.billing.models import Charge, Invoice, InvoiceKind, InvoiceLine, Source, State
from apps.billing.money_proof import Mismatch, bank_mismatches, card_mismatches
from apps.billing.months import first_day, is_over, month_before
from apps.billing.rating import rate
from apps.billing.run import due
from apps.billing.usage import Usage
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center

AT_A_TIME = 100
DAYS_BACK = 420
"""How far back months are rated again."""
DAYS_TO_BILL = timedelta(days=1)
"""After a month is over, before its invoice is missed."""

_NUMBER_GAPS = """
    WITH expected AS (
        SELECT issuer_id, kind, year::int AS year, n FROM billing_counter, generate_series(1, next - 1) n
    ), given AS (
        SELECT issuer_id, kind, extract(year FROM issued_on)::int AS year, substring(number from '[0-9]+$')::int AS n
        FROM billing_invoice WHERE number <> ''
    )
    SELECT prefix, kind, year, n FROM expected FULL JOIN given USING (issuer_id, kind, year, n)
    JOIN billing_issuer issuer ON issuer.id = issuer_id
    WHERE expected IS NULL OR given IS NULL ORDER BY prefix, kind, year, n
"""
_PERIOD_GAPS = """
    SELECT contract.id, month::date
    FROM contracts_contract contract JOIN facilities_facility facility ON facility.id = contract.facility_id
    JOIN unnest(%(zones)s::text[], %(over)s::date[]) zone (name, until) ON zone.name = facility.time_zone
    CROSS JOIN LATERAL generate_series(
        date_trunc('month', contract.starts_on::timestamp),
        least(zone.until::timestamp, date_trunc('month', (contract.ends_on - 1)::timestamp)), interval '1 month'
    ) month
    WHERE contract.state <> 'draft' AND NOT EXISTS (
        SELECT FROM billing_invoice invoice WHERE invoice.facility_id = contract.facility_id
        AND invoice.contract_id = contract.id AND invoice.kind = 'invoice' AND invoice.period = month::date
    ) ORDER BY contract.id, month
"""
_OVERLAPS = """
    SELECT id FROM (
        SELECT id, inputs ->> 'first' AS first,
            lag(inputs ->> 'last') OVER (PARTITION BY facility_id ORDER BY inputs ->> 'first', id) AS before
        FROM billing_invoice WHERE kind = 'invoice' AND inputs ->> 'first' <= inputs ->> 'last'
    ) invoice WHERE before >= first ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """An invoice that is not what its facts and terms come to. `what` names the charges, lines or sums."""

    invoice: Invoice
    what: str


@dataclass(slots=True)
class Proof:
    """How many invoices were rated again, and what is wrong."""

    rated: int = 0
    differences: list[Difference] = field(default_factory=list)
    number_gaps: list[str] = field(default_factory=list)
    period_gaps: list[tuple[Contract, date]] = field(default_factory=list)
    overlaps: list[Invoice] = field(default_factory=list)
    storage: list[Unreconciled] = field(default_factory=list)
    bank: list[Mismatch] = field(default_factory=list)
    cards: list[Mismatch] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.counts().values())

    def counts(self) -> dict[str, int]:
        """How much of each kind is wrong."""
        names = ("differences", "number_gaps", "period_gaps", "overlaps", "storage", "bank", "cards")
        return {name: len(getattr(self, name)) for name in names}


def prove(*, as_of: datetime, days_back: int = DAYS_BACK) -> Proof:
    """Everything that can be proven, as of now."""
    proof = Proof()
    rerate(proof, since=first_day(as_of.date() - timedelta(days=days_back)))
    with as_center():
        look(proof, as_of=as_of)
    return proof


def look(proof: Proof, *, as_of: datetime) -> None:
    """Gaps, overlaps, storage that does not add up, money; within the caller's transaction."""
    proof.number_gaps = [f"{prefix} {kind} {year}-{number:06d}" for prefix, kind, year, number in _rows(_NUMBER_GAPS)]
    proof.period_gaps = [*_period_gaps(as_of - DAYS_TO_BILL), *_custody_gaps(as_of - DAYS_TO_BILL)]
    proof.overlaps = list(Invoice.objects.filter(pk__in=[key for (key,) in _rows(_OVERLAPS)]).order_by("pk"))
    proof.storage = unreconciled()
    proof.bank, proof.cards = bank_mismatches(as_of=as_of), card_mismatches(as_of=as_of)


def rerate(proof: Proof, *, since: date) -> None:
    """Compute the charges of each invoice again, from its facts and the terms, and compare them with the ledger."""
    book, last = PriceBook(), 0
    while True:
        with as_center():
            rows = Invoice.objects.filter(kind=InvoiceKind.INVOICE, period__gte=since, pk__gt=last)
            found = list(rows.select_related("contract").order_by("pk")[:AT_A_TIME])
            if not found:
                return
            proof.differences += _differences(found, book)
        proof.rated += len(found)
        last = found[-1].pk


def _differences(invoices: Sequence[Invoice], book: PriceBook) -> list[Difference]:
    of_invoices = {"facility_id__in": {each.facility_id for each in invoices}, "invoice_id__in": [
        each.pk for each in invoices
    ]}  # fmt: skip
    versions = versions_of({each.contract_id: each.contract for each in invoices}.values())
    book.learn(version.price_list_id for each in versions.values() for version in each)
    charges, lines = defaultdict[int, list[Charge]](list), defaultdict[int, list[InvoiceLine]](list)
    for charge in Charge.objects.filter(**of_invoices).exclude(source=Source.CREDIT).select_related("version"):
        charges[charge.invoice_id].append(charge)
    for line in InvoiceLine.objects.filter(**of_invoices):
        lines[line.invoice_id].append(line)
    found = []
    for invoice in invoices:
        terms = [book.terms(version) for version in versions[invoice.contract_id]]
        expected = set[tuple[Any, ...]]()
        if invoice.state != State.PARKED:
            usage = Usage.from_json(invoice.inputs)
            rated = rate(usage, terms, invoice.currency, contract=f"{invoice.contract}")
            expected = {
                (each.version, each.source, each.source_key, each.item, each.supplied_on, each.quantity,
                 each.unit_price, each.amount, invoice.currency)
                for each in rated
            }  # fmt: skip
        what = [
            *_other_charges(expected, charges[invoice.pk]),
            *_other_sums(invoice, charges[invoice.pk], lines[invoice.pk]),
        ]
        if what:
            found.append(Difference(invoice, ", ".join(what)))
    return found


def _other_charges(expected: set[tuple[Any, ...]], charges: Sequence[Charge]) -> list[str]:
    told = {
        (each.version.number, each.source, each.source_key, each.item, each.supplied_on, each.quantity,
         each.unit_price, each.amount, each.currency)
        for each in charges
    }  # fmt: skip
    return sorted({f"{source}/{key}" for _version, source, key, *_ in expected ^ told})


def _other_sums(invoice: Invoice, charges: Sequence[Charge], lines: Sequence[InvoiceLine]) -> list[str]:
    by_line = defaultdict[int, Decimal](Decimal)
    for charge in charges:
        by_line[charge.line_id] += charge.amount
    wrong = [f"line {line.position}" for line in lines if line.net != by_line.pop(line.pk, Decimal(0))]
    if by_line or invoice.net != sum((line.net for line in lines), Decimal(0)):
        wrong.append("net")
    if invoice.gross != invoice.net + invoice.tax:
        wrong.append("total")
    return wrong


def _period_gaps(as_of: datetime) -> list[tuple[Contract, date]]:
    zones = list(Facility.objects.order_by().values_list("time_zone", flat=True).distinct())
    over = [_last_month_over(as_of, zone) for zone in zones]
    rows = _rows(_PERIOD_GAPS, {"zones": zones, "over": over})
    contracts = Contract.objects.select_related("facility").in_bulk({key for key, _ in rows})
    return [(contracts[key], month) for key, month in rows]


def _custody_gaps(as_of: datetime) -> list[tuple[Contract, date]]:
    """Months in which a contract served no day any more, and what it kept was not charged."""
    found, month = list[tuple[Contract, date]](), first_day(as_of.date())
    while as_of.date() - month < timedelta(days=DAYS_BACK):
        month = month_before(month)
        kept = due(month, as_of=as_of).filter(ends_on__lte=month).select_related("facility")
        found += [(contract, month) for contract in kept]
    return found


def _last_month_over(as_of: datetime, zone: str) -> date:
    month = first_day(as_of.date() + timedelta(days=2))
    while not is_over(month, as_of=as_of, zone=zone):
        month = first_day(month - timedelta(days=1))
    return month


def _rows(statement: str, given: dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, given)
        return list(cursor.fetchall())
