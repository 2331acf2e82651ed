"""Drafting the invoices of a month: facts are gathered, rated, and written with the claim of the month, at once.

Whoever drafts holds the contracts' rows, so that two runs never work on one contract, and its terms stay as they are.
All is written in the transaction that holds them: one that dies leaves nothing behind.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache, partial

from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.billing.agreed import PriceBook, versions_of
from apps.billing.bounds import Before, implausible
from apps.billing.errors import IllegalTransition, NotBillable
from apps.billing.gathering import gather_all
from apps.billing.lines import Line, lines_of
from apps.billing.metering import meter
from apps.billing.models import BillingAccount, Charge, Invoice, InvoiceKind, InvoiceLine, Issuer, State
from apps.billing.months import last_day, month_before
from apps.billing.rating import Rated, rate
from apps.billing.settling import locked_invoice
from apps.billing.taxes import Tax, tax_of, totals
from apps.billing.usage import Usage
from apps.contracts.models import Contract, ContractVersion
from apps.core.bulk import insert_rows
from apps.facilities.reading import in_words_of

NO_ACCOUNT = gettext_noop("There is no billing account")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an invoice would be. `parked_because`: why staff is to look at it first."""

    contract: Contract
    usage: Usage
    rated: list[Rated]
    versions: dict[int, ContractVersion]
    account: BillingAccount | None
    before: Before | None
    parked_because: str

    @property
    def net(self) -> Decimal:
        """The total before tax."""
        return sum((each.amount for each in self.rated), Decimal(0))


def claimed(contracts: QuerySet[Contract], month: date, *, waits: bool = True) -> list[Contract]:
    """Those of the contracts whose month has no invoice, held by this transaction; see the module's text.

    Where one does not wait, contracts that others hold are left to them.
    """
    rows = contracts.select_related("facility").select_for_update(of=("self",), no_key=True, skip_locked=not waits)
    held = list(rows.order_by("pk"))
    invoiced = set(_invoices(held, month).values_list("contract_id", flat=True))
    return [contract for contract in held if contract.pk not in invoiced]


def prepare(contracts: Sequence[Contract], month: date, book: PriceBook) -> list[Prepared]:
    """What the invoices of a month would be. Contracts without a day in it have one if anything is charged late, or
    was done since they were over. Reads alone.
    """
    if not contracts:
        return []
    versions = versions_of(contracts)
    book.learn(version.price_list_id for each in versions.values() for version in each)
    usages = gather_all(contracts, versions, month)
    facilities = [contract.facility_id for contract in contracts]
    found = BillingAccount.objects.filter(facility_id__in=facilities).select_related("issuer")
    accounts = {account.facility_id: account for account in found}
    before = _before(contracts, month)
    made = [
        prepared(
            contract, usages[contract.pk], versions[contract.pk], book,
            account=accounts.get(contract.facility_id), before=before.get(contract.pk),
        )
        for contract in contracts
    ]  # fmt: skip
    return [each for each in made if each.usage.has_days or each.rated]


def prepared(
    contract: Contract, usage: Usage, versions: Sequence[ContractVersion], book: PriceBook, *,
    account: BillingAccount | None, before: Before | None = None,
) -> Prepared:  # fmt: skip
    """A contract's usage, rated by its versions, whose prices are known."""
    terms = [book.terms(version) for version in versions]
    with in_words_of(None, contract.facility):
        rated = rate(usage, terms, contract.currency, contract=f"{contract}")
    odd = implausible(usage, rated, before=before, currency=contract.currency)
    by_number = {version.number: version for version in versions}
    return Prepared(contract, usage, rated, by_number, account, before, odd if account else NO_ACCOUNT)


def draft_all(contracts: Sequence[Contract], month: date, *, now: datetime, book: PriceBook) -> list[Invoice]:
    """The invoices of a month, drafts or parked, of contracts that were claimed in this transaction."""
    meter([contract.facility for contract in contracts], until=last_day(month))
    found = prepare(contracts, month, book)
    invoices = [_invoice(each, month, now) for each in found]
    insert_rows(invoices)
    write_charges(
        [(invoice, each) for invoice, each in zip(invoices, found, strict=True) if not each.parked_because], now
    )
    return invoices


def park(contract: Contract, month: date, *, reason: str, now: datetime) -> Invoice:
    """Claim the month for staff to look at: nothing is charged."""
    account = BillingAccount.objects.filter(facility_id=contract.facility_id).select_related("issuer").first()
    return Invoice.objects.create(
        facility_id=contract.facility_id, contract=contract, issuer=_issuer(account), period=month, state=State.PARKED,
        currency=contract.currency, parked_because=reason[:200], drafted_at=now,
    )  # fmt: skip


