"""Custody: what a terminating contract must keep after its last day goes on being charged, where that was agreed on.

A day is one of custody while something lay in the vault at its end, the contract had not ended by then, and no later
contract of the facility had begun. It costs the price for storage of the version that governed last, less its discount:
neither base fee nor minimum, and so nothing is included either.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.billing.agreed import PriceBook
from apps.billing.models import StorageDay
from apps.billing.months import ONE_DAY, first_day, last_day, next_month
from apps.billing.rating import rate
from apps.billing.usage import StoredDay, Usage
from apps.contracts.agreeing import versions_of
from apps.contracts.models import Contract, ContractVersion, State

_NEVER = Value(datetime(9999, 1, 1, tzinfo=UTC))


def in_custody(month: date) -> QuerySet[Any]:
    """Contracts with days of custody in a month, whose days of storage are closed; `custody_until` is the last one."""
    later = Contract.objects.filter(
        facility_id=OuterRef("facility_id"), starts_on__gt=OuterRef(OuterRef("starts_on")),
        starts_on__lte=OuterRef("day"),
    ).exclude(state=State.DRAFT)  # fmt: skip
    days = StorageDay.objects.filter(
        Q(stored_bytes__gt=0) | Q(studies__gt=0), ~Q(Exists(later)), facility_id=OuterRef("facility_id"),
        day__gte=OuterRef("ends_on"), day__range=(month, last_day(month)),
        ends_at__lte=Coalesce(OuterRef("ended_at"), _NEVER),
    )  # fmt: skip
    agreed = ContractVersion.objects.agreed().filter(
        facility_id=OuterRef("facility_id"), contract=OuterRef("pk"), effective_from__lt=OuterRef("ends_on")
    )
    ended = Contract.objects.filter(ends_on__lte=last_day(month)).exclude(state=State.DRAFT)
    return ended.annotate(
        is_charged=Subquery(agreed.order_by("-number").values("charges_custody")[:1]),
        custody_until=Subquery(days.order_by("-day").values("day")[:1]),
    ).filter(is_charged=True, custody_until__isnull=False)


def custody_until(contracts: Iterable[Contract], month: date) -> dict[int, date]:
    """The last day of custody in a month of those contracts that have any."""
    over = [contract.pk for contract in contracts if contract.ends_on and contract.ends_on <= last_day(month)]
    return dict(in_custody(month).filter(pk__in=over).values_list("pk", "custody_until")) if over else {}


def monthly_price(contract: Contract, *, on: date) -> Decimal | None:
    """What a month of custody costs, before tax, by what lay in the vault last; None where nothing is charged."""
    versions = versions_of(contract)
    month, lain = first_day(on), StorageDay.objects.filter(facility_id=contract.facility_id).order_by("-day").first()
    if not versions or not versions[-1].charges_custody:
        return None
    if lain is None:
        return Decimal(0)
    book, days = PriceBook(), (next_month(month) - month).days
    book.learn(version.price_list_id for version in versions)
    stored = [StoredDay(month + n * ONE_DAY, lain.stored_bytes, lain.studies) for n in range(days)]
    usage = Usage(month, month, last_day(month), days, stored=stored, custody_from=month)
    last = replace(book.terms(versions[-1]), effective_from=month - ONE_DAY)
    rated = rate(usage, [last], contract.currency, contract=f"{contract}")
    return sum((each.amount for each in rated), Decimal(0))
