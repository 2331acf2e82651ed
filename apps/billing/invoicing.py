"""Invoices: generated for a month, finalized under a number, corrected by credit notes, overdue after their day.

Each within the caller's transaction, as the center. An invoice that is finalized never changes but in its state.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.billing.agreed import PriceBook
from apps.billing.drafting import NO_ACCOUNT, claimed, draft_all, taxed
from apps.billing.errors import IllegalTransition, NeedsAnother, NotBillable
from apps.billing.models import (
    BillingAccount,
    Charge,
    Counter,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Issuer,
    Source,
    State,
)
from apps.billing.months import is_over, last_day
from apps.billing.settling import locked_invoice, open_amount, settle
from apps.billing.taxes import Tax, Totals, credited, totals
from apps.billing.telling import tell_of_delay, tell_of_issue
from apps.contracts.agreeing import version_of
from apps.contracts.models import Contract
from apps.contracts.models import State as ContractState
from apps.core.bulk import insert_rows
from apps.core.clock import day_of
from apps.core.shown import moment
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center

SIGNS = {InvoiceKind.INVOICE: "", InvoiceKind.CREDIT_NOTE: "-CN"}
"""What tells the number ranges apart."""


def generate(contract: Contract, month: date, *, now: datetime) -> Invoice:
    """The invoice of a contract's month, a draft or parked; the one that there is, if it was generated before.

    Raises NotBillable where the month is not over yet, or nothing of it the contract's.
    """
    of_contract = Contract.objects.filter(facility_id=contract.facility_id, pk=contract.pk)
    for found in claimed(of_contract, month):
        if not is_over(month, as_of=now, zone=found.facility.time_zone):
            raise NotBillable(_("%(month)s is not over yet") % {"month": f"{month:%Y-%m}"})
        is_in_force = found.state != ContractState.DRAFT and found.starts_on <= last_day(month)
        if not (is_in_force and draft_all([found], month, now=now, book=PriceBook())):
            raise NotBillable(
                _("%(contract)s has no day in %(month)s") % {"contract": found, "month": f"{month:%Y-%m}"}
            )
    return Invoice.objects.get(
        facility_id=contract.facility_id, contract=contract, period=month, kind=InvoiceKind.INVOICE
    )


def to_finalize(*, now: datetime) -> QuerySet[Invoice]:
    """The drafts whose days of grace are over."""
    until = now - timedelta(days=settings.BILLING_GRACE_DAYS)
    return Invoice.objects.filter(state=State.DRAFT, kind=InvoiceKind.INVOICE, drafted_at__lte=until)


def finalize(invoice: Invoice, *, by: User | None, actor: Actor, now: datetime) -> None:
    """Give a draft its number, date, taxes, seller and buyer. What a person drafted, another one finalizes.

    The counter's row is held until this transaction ends: numbers have no gaps, and finalizing one waits for another.
    Raises IllegalTransition, NeedsAnother, NotBillable.
    """
    current = locked_invoice(invoice)
    _check_finalize(current, by, now)
    accounts = BillingAccount.objects.filter(facility_id=current.facility_id).select_related("issuer", "facility")
    account = accounts.first()
    if account is None:
        raise NotBillable(_(NO_ACCOUNT))
    _tell_taxes(current, account)
    current.issuer, current.seller, current.buyer = account.issuer, account.issuer.snapshot(), account.snapshot()
    current.finalized_by = by
    _number(current, now)
    assert current.issued_on
    current.due_on = current.issued_on + timedelta(days=_payment_days(current))
    current.save()
    _record("finalized", current, actor)
    tell_of_issue(current)
    settle(current, actor=actor, now=now)
    invoice.refresh_from_db()


def finalize_due(*, by: User | None, actor: Actor, now: datetime, limit: int) -> int:
    """Finalize the drafts whose grace is over and that this person did not draft; nobody's own: those of the beat.

    One transaction each, in the order of their issuers and months. Returns how many.
    """
    rows = to_finalize(now=now)
    rows = rows.exclude(drafted_by=by) if by else rows.filter(drafted_by=None)
    with as_center():
        found = list(rows.order_by("issuer_id", "period", "pk")[:limit])
    done = 0
    for invoice in found:
        with as_center():
            try:
                finalize(invoice, by=by, actor=actor, now=now)
            except (IllegalTransition, NotBillable):
                continue
        done += 1
    return done


def credit(
    invoice: Invoice, charges: Iterable[Charge], *, reason: str, by: User, actor: Actor, now: datetime
) -> Invoice:
    """A credit note over charges of a finalized invoice, each once, with what is owed less as negative amounts.

    Raises IllegalTransition.
    """
    current, given = locked_invoice(invoice), list(charges)
    _check_credit(current, given, reason)
    note = Invoice(
        facility_id=current.facility_id, kind=InvoiceKind.CREDIT_NOTE, contract_id=current.contract_id,
        corrects=current, issuer_id=current.issuer_id, period=current.period, currency=current.currency,
        seller=current.seller, buyer=current.buyer, reason=reason[:200], drafted_at=now, drafted_by=by,
        finalized_by=by,
    )  # fmt: skip
    insert_rows([note])
    _write_credits(note, current, given, now)
    _number(note, now)
    note.save()
    _record("credited", note, actor, corrects=current.number)
    tell_of_issue(note)
    settle(current, actor=actor, now=now)
    invoice.refresh_from_db()
    return note


def mark_overdue(*, now: datetime) -> int:
    """The invoices that were due before today at their facility are overdue. Returns how many."""
    open_ones = Invoice.objects.filter(state=State.FINALIZED, kind=InvoiceKind.INVOICE).defer("inputs")
    held = open_ones.select_related("facility").select_for_update(of=("self",)).order_by("pk")
    done = 0
    for zone in Facility.objects.order_by().values_list("time_zone", flat=True).distinct():
        for invoice in held.filter(facility__time_zone=zone, due_on__lt=day_of(now, zone)):
            become_overdue(invoice, now=now)
            done += 1
    return done


def become_overdue(invoice: Invoice, *, now: datetime) -> None:
    """An open invoice, which the caller holds, was not paid in time. Raises IllegalTransition."""
    invoice.advance(State.OVERDUE, at=now)
    invoice.save(update_fields=["state", "settled_at"])
    tell_of_delay(invoice, open_amount(invoice), now=now)


def _check_finalize(invoice: Invoice, by: User | None, now: datetime) -> None:
    if invoice.state != State.DRAFT:
        raise IllegalTransition(
            _("The invoice is %(state)s and cannot be finalized") % {"state": invoice.get_state_display()}
        )
    until = invoice.drafted_at + timedelta(days=settings.BILLING_GRACE_DAYS)
    if now < until:
        raise IllegalTransition(_("Drafts wait for objections until %(until)s UTC") % {"until": moment(until)})
    if invoice.drafted_by_id and (by is None or by.pk == invoice.drafted_by_id):
        raise NeedsAnother(_("Another person finalizes what a person drafted"))


def _tell_taxes(invoice: Invoice, account: BillingAccount) -> None:
    """The taxes as of now: the account may have been corrected since the draft."""
    of_invoice = {"facility_id": invoice.facility_id, "invoice": invoice}
    supplied = dict(Charge.objects.filter(**of_invoice).values_list("line_id").annotate(last=Max("supplied_on")))
    changed = defaultdict[tuple[str, Decimal], list[int]](list)
    told = []
    for line in InvoiceLine.objects.filter(**of_invoice):
        tax = taxed(account, supplied[line.pk])
        told.append((line.net, tax))
        if (tax.category, tax.rate) != (line.tax_category, line.tax_rate):
            changed[tax.category, tax.rate].append(line.pk)
    for (category, percent), keys in changed.items():
        InvoiceLine.objects.filter(**of_invoice, pk__in=keys).update(tax_category=category, tax_rate=percent)
    _take(totals(told, invoice.currency), invoice)


def _take(found: Totals, invoice: Invoice) -> None:
    invoice.net, invoice.tax, invoice.gross, invoice.taxes = found.net, found.tax, found.gross, found.by_rate


def _number(invoice: Invoice, now: datetime) -> None:
    """The next number of the issuer's in the year of the invoice's date, as it is at the facility."""
    invoice.issued_on = day_of(now, invoice.facility.time_zone)
    of_year = {"issuer_id": invoice.issuer_id, "kind": invoice.kind, "year": invoice.issued_on.year}
    Counter.objects.bulk_create([Counter(**of_year)], ignore_conflicts=True)
    counter = Counter.objects.select_for_update().get(**of_year)
    prefix = Issuer.objects.get(pk=invoice.issuer_id).prefix + SIGNS[InvoiceKind(invoice.kind)]
    invoice.number = f"{prefix}-{counter.year}-{counter.next:06d}"
    invoice.advance(State.FINALIZED, at=now)
    counter.next += 1
    counter.save(update_fields=["next"])


def _payment_days(invoice: Invoice) -> int:
    """By the terms that governed the end of the month."""
    version = version_of(invoice.contract, on=last_day(invoice.period))
    assert version
    return version.payment_days


def _check_credit(invoice: Invoice, charges: Sequence[Charge], reason: str) -> None:
    if invoice.finalized_at is None or invoice.kind != InvoiceKind.INVOICE:
        raise IllegalTransition(_("Only a finalized invoice is corrected by a credit note"))
    if not charges or not reason:
        raise IllegalTransition(_("A credit note needs charges and a reason"))
    if any((each.facility_id, each.invoice_id) != (invoice.facility_id, invoice.pk) for each in charges):
        raise IllegalTransition(_("The charges are another invoice's"))
    keys = [str(each.pk) for each in charges]
    of_charges = Charge.objects.filter(facility_id=invoice.facility_id, source=Source.CREDIT, source_key__in=keys)
    if len(set(keys)) < len(keys) or of_charges.exists():
        raise IllegalTransition(_("Each charge is credited once"))


def _write_credits(note: Invoice, invoice: Invoice, charges: Sequence[Charge], now: datetime) -> None:
    """Lines as those of the invoice, taxed as they were, with the credited part of each."""
    by_line = defaultdict[int, list[Charge]](list)
    for charge in charges:
        by_line[charge.line_id].append(charge)
    found = list(InvoiceLine.objects.filter(facility_id=note.facility_id, pk__in=by_line).order_by("position"))
    rows = [_credit_line(note, position, line, by_line[line.pk]) for position, line in enumerate(found, 1)]
    insert_rows(rows)
    for line, row in zip(found, rows, strict=True):
        insert_rows([_credit_of(note, row, charge, invoice, now) for charge in by_line[line.pk]])
    notes = {(each["category"], Decimal(each["rate"])): each["note"] for each in invoice.taxes}
    taxes = [Tax(row.tax_category, row.tax_rate, notes.get((row.tax_category, row.tax_rate), "")) for row in rows]
    before = Invoice.objects.filter(facility_id=note.facility_id, corrects=invoice).exclude(pk=note.pk)
    documents = [invoice.taxes, *before.values_list("taxes", flat=True)]
    taxed_rows = [(row.net, tax) for row, tax in zip(rows, taxes, strict=True)]
    _take(credited(taxed_rows, note.currency, documents=documents), note)


def _credit_line(note: Invoice, position: int, line: InvoiceLine, charges: Sequence[Charge]) -> InvoiceLine:
    return InvoiceLine(
        facility_id=note.facility_id, invoice=note, position=position, item=line.item, description=line.description,
        quantity=sum((each.quantity for each in charges), Decimal(0)), unit_price=-line.unit_price,
        net=-sum((each.amount for each in charges), Decimal(0)), tax_category=line.tax_category, tax_rate=line.tax_rate,
    )  # fmt: skip


def _credit_of(note: Invoice, row: InvoiceLine, charge: Charge, invoice: Invoice, now: datetime) -> Charge:
    return Charge(
        facility_id=note.facility_id, version_id=charge.version_id, invoice=note, line=row, source=Source.CREDIT,
        source_key=str(charge.pk), item=charge.item, supplied_on=charge.supplied_on, quantity=charge.quantity,
        unit_price=-charge.unit_price, amount=-charge.amount, currency=note.currency,
        clause=f"{invoice.number}: {note.reason}"[:200], counted={"charge": charge.pk}, created_at=now,
    )  # fmt: skip


def _record(verb: str, invoice: Invoice, actor: Actor, **details: str) -> None:
    record(f"invoice.{verb}", actor=actor, object_type="invoice", object_id=invoice.pk,
           facility_id=invoice.facility_id, number=invoice.number, gross=f"{invoice.gross}", **details)  # fmt: skip
