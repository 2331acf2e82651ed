"""The facts of a month that charges come from. What a run has rated is kept with its invoice and can be rated again."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class CollectionFact:
    """A collection that was received. `way`: the price item it counts as (visit, online, media)."""

    uid: str
    on: date
    way: str


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What lay in the vault at the end of a day."""

    day: date
    stored_bytes: int
    studies: int


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done once that has a price: an output order's item, an extension, a restore.

    `source` and `key` name it in the ledger (Charge.source, Charge.source_key); `quantity` is in the item's unit.
    `quoted_price`: the unit price that was told beforehand, which binds; else the terms of the day give it.
    """

    source: str
    key: str
    on: date
    item: str
    quantity: Decimal
    is_urgent: bool = False
    why: str = ""
    quoted_price: Decimal | None = None

    @property
    def name(self) -> str:
        """Of its row in the ledger."""
        return f"{self.source}/{self.key}"


@dataclass(frozen=True, slots=True)
class Usage:
    """A month of a facility's calendar, from its first day that is served to its last. All lists are by date.

    `promised_visits`: the days on which a visit was promised by the contract; `days_in_month` is the calendar's. From
    `custody_from` on the contract is over: what must be kept is in custody, and what is done is done all the same.
    `late`: what was told of earlier months after their invoices were made.
    """

    month: date
    first: date
    last: date
    days_in_month: int
    collections: list[CollectionFact] = field(default_factory=list)
    stored: list[StoredDay] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    promised_visits: list[date] = field(default_factory=list)
    custody_from: date | None = None
    late: list["Late"] = field(default_factory=list)

    @property
    def has_days(self) -> bool:
        """Whether the contract has any in the month, or custody; all else is what was told late, or done since."""
        return self.first <= self.last

    def sources(self) -> Iterator[str]:
        """What names its facts, late ones included."""
        yield from (fact.uid for fact in self.collections)
        yield from (deed.name for deed in self.deeds)
        for late in self.late:
            yield from late.after.sources()

    def as_json(self) -> dict[str, Any]:
        """For `Invoice.inputs`."""
        told = {
            "month": f"{self.month}", "first": f"{self.first}", "last": f"{self.last}",
            "days_in_month": self.days_in_month,
            "collections": [[each.uid, f"{each.on}", each.way] for each in self.collections],
            "stored": [[f"{each.day}", each.stored_bytes, each.studies] for each in self.stored],
            "deeds": [_told(each) for each in self.deeds],
            "promised_visits": [f"{day}" for day in self.promised_visits],
        }  # fmt: skip
        if self.custody_from:
            told["custody_from"] = f"{self.custody_from}"
        if self.late:
            told["late"] = [each.as_json() for each in self.late]
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `as_json` told."""
        day = date.fromisoformat
        return cls(
            month=day(told["month"]), first=day(told["first"]), last=day(told["last"]),
            days_in_month=told["days_in_month"],
            collections=_collections(told["collections"]),
            stored=[StoredDay(day(on), stored_bytes, studies) for on, stored_bytes, studies in told["stored"]],
            deeds=[_deed(each) for each in told["deeds"]],
            late=[Late.from_json(each) for each in told.get("late", [])],
            promised_visits=[day(each) for each in told["promised_visits"]],
            custody_from=day(told["custody_from"]) if "custody_from" in told else None,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Late:
    """What was told of a month after its invoice was made. `before`: the month as it was charged until then."""

    before: Usage
    collections: list[CollectionFact] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)

    @property
    def after(self) -> Usage:
        """The month as it would have been charged, had it been told in time."""
        return replace(
            self.before,
            collections=sorted([*self.before.collections, *self.collections], key=lambda fact: fact.on),
            deeds=sorted([*self.before.deeds, *self.deeds], key=lambda deed: deed.on),
        )

    def as_json(self) -> dict[str, Any]:
        """For `Usage.as_json`."""
        return {
            "before": self.before.as_json(),
            "collections": [[each.uid, f"{each.on}", each.way] for each in self.collections],
            "deeds": [_told(each) for each in self.deeds],
        }

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        """What `as_json` told."""
        deeds = [_deed(each) for each in told["deeds"]]
        return cls(Usage.from_json(told["before"]), _collections(told["collections"]), deeds)


def _collections(told: list[list[str]]) -> list[CollectionFact]:
    return [CollectionFact(uid, date.fromisoformat(on), way) for uid, on, way in told]


def _told(deed: Deed) -> list[Any]:
    told = [deed.source, deed.key, f"{deed.on}", deed.item, f"{deed.quantity}", deed.is_urgent, deed.why]
    return told if deed.quoted_price is None else [*told, f"{deed.quoted_price}"]


def _deed(told: list[Any]) -> Deed:
    source, key, on, item, quantity, is_urgent, why, *price = told
    quoted_price = Decimal(price[0]) if price else None
    return Deed(source, key, date.fromisoformat(on), item, Decimal(quantity), is_urgent, why, quoted_price)