def release(invoice: Invoice, *, by: User, actor: Actor, now: datetime) -> None:
    """Draft a parked invoice nevertheless, from the facts that it was parked with. Another person finalizes it.

    Raises IllegalTransition, NotBillable.
    """
    current = locked_invoice(invoice)
    if current.state != State.PARKED:
        raise IllegalTransition(gettext("Only a parked invoice is released"))
    contract = Contract.objects.select_related("facility").get(facility_id=current.facility_id, pk=current.contract_id)
    account = BillingAccount.objects.filter(facility_id=current.facility_id).select_related("issuer").first()
    if account is None:
        raise NotBillable(gettext(NO_ACCOUNT))
    book, versions = PriceBook(), versions_of([contract])
    book.learn(version.price_list_id for version in versions[contract.pk])
    usage = (
        Usage.from_json(current.inputs)
        if current.inputs
        else gather_all([contract], versions, current.period)[contract.pk]
    )
    ready = prepared(contract, usage, versions[contract.pk], book, account=account)
    current.advance(State.DRAFT, at=now)
    current.inputs, current.issuer, current.drafted_by, current.drafted_at = usage.as_json(), account.issuer, by, now
    _total(current, ready)
    current.save()
    write_charges([(current, ready)], now)
    record("invoice.released", actor=actor, object_type="invoice", object_id=current.pk,
           facility_id=current.facility_id, parked_because=current.parked_because)  # fmt: skip
    invoice.refresh_from_db()


def write_charges(drafts: Sequence[tuple[Invoice, Prepared]], now: datetime) -> None:
    """The lines and charges of drafts that have their rows."""
    lines, charges = list[InvoiceLine](), list[tuple[Charge, InvoiceLine]]()
    for invoice, ready in drafts:
        for position, line in enumerate(_lines(ready), 1):
            row = _line_row(invoice, position, line)
            lines.append(row)
            charges += [(_charge_row(invoice, ready, each, now), row) for each in line.charges]
    insert_rows(lines)
    for charge, row in charges:
        charge.line_id = row.pk
    insert_rows([charge for charge, _ in charges])


def taxed(account: BillingAccount, supplied_on: date) -> Tax:
    """The tax of what is supplied to a facility on a day."""
    issuer = account.issuer
    return _tax_of(issuer.country, issuer.is_registered, account.country, account.vat_id, supplied_on)


@lru_cache(maxsize=10_000)
def _tax_of(country: str, is_registered: bool, buyer_country: str, vat_id: str, supplied_on: date) -> Tax:  # noqa: FBT001
    return tax_of(
        seller_country=country, seller_registered=is_registered, buyer_country=buyer_country, buyer_vat_id=vat_id,
        supplied_on=supplied_on,
    )  # fmt: skip


def _invoices(contracts: Sequence[Contract], month: date) -> QuerySet[Invoice]:
    return Invoice.objects.filter(
        facility_id__in={contract.facility_id for contract in contracts}, contract__in=[each.pk for each in contracts],
        period=month, kind=InvoiceKind.INVOICE,
    )  # fmt: skip


def _before(contracts: Sequence[Contract], month: date) -> dict[int, Before]:
    rows = _invoices(contracts, month_before(month)).exclude(state=State.PARKED)
    found = {}
    for key, net, first, last in rows.values_list("contract_id", "net", "inputs__first", "inputs__last"):
        if (days := (date.fromisoformat(last) - date.fromisoformat(first)).days + 1) > 0:
            found[key] = Before(net, days)
    return found


def _invoice(ready: Prepared, month: date, now: datetime) -> Invoice:
    contract = ready.contract
    invoice = Invoice(
        facility_id=contract.facility_id, contract=contract, issuer=_issuer(ready.account), period=month,
        state=State.PARKED if ready.parked_because else State.DRAFT, currency=contract.currency,
        inputs=ready.usage.as_json(), parked_because=ready.parked_because[:200], drafted_at=now,
    )  # fmt: skip
    if not ready.parked_because:
        _total(invoice, ready)
    return invoice


def _issuer(account: BillingAccount | None) -> Issuer:
    """Of a parked invoice without an account: the first there is, until it is released."""
    issuer = account.issuer if account else Issuer.objects.order_by("pk").first()
    if issuer is None:
        raise NotBillable(gettext("There is no issuer: say first in whose name invoices are made"))
    return issuer


def _lines(ready: Prepared) -> list[Line]:
    assert ready.account
    with in_words_of(None, ready.contract.facility):
        return lines_of(ready.rated, partial(taxed, ready.account), month=ready.usage.month)


def _total(invoice: Invoice, ready: Prepared) -> None:
    assert ready.account
    account = ready.account
    found = totals([(each.amount, taxed(account, each.supplied_on)) for each in ready.rated], invoice.currency)
    invoice.net, invoice.tax, invoice.gross, invoice.taxes = found.net, found.tax, found.gross, found.by_rate


def _line_row(invoice: Invoice, position: int, line: Line) -> InvoiceLine:
    return InvoiceLine(
        facility_id=invoice.facility_id, invoice_id=invoice.pk, position=position, item=line.item,
        description=line.description, quantity=line.quantity, unit_price=line.unit_price, net=line.net,
        tax_category=line.tax.category, tax_rate=line.tax.rate,
    )  # fmt: skip


def _charge_row(invoice: Invoice, ready: Prepared, rated: Rated, now: datetime) -> Charge:
    return Charge(
        facility_id=invoice.facility_id, version_id=ready.versions[rated.version].pk, invoice_id=invoice.pk,
        source=rated.source,
        source_key=rated.source_key, item=rated.item, supplied_on=rated.supplied_on, quantity=rated.quantity,
        unit_price=rated.unit_price, amount=rated.amount, currency=invoice.currency, clause=rated.clause[:200],
        counted=rated.counted, created_at=now,
    )  # fmt: skip
