"""What really happened in a month of a facility's calendar, gathered for many contracts at once.

A collection counts when the center received it. What was told late, after the invoice of its month was made, is
gathered with the next one, up to LATE_DAYS back. What is done after a contract's last day is still done by it, until
another one begins. `DEEDS` lists who knows of things done once.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat

from apps.billing.custody import custody_until
from apps.billing.late import LATE_DAYS, told_late
from apps.billing.models import Charge, Source, StorageDay
from apps.billing.months import ONE_DAY, begins_at, by_month, last_day
from apps.billing.usage import CollectionFact, Deed, StoredDay, Usage
from apps.collection.models import Collection, Method
from apps.collection.models import State as CollectionState
from apps.contracts.models import Contract, ContractVersion, State
from apps.contracts.schedule import promised_visits
from apps.core.clock import day_of
from apps.core.money import EXACT
from apps.core.periods import FOREVER, parse_period
from apps.orders.models import QuoteLine
from apps.retention.models import Extension
from apps.tiers.models import Item

TIME_ZONES_APART = timedelta(hours=26)
"""From UTC-12 to UTC+14."""
FOREVER_YEARS = Decimal(30)
"""Years that an extension without an end is charged as."""
WAYS = {
    Method.VISIT: Item.VISIT,
    Method.PUSH: Item.ONLINE,
    Method.PULL: Item.ONLINE,
    Method.DICOM: Item.ONLINE,
    Method.MEDIA: Item.MEDIA,
}
"""What each way of collecting is charged as; what the center reads again is not."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days of a contract in a month, `first` to `last`, and since when what came late is looked for. `served`: the
    last day that the contract serves; what follows it until `last` is custody. `until`: the last day on which nothing
    that is done is another's.
    """

    contract: Contract
    first: date
    served: date
    last: date
    since: date
    until: date

    @classmethod
    def of(
        cls, contract: Contract, month: date, until: date, kept_until: date | None, followed_on: date | None
    ) -> "Window":
        """The window of a contract in the days from `month` until a last day; it may have none of them."""
        served = min(until, contract.ends_on - ONE_DAY) if contract.ends_on else until
        first, late = max(month, contract.starts_on), month - timedelta(days=LATE_DAYS)
        deeds_until = min(until, followed_on - ONE_DAY) if followed_on else until
        return cls(contract, first, served, kept_until or served, max(late, contract.starts_on), deeds_until)


class Windows:
    """The windows of a month, or of more up to `until`. A facility may have two: contracts that follow each other.

    `kept`: the last days of custody of those contracts that have any; `followed`: when the next contract begins.
    `moved`: how far from where they were midnights may be by now, as a facility may have moved to another time zone:
    what is so near to the month's beginning may have been charged with the month before.
    """

    def __init__(
        self, contracts: Iterable[Contract], month: date, until: date | None = None, *,
        kept: Mapping[int, date] | None = None, followed: Mapping[int, date] | None = None,
        moved: timedelta = timedelta(0),
    ) -> None:  # fmt: skip
        self.month, self.until, kept, followed = month, until or last_day(month), kept or {}, followed or {}
        self.all = [
            Window.of(contract, month, self.until, kept.get(contract.pk), followed.get(contract.pk))
            for contract in contracts
        ]
        self.by_facility = defaultdict[int, list[Window]](list)
        for window in self.all:
            self.by_facility[window.contract.facility_id].append(window)
        zones = {window.contract.facility.time_zone for window in self.all}
        self.begins_at = min(begins_at(month - timedelta(days=LATE_DAYS), zone) for zone in zones)
        self.uncharged_from = min(begins_at(month, zone) for zone in zones) + moved
        self.ends_at = max(begins_at(self.until + ONE_DAY, zone) for zone in zones)

    def of(self, facility_id: int, moment: datetime, *, is_served: bool = False) -> tuple[int, date] | None:
        """The contract that a moment is charged to, and the day that it was there; `is_served`: none after its end."""
        windows = self.by_facility[facility_id]
        day = day_of(moment, windows[0].contract.facility.time_zone)
        found = (each for each in windows if each.since <= day <= (each.served if is_served else each.until))
        return next(((each.contract.pk, day) for each in found), None)

    def of_contract(self, facility_id: int, contract_id: int, moment: datetime) -> tuple[int, date] | None:
        """The contract, and the day that it was there; one without a key stands for all that the facility had."""
        windows = self.by_facility[facility_id]
        day = day_of(moment, windows[0].contract.facility.time_zone)
        found = (each for each in windows if each.contract.pk in {contract_id, 0} and each.since <= day <= self.until)
        return next(((each.contract.pk, day) for each in found), None)


def gather(contract: Contract, versions: Sequence[ContractVersion], month: date) -> Usage:
    """The usage of one contract in a month, of which it may have no day; its days of storage are closed."""
    return gather_all([contract], {contract.pk: versions}, month)[contract.pk]


def gather_all(
    contracts: Sequence[Contract], versions: Mapping[int, Sequence[ContractVersion]], month: date
) -> dict[int, Usage]:
    """The usage of each contract, by its key. So many queries, however many contracts there are."""
    kept, followed = custody_until(contracts, month), _followed(contracts, month)
    windows = Windows(contracts, month, kept=kept, followed=followed, moved=TIME_ZONES_APART)
    collections, deeds = _collections(windows), _deeds(windows)
    late = told_late(contracts, month, collections, deeds)
    stored = _stored(windows)
    return {
        window.contract.pk: Usage(
            month=month,
            first=window.first,
            last=window.last,
            days_in_month=last_day(month).day,
            collections=collections[window.contract.pk],
            stored=stored[window.contract.pk],
            deeds=sorted(deeds[window.contract.pk], key=lambda deed: deed.on),
            promised_visits=promised_visits(
                versions[window.contract.pk],
                starts_on=window.contract.starts_on,
                first=window.first,
                last=window.served,
            ),
            custody_from=_over_from(window, deeds[window.contract.pk]),
            late=late[window.contract.pk],
        )
        for window in windows.all
    }


def gather_months(contract: Contract, months: Sequence[date]) -> list[Usage]:
    """The usage of months that follow each other, the first of which the contract begins with; it promises nothing.
    So many queries, however many months.
    """
    windows = Windows([contract], months[0], last_day(months[-1]))
    collections = by_month(_collections(windows)[contract.pk], lambda fact: fact.on)
    deeds = by_month(_deeds(windows)[contract.pk], lambda deed: deed.on)
    stored = by_month(_stored(windows)[contract.pk], lambda lain: lain.day)
    return [
        Usage(
            month=month,
            first=month,
            last=last_day(month),
            days_in_month=last_day(month).day,
            collections=collections[month],
            stored=stored[month],
            deeds=sorted(deeds[month], key=lambda deed: deed.on),
        )
        for month in months
    ]


def _over_from(window: Window, deeds: Iterable[Deed]) -> date | None:
    """The first day that the contract does not serve, where anything follows it in the month."""
    is_followed = window.last > window.served or any(deed.on > window.served for deed in deeds)
    return window.contract.ends_on if is_followed else None


def _followed(contracts: Sequence[Contract], month: date) -> dict[int, date]:
    """When the next contract of the facility begins, of those contracts that are over and have a next one."""
    over = [each for each in contracts if each.ends_on and each.ends_on <= last_day(month)]
    begun = Contract.objects.filter(facility_id__in={each.facility_id for each in over}).exclude(state=State.DRAFT)
    starts = defaultdict[int, list[date]](list)
    for facility_id, starts_on in begun.order_by("starts_on").values_list("facility_id", "starts_on") if over else []:
        starts[facility_id].append(starts_on)
    following = {
        each.pk: next((day for day in starts[each.facility_id] if each.ends_on and day >= each.ends_on), None)
        for each in over
    }
    return {key: day for key, day in following.items() if day}


def extensions(windows: Windows) -> Iterable[tuple[int, Deed]]:
    """Studies that are kept longer than they must: so many years each."""
    rows = Extension.objects.filter(
        Q(extended_at__gte=windows.uncharged_from) | ~_charged(Source.EXTENSION, "pk"),
        facility_id__in=windows.by_facility, extended_at__gte=windows.begins_at, extended_at__lt=windows.ends_at,
    )  # fmt: skip
    for row in rows.order_by("extended_at", "pk"):
        if found := windows.of(row.facility_id, row.extended_at):
            key, day = found
            years = FOREVER_YEARS if row.until == FOREVER else _years(row.period)
            yield key, Deed(Source.EXTENSION.value, str(row.pk), day, Item.EXTENSION.value, years, why=row.period)


def orders(windows: Windows) -> Iterable[tuple[int, Deed]]:
    """What was quoted for output orders, once they are dispatched for the first time: a redo is no further deed. It is
    charged to the contract that it was quoted by, in whose currency it is, whatever is in force by then.
    """
    lines = QuoteLine.objects.annotate(
        ledger_key=Concat(Cast("order__uid", CharField()), Value("/"), "item", output_field=CharField())
    ).filter(
        Q(order__delivered_at__gte=windows.uncharged_from) | ~_charged(Source.ORDER, "ledger_key"),
        facility_id__in=windows.by_facility, order__delivered_at__gte=windows.begins_at,
        order__delivered_at__lt=windows.ends_at,
    ).select_related("order__version")  # fmt: skip
    for line in lines.order_by("order__delivered_at", "pk"):
        order = line.order
        delivered_at, contract = order.delivered_at, order.version.contract_id
        if delivered_at and (found := windows.of_contract(order.facility_id, contract, delivered_at)):
            key, day = found
            why = f"{order}, urgent" if order.is_urgent else str(order)
            yield key, Deed(
                Source.ORDER.value, f"{order.uid}/{line.item}", day, line.item, line.quantity, order.is_urgent, why,
                line.unit_price,
            )  # fmt: skip


DEEDS: list[Callable[[Windows], Iterable[tuple[int, Deed]]]] = [extensions, orders]
"""Each tells of things done once, and the contract that each is charged to."""


def _deeds(windows: Windows) -> dict[int, list[Deed]]:
    found = defaultdict[int, list[Deed]](list)
    for tell in DEEDS:
        for key, deed in tell(windows):
            found[key].append(deed)
    return found


def _years(period: str) -> Decimal:
    told = parse_period(period)
    return (told.years + Decimal(told.months) / 12 + Decimal(told.days) / 365).quantize(EXACT)


def _charged(source: Source, key: str) -> Exists:
    """Whether a row has been charged; asked of rows before the month and about its beginning, which are few."""
    return Exists(
        Charge.objects.filter(
            facility_id=OuterRef("facility_id"), source=source, source_key=Cast(OuterRef(key), CharField())
        )
    )


def _collections(windows: Windows) -> dict[int, list[CollectionFact]]:
    rows = Collection.objects.filter(
        Q(received_at__gte=windows.uncharged_from) | ~_charged(Source.COLLECTION, "uid"),
        facility_id__in=windows.by_facility,
        received_at__gte=windows.begins_at,
        received_at__lt=windows.ends_at,
        state__in=[CollectionState.RECEIVED, CollectionState.STORED],
        method__in=WAYS,
    )
    found = defaultdict[int, list[CollectionFact]](list)
    told = rows.order_by("received_at", "pk").values_list("facility_id", "uid", "method", "received_at")
    for facility_id, uid, method, received_at in told:
        if received_at and (place := windows.of(facility_id, received_at, is_served=True)):
            key, day = place
            found[key].append(CollectionFact(str(uid), day, WAYS[Method(method)].value))
    return found


def _stored(windows: Windows) -> dict[int, list[StoredDay]]:
    rows = StorageDay.objects.filter(
        facility_id__in=windows.by_facility, day__gte=windows.month, day__lte=windows.until
    )
    found = defaultdict[int, list[StoredDay]](list)
    told = rows.order_by("day").values_list("facility_id", "day", "stored_bytes", "studies")
    for facility_id, on, stored_bytes, studies in told:
        day = StoredDay(on, stored_bytes, studies)
        for window in windows.by_facility[facility_id]:
            if window.first <= day.day <= window.last:
                found[window.contract.pk].append(day)
    return found
