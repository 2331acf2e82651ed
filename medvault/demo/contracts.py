"""Tiers, prices and contracts of the demonstration: both clinics began on call, and have changed since."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor
from apps.contracts.agreeing import activate, amend, draft
from apps.contracts.models import Contract, ContractVersion
from apps.contracts.signing import sign
from apps.core.money import Currency
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import Frequency, Item, Price, PriceList, Tier, TierVersion, Way, current_price_list

MONTHS_AGO = 13
GB = 10**9
BOTH = (Currency.JPY, Currency.EUR)
Amounts = Mapping[Item, tuple[str, str, str]]
"""Of an item: yen, euro, and how many a month are included."""

OUTPUTS: Amounts = {
    Item.EXTENSION: ("200", "1.5", "0"),
    Item.RESTORE: ("50", "0.35", "0"),
    Item.FILM: ("900", "6", "0"),
    Item.PAPER: ("300", "2", "0"),
    Item.MEDIUM: ("2500", "18", "0"),
    Item.DOWNLOAD: ("500", "3.5", "5"),
    Item.TRANSFER: ("800", "5.5", "5"),
    Item.SHARE: ("300", "2", "10"),
    Item.DELIVERY: ("3000", "22", "0"),
}


@dataclass(frozen=True, slots=True)
class DemoTier:
    """A tier; `prices` are those beside the outputs, which cost the same in every tier."""

    name: str
    summary: str
    frequency: Frequency
    ways: tuple[Way, ...]
    hours: tuple[int, int, int]
    prices: Amounts
    in_japanese: tuple[str, str]
    agreed: tuple[int, int] | None = None
    needs_approval: bool = False


TIERS = {
    "on-call": DemoTier(
        "On call", "Collected when you ask for it", Frequency.ON_REQUEST, (Way.VISIT, Way.MEDIA, Way.ONLINE),
        (96, 72, 24),
        {Item.BASE_FEE: ("8000", "55", "0"), Item.VISIT: ("15000", "100", "0"), Item.MEDIA: ("4000", "28", "0"),
         Item.ONLINE: ("150", "1", "30"), Item.STORAGE_GB: ("30", "0.2", "100")},
        in_japanese=("随時", "ご要請のたびに収集します"),
        agreed=(4000, 60 * GB),
    ),
    "monthly": DemoTier(
        "Monthly", "An operator comes every month", Frequency.MONTHLY, (Way.VISIT, Way.MEDIA, Way.ONLINE),
        (72, 48, 8),
        {Item.BASE_FEE: ("20000", "140", "0"), Item.VISIT: ("9000", "60", "1"), Item.MEDIA: ("3000", "21", "1"),
         Item.ONLINE: ("100", "0.7", "100"), Item.STORAGE_GB: ("25", "0.17", "250")},
        in_japanese=("毎月", "収集担当者が毎月伺います"),
        agreed=(12000, 200 * GB),
    ),
    "weekly": DemoTier(
        "Weekly", "An operator comes every week", Frequency.WEEKLY, (Way.VISIT, Way.MEDIA), (48, 24, 4),
        {Item.BASE_FEE: ("55000", "380", "0"), Item.VISIT: ("8000", "55", "5"), Item.MEDIA: ("2500", "18", "4"),
         Item.STORAGE_GB: ("22", "0.15", "500")},
        in_japanese=("毎週", "収集担当者が毎週伺います"),
        agreed=(4000, 60 * GB),
    ),
    "daily": DemoTier(
        "Daily", "An operator comes every day", Frequency.DAILY, (Way.VISIT, Way.MEDIA, Way.ONLINE), (24, 12, 2),
        {Item.BASE_FEE: ("140000", "950", "0"), Item.VISIT: ("6000", "42", "31"), Item.MEDIA: ("2000", "14", "31"),
         Item.STORAGE_GB: ("20", "0.14", "1000")},
        in_japanese=("毎日", "収集担当者が毎日伺います"),
        needs_approval=True,
    ),
    "online": DemoTier(
        "Online", "Your terminal sends what is new within the hour", Frequency.CONTINUOUS, (Way.ONLINE, Way.MEDIA),
        (12, 12, 2),
        {Item.BASE_FEE: ("30000", "210", "0"), Item.MEDIA: ("2500", "18", "1"), Item.STORAGE_GB: ("22", "0.15", "500")},
        in_japanese=("オンライン", "新しい画像を1時間以内に端末から送信します"),
    ),
}  # fmt: skip

# The days ago from which each tier was agreed on after the beginning, which was on call.
CHANGES: dict[str, tuple[Currency, tuple[tuple[int, str], ...]]] = {
    "sakura": (Currency.JPY, ((12, "weekly"),)),
    "lindenhof": (Currency.EUR, ((120, "monthly"), (50, "online"))),
}
TERMS: dict[str, Any] = {
    "dunning_days": [7, 21], "suspend_after_days": 45, "notice_days": 60, "reminder_days": [14, 3],
}  # fmt: skip


def seed_contracts(facilities: Mapping[str, Facility], *, now: datetime) -> None:
    """Tiers with prices, and a contract in force for each facility, signed by its owner. Safe to repeat."""
    today = now.date()
    for position, (code, demo) in enumerate(TIERS.items()):
        with as_center():
            _tier(code, demo, position, sold_from=date(today.year - 3, 1, 1))
    for slug, (currency, changes) in CHANGES.items():
        with as_center():
            if not Contract.objects.filter(facility=facilities[slug]).exists():
                _contract(facilities[slug], currency, changes, today)


def _tier(code: str, demo: DemoTier, position: int, *, sold_from: date) -> None:
    called = {"name": demo.name, "summary": demo.summary}
    in_languages = {"ja": dict(zip(called, demo.in_japanese, strict=True))}
    tier, is_new = Tier.objects.get_or_create(
        code=code, defaults={**called, "in_languages": in_languages, "position": position}
    )
    if not is_new:
        return
    response, output, urgent = demo.hours
    instances, size = demo.agreed or (None, None)
    version = TierVersion.objects.create(
        tier=tier, number=1, offered_from=sold_from, frequency=demo.frequency, ways=list(demo.ways),
        agreed_instances=instances, agreed_bytes=size, response_hours=response, output_hours=output,
        urgent_output_hours=urgent, needs_approval=demo.needs_approval,
    )  # fmt: skip
    for column, currency in enumerate(BOTH):
        made = PriceList.objects.create(
            tier_version=version, currency=currency, effective_from=sold_from, urgent_factor=Decimal("1.5")
        )
        Price.objects.bulk_create(
            Price(price_list=made, item=item, unit_price=Decimal(amounts[column]), included=Decimal(amounts[2]))
            for item, amounts in {**demo.prices, **OUTPUTS}.items()
        )


def _contract(facility: Facility, currency: Currency, changes: tuple[tuple[int, str], ...], today: date) -> None:
    owner = User.objects.get(email=f"owner@{facility.slug}.example")
    starts_on = _months_before(today, MONTHS_AGO)
    tier = _version("on-call")
    price_list = current_price_list(tier, currency, as_of=starts_on)
    assert price_list
    contract = draft(facility, tier_version=tier, price_list=price_list, starts_on=starts_on, actor=SYSTEM,
                     now=_noon(starts_on), by=owner, **TERMS)  # fmt: skip
    _sign(contract.versions.get(), owner, starts_on)
    activate(contract, by=owner, actor=SYSTEM, now=_noon(starts_on))
    for days_ago, code in changes:
        day = today - timedelta(days=days_ago)
        made = amend(contract, effective_from=day, tier_version=_version(code), actor=SYSTEM, now=_noon(day), by=owner)
        _sign(made, owner, day)


def _sign(version: ContractVersion, owner: User, day: date) -> None:
    actor = Actor("user", str(owner.pk), "127.0.0.1")
    sign(version, name=owner.name, by=owner, source_address="127.0.0.1", actor=actor, now=_noon(day))


def _version(code: str) -> TierVersion:
    return TierVersion.objects.get(tier__code=code, number=1)


def _months_before(day: date, months: int) -> date:
    """The first of the month so many months ago."""
    years, month = divmod(day.month - 1 - months, 12)
    return date(day.year + years, month + 1, 1)


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)
