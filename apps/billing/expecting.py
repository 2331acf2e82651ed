"""What a month will come to: what happened so far, and what is promised for the days that are left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from apps.billing.agreed import PriceBook
from apps.billing.gathering import gather
from apps.billing.models import StorageDay
from apps.billing.months import ONE_DAY, first_day, last_day
from apps.billing.rating import rate
from apps.billing.simulating import Part, by_part, item_of
from apps.billing.usage import CollectionFact, StoredDay, Usage
from apps.contracts.models import Contract, ContractVersion
from apps.contracts.schedule import promised_visits, schedule_of
from apps.contracts.terms import spans
from apps.facilities.models import Facility
from apps.tiers.models import Frequency, Item


@dataclass(frozen=True, slots=True)
class MonthToDate:
    """A month before tax, by part: charged for what happened up to `today`, and expected for the whole of it."""

    month: date
    today: date
    currency: str
    so_far: dict[Part, Decimal]
    expected: dict[Part, Decimal]

    @property
    def charged(self) -> Decimal:
        """All that happened so far."""
        return sum(self.so_far.values(), Decimal(0))

    @property
    def total(self) -> Decimal:
        """All that is expected until the month ends."""
        return sum(self.expected.values(), Decimal(0))


def month_to_date(
    contract: Contract, versions: Sequence[ContractVersion], *, currency: str, today: date
) -> MonthToDate | None:
    """The month of `today` under a contract in force; None where it has no day in it so far."""
    usage = usage_of(contract, versions, first_day(today))
    if usage is None or usage.first > today:
        return None
    promised = [day for day in usage.promised_visits if day < today]
    happened = replace(usage, last=min(usage.last, today), promised_visits=promised)
    expected = expected_usage(usage, contract, versions, today=today)
    return MonthToDate(
        usage.month, today, currency, charges(happened, contract, versions, currency),
        charges(expected, contract, versions, currency),
    )  # fmt: skip


def expected_charges(
    contract: Contract, versions: Sequence[ContractVersion], month: date, *, currency: str, today: date
) -> dict[Part, Decimal]:
    """What a month comes to under the versions, by part."""
    usage = usage_of(contract, versions, month)
    if usage is None:
        return {}
    return charges(expected_usage(usage, contract, versions, today=today), contract, versions, currency)


def charges(
    usage: Usage, contract: Contract, versions: Sequence[ContractVersion], currency: str
) -> dict[Part, Decimal]:  # fmt: skip
    """What a usage comes to, by part."""
    book = PriceBook()
    book.learn(version.price_list_id for version in versions)
    return by_part(rate(usage, [book.terms(each) for each in versions], currency, contract=str(contract)))


def usage_of(contract: Contract, versions: Sequence[ContractVersion], month: date) -> Usage | None:
    """What happened in a month so far; None where it has no day of the contract."""
    first, last = max(month, contract.starts_on), min(last_day(month), (contract.ends_on or date.max) - ONE_DAY)
    return gather(contract, versions, month) if versions and first <= last else None


def expected_usage(usage: Usage, contract: Contract, versions: Sequence[ContractVersion], *, today: date) -> Usage:
    """What happened so far, and from tomorrow on what is promised, with storage as it lay last."""
    ahead = max(usage.first, today + ONE_DAY)
    facts = [*usage.collections]
    if ahead <= usage.last:
        visits = promised_visits(versions, starts_on=contract.starts_on, first=ahead, last=usage.last)
        facts += [CollectionFact(f"{day}", day, Item.VISIT) for day in visits]
        facts += _transfers(versions, ahead, usage.last)
    promised = [day for day in usage.promised_visits if day < today or day >= ahead]
    lain = usage.stored[-1] if usage.stored else _lies(contract.facility)
    begun = usage.stored[-1].day + ONE_DAY if usage.stored else usage.first
    rest = [
        StoredDay(begun + timedelta(days=n), lain.stored_bytes, lain.studies)
        for n in range((usage.last - begun).days + 1)
    ] if lain else []  # fmt: skip
    return replace(
        usage, collections=sorted(facts, key=lambda fact: fact.on), promised_visits=promised,
        stored=[*usage.stored, *rest],
    )  # fmt: skip


def _transfers(versions: Sequence[ContractVersion], first: date, last: date) -> list[CollectionFact]:
    """Collections of tiers that promise no visits; continuously counts as once a day."""
    by_number = {version.number: version.tier_version for version in versions}
    found = []
    for span in spans(versions, first=first, last=last):
        tier = by_number[span.number]
        days, item = Frequency(tier.frequency).days, item_of(Frequency(tier.frequency), tier.ways)
        if item is None or days is None or schedule_of(tier).visit_every_days:
            continue
        step = max(days, 1)
        made = range(step - 1, span.days, step)
        found += [CollectionFact(f"{span.first}/{n}", span.first + timedelta(days=n), item) for n in made]
    return found


def _lies(facility: Facility) -> StoredDay | None:
    """What lay in the vault on the last day that is closed."""
    told = StorageDay.objects.filter(facility=facility).order_by("-day").values_list("day", "stored_bytes", "studies")
    found = told.first()
    return StoredDay(*found) if found else None
