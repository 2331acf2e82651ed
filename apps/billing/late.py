"""What is told late: after the invoice of its month was made. The next invoice charges it, or a supplementary one.

Facts are late where their month's invoice is made without them and no other one has them. Where a contract has no
invoice of a month, as it is over, what was done in it is charged with the next one as it is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.billing.custody import custody_until
from apps.billing.models import Invoice, InvoiceKind
from apps.billing.months import ONE_DAY, by_month, first_day
from apps.billing.usage import CollectionFact, Deed, Late, Usage
from apps.collection.models import Collection
from apps.contracts.models import Contract, State
from apps.orders.models import Order
from apps.retention.models import Extension

LATE_DAYS = 62
"""How far before a month what came late is looked for."""


@dataclass(slots=True)
class _Invoiced:
    """What the invoices of a contract have: `made` for which months, and the facts of each; of those that are parked
    without any, they are gathered when they are released.
    """

    made: set[date] = field(default_factory=set)
    usages: dict[date, Usage] = field(default_factory=dict)

    def sources(self) -> set[str]:
        """What names all that is charged already."""
        return {source for usage in self.usages.values() for source in usage.sources()}

    def as_charged(self, month: date) -> Usage | None:
        """A month with all that was told of it so far; None where its facts are yet to be gathered."""
        own = self.usages.get(month)
        if own is None:
            return None
        charged = replace(own, late=[])
        for usage in self.usages.values():
            for late in (each for each in usage.late if each.before.month == month):
                charged = replace(
                    replace(late, before=charged).after, custody_from=charged.custody_from or late.before.custody_from
                )
        return charged


def told_late(
    contracts: Iterable[Contract], month: date, collections: dict[int, list[CollectionFact]],
    deeds: dict[int, list[Deed]],
) -> dict[int, list[Late]]:  # fmt: skip
    """Of the facts of each contract, by its key, those that are late. The given ones are left with those that are to be
    charged as they are.
    """
    early = [each for each in contracts if _begins_before(month, collections[each.pk], deeds[each.pk])]
    invoiced, found = _invoiced(early, month), defaultdict[int, list[Late]](list)
    for contract in early:
        known, key = invoiced[contract.pk], contract.pk
        sources = known.sources()
        brought = by_month((fact for fact in collections[key] if fact.on < month and fact.uid not in sources), day_on)
        done = by_month((deed for deed in deeds[key] if deed.on < month and deed.name not in sources), day_on)
        collections[key] = [fact for fact in collections[key] if fact.on >= month]
        deeds[key] = [deed for deed in deeds[key] if deed.on >= month]
        for each in sorted({*brought, *done}):
            if before := known.as_charged(each):
                found[key].append(Late(_told_of_the_end(before, contract, done[each]), brought[each], done[each]))
            elif each not in known.made and not _has_days(contract, each):
                deeds[key] = [*done[each], *deeds[key]]
    return found


def may_be_supplemented(month: date) -> QuerySet[Contract]:
    """Contracts that were over before a month and at whose facilities something was done lately: by their facts alone
    one sees whether anything is to be charged.
    """
    since = datetime.combine(month - timedelta(days=LATE_DAYS), time(), UTC) - ONE_DAY  # wherever the facility is
    of_facility = {"facility_id": OuterRef("facility_id")}
    followed = Contract.objects.filter(
        **of_facility, starts_on__gte=OuterRef("ends_on"), starts_on__lte=since.date()
    ).exclude(state=State.DRAFT)
    served_lately = Q(ends_on__gt=since.date()) & Exists(
        Collection.objects.filter(**of_facility, received_at__gte=since)
    )
    ordered = Exists(Order.objects.filter(**of_facility, version__contract=OuterRef("pk"), delivered_at__gte=since))
    extended = Exists(Extension.objects.filter(**of_facility, extended_at__gte=since))
    over = Contract.objects.filter(ends_on__lte=month).exclude(state=State.DRAFT)
    return over.filter(served_lately | Q(ordered) | ~Exists(followed) & Q(extended))


def day_on(fact: CollectionFact | Deed) -> date:
    """When it was."""
    return fact.on


def _begins_before(month: date, *told: Sequence[CollectionFact] | Sequence[Deed]) -> bool:
    """Whether any of these, which are in order, was before the month."""
    return any(facts and facts[0].on < month for facts in told)


def _invoiced(contracts: Sequence[Contract], month: date) -> Mapping[int, _Invoiced]:
    found = defaultdict[int, _Invoiced](_Invoiced)
    invoices = Invoice.objects.filter(
        facility_id__in={each.facility_id for each in contracts}, contract_id__in=[each.pk for each in contracts],
        kind=InvoiceKind.INVOICE, period__gte=first_day(month - timedelta(days=LATE_DAYS)),
    )  # fmt: skip
    told = invoices.order_by("period").values_list("contract_id", "period", "inputs") if contracts else []
    for key, period, inputs in told:
        found[key].made.add(period)
        if inputs:
            found[key].usages[period] = Usage.from_json(inputs)
    return found


def _told_of_the_end(usage: Usage, contract: Contract, deeds: Sequence[Deed]) -> Usage:
    is_after_end = contract.ends_on and any(deed.on >= contract.ends_on for deed in deeds)
    return replace(usage, custody_from=contract.ends_on) if is_after_end else usage


def _has_days(contract: Contract, month: date) -> bool:
    """Whether the contract has an invoice of a month, or will have one."""
    return not contract.ends_on or month < contract.ends_on or bool(custody_until([contract], month))
