"""The monthly run: every contract with days in a month gets its invoice, once, however often and wherever it runs.

Contracts are claimed some at a time, and passed over where another run holds them, so that several share the work.
What cannot be billed is parked with a reason and holds up nobody else.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db import DatabaseError, OperationalError
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.urls import reverse

from apps.audit.record import SYSTEM, record
from apps.billing.agreed import PriceBook
from apps.billing.custody import in_custody
from apps.billing.drafting import claimed, draft_all, park, prepare
from apps.billing.halting import is_halted
from apps.billing.late import may_be_supplemented
from apps.billing.metering import meter_all
from apps.billing.models import Invoice, InvoiceKind, State
from apps.billing.months import is_over, last_day, month_before, next_month
from apps.contracts.models import Contract
from apps.contracts.models import State as ContractState
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

AT_A_TIME = 50
"""Contracts whose invoices are written in one transaction."""
MONTHS_BACK = 3
"""Months that the beat makes up for; older ones are for `manage.py run_billing --period`."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a contract's invoice would be, before tax; `before`: last month's, as of a whole month of that length."""

    contract: Contract
    net: Decimal
    before: Decimal | None
    parked_because: str


@dataclass(slots=True)
class Run:
    """What a run did, or in a dry run would do. Contracts that could not be worked on are left to the next run.

    `is_halted`: staff stopped it, before or while it went on.
    """

    period: date
    drafted: int = 0
    parked: int = 0
    failed: int = 0
    is_halted: bool = False
    outlooks: list[Outlook] = field(default_factory=list)

    def count(self, *, is_parked: bool) -> None:
        """One invoice more."""
        if is_parked:
            self.parked += 1
        else:
            self.drafted += 1


def run_billing(period: date, *, as_of: datetime, dry_run: bool = False) -> Run:
    """Make the invoices of a month, given by its first day, of all contracts at whose facilities it is over.

    A dry run writes nothing, and tells of each contract what its invoice would be.
    """
    run = Run(period)
    if dry_run:
        _look(run, as_of)
        return run
    meter_all(as_of=as_of)
    book = PriceBook()
    for keys in _in_portions(period, as_of):
        if is_halted():
            run.is_halted = True
            break
        _draft(keys, run, book, as_of)
    if run.drafted or run.parked or run.failed:
        with as_center():
            record("billing.run", actor=SYSTEM, object_type="billing", object_id=f"{period:%Y-%m}", facility_id=None,
                   drafted=run.drafted, parked=run.parked, failed=run.failed)  # fmt: skip
            if run.parked:
                tell(
                    Kind.STAFF_BILLING_PARKED,
                    facility=None,
                    about=("billing", f"{period:%Y-%m}"),
                    occasion=f"{as_of:%Y-%m-%d}",
                    path=reverse("admin:billing_run"),
                    facts={"count": run.parked},
                )
    return run


def run_due(*, as_of: datetime) -> list[Run]:
    """Make what invoices of the last months are missing, the earliest first."""
    months = [month_before(as_of.date().replace(day=1))]
    while len(months) < MONTHS_BACK:
        months.append(month_before(months[-1]))
    this_month = as_of.date().replace(day=1)  # over already, where the day begins first
    return [run_billing(month, as_of=as_of) for month in [*reversed(months), this_month]]


def due(period: date, *, as_of: datetime) -> QuerySet[Contract]:
    """Contracts with days in a month that is over at their facilities, or days of custody, without its invoice."""
    served = Q(Q(ends_on=None) | Q(ends_on__gt=period), starts_on__lte=last_day(period))
    owed = Contract.objects.filter(served | Q(pk__in=in_custody(period).values("pk")))
    return _not_invoiced(owed, period, _zones_over(period, as_of))


def to_supplement(period: date, *, as_of: datetime) -> QuerySet[Contract]:
    """Contracts that were over before the last month that is over, without its invoice: what was told of them late, or
    done since, is charged with it. Drafting sees whether that is anything.
    """
    zones = _zones_over(period, as_of) - _zones_over(next_month(period), as_of)
    return _not_invoiced(may_be_supplemented(period), period, zones)


def progress(period: date) -> dict[str, tuple[int, Decimal]]:
    """How many invoices of a month are in each state, and what they come to, before tax, over all currencies."""
    rows = Invoice.objects.filter(period=period, kind=InvoiceKind.INVOICE).order_by().values_list("state")
    return {state: (count, net or Decimal(0)) for state, count, net in rows.annotate(Count("pk"), Sum("net"))}


def _in_portions(period: date, as_of: datetime) -> Iterator[list[int]]:
    for contracts in (due, to_supplement):
        last = 0
        while True:
            with as_center():
                found = contracts(period, as_of=as_of).filter(pk__gt=last)
                keys = list(found.values_list("pk", flat=True)[:AT_A_TIME])
            if not keys:
                break
            yield keys
            last = keys[-1]


def _zones_over(period: date, as_of: datetime) -> set[str]:
    zones = Facility.objects.order_by().values_list("time_zone", flat=True).distinct()
    return {zone for zone in zones if is_over(period, as_of=as_of, zone=zone)}


def _not_invoiced(contracts: QuerySet[Contract], period: date, zones: set[str]) -> QuerySet[Contract]:
    made = Invoice.objects.filter(
        facility_id=OuterRef("facility_id"), contract_id=OuterRef("pk"), period=period, kind=InvoiceKind.INVOICE
    )
    found = contracts.filter(~Exists(made), facility__time_zone__in=zones).exclude(state=ContractState.DRAFT)
    return found.order_by("pk")


def _draft(keys: list[int], run: Run, book: PriceBook, now: datetime) -> None:
    """All at once; where that fails, each on its own, so that one with a problem holds up no other."""
    try:
        made = _drafted(keys, run.period, book, now)
    except OperationalError:
        raise
    except (DomainError, DatabaseError, ArithmeticError, LookupError, ValueError):
        for key in keys:
            _draft_alone(key, run, book, now)
    else:
        for invoice in made:
            run.count(is_parked=invoice.state == State.PARKED)


def _draft_alone(key: int, run: Run, book: PriceBook, now: datetime) -> None:
    try:
        made = _drafted([key], run.period, book, now)
    except OperationalError:
        raise
    except (DomainError, DatabaseError, ArithmeticError, LookupError, ValueError) as error:
        log.error("Contract %s could not be billed for %s: %s", key, run.period, type(error).__name__)  # noqa: TRY400
        _park(key, run, _why(error), now)
    else:
        for invoice in made:
            run.count(is_parked=invoice.state == State.PARKED)


def _drafted(keys: list[int], period: date, book: PriceBook, now: datetime) -> list[Invoice]:
    with as_center():
        contracts = claimed(Contract.objects.filter(pk__in=keys), period, waits=False)
        return draft_all(contracts, period, now=now, book=book)


def _park(key: int, run: Run, reason: str, now: datetime) -> None:
    try:
        with as_center():
            for contract in claimed(Contract.objects.filter(pk=key), run.period):
                park(contract, run.period, reason=reason, now=now)
                run.parked += 1
    except DomainError as error:
        log.error("Contract %s could not be parked: %s", key, error.message)  # noqa: TRY400
        run.failed += 1


def _why(error: Exception) -> str:
    """For staff, without the values that an error of the database holds."""
    if isinstance(error, DomainError):
        return error.message
    if "charged_once" in str(error):
        return "A source has been charged already"
    return f"It could not be computed ({type(error).__name__})"


def _look(run: Run, as_of: datetime) -> None:
    book = PriceBook()
    for keys in _in_portions(run.period, as_of):
        with as_center():
            contracts = Contract.objects.filter(pk__in=keys).select_related("facility").order_by("pk")
            for each in prepare(list(contracts), run.period, book):
                before = each.before.net if each.before else None
                run.outlooks.append(Outlook(each.contract, each.net, before, each.parked_because))
                run.count(is_parked=bool(each.parked_because))
