"""Tiers that a clinic may choose from, and months in which it was served, for the tests of the plan pages."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.billing.models import StorageDay
from apps.billing.months import begins_at
from apps.collection.models import Collection, Method, State
from apps.contracts.agreeing import activate, draft
from apps.contracts.models import Contract
from apps.core.money import Currency
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.tiers.models import Frequency, Price, PriceList, Tier, TierVersion, Way

SOLD_FROM = date(2020, 1, 1)
GB = 10**9
TIERS = [
    ("on-request", "On request", Frequency.ON_REQUEST, [Way.VISIT, Way.MEDIA], 3000, 15000, False),
    ("monthly", "Monthly visit", Frequency.MONTHLY, [Way.VISIT, Way.MEDIA], 12000, 9000, False),
    ("weekly", "Weekly visit", Frequency.WEEKLY, [Way.VISIT, Way.MEDIA], 24000, 8000, False),
    ("daily", "Daily online", Frequency.DAILY, [Way.ONLINE, Way.MEDIA], 38000, 8000, False),
    ("continuous", "Continuous", Frequency.CONTINUOUS, [Way.ONLINE, Way.LEASED_LINE], 59000, 0, True),
]
SUMMARIES = {
    "on-request": "For clinics that seldom store, or bring discs themselves.",
    "monthly": "An operator comes once a month with the collector.",
    "weekly": "Never more than a week of images at your clinic alone.",
    "daily": "Your terminal sends every night; discs help where it cannot.",
    "continuous": "Each study is safe in two places minutes after it was made.",
}


def sell(currency: str = Currency.JPY, *, but: str = "") -> dict[str, TierVersion]:
    """The center's tiers, by code; all, or all but one."""
    return {code: _sold(number, code, currency) for number, (code, *_facts) in enumerate(TIERS) if code != but}


def _sold(number: int, code: str, currency: str) -> TierVersion:
    _code, name, frequency, ways, base_fee, visit, needs_approval = TIERS[number]
    prices: dict[str, int | str] = {
        "base_fee": base_fee, "visit": visit, "media": 1500, "storage_gb": "18.5", "film": 650, "paper": 80,
        "medium": 1800, "delivery": 1200,
    }  # fmt: skip
    with as_center():
        tier = Tier.objects.create(code=code, name=name, summary=SUMMARIES[code], position=number)
        version = TierVersion.objects.create(
            tier=tier, number=1, offered_from=SOLD_FROM, frequency=frequency, ways=ways,
            response_hours=72 - 12 * number, output_hours=48, urgent_output_hours=4, needs_approval=needs_approval,
        )  # fmt: skip
        made = PriceList.objects.create(
            tier_version=version, currency=currency, effective_from=SOLD_FROM, urgent_factor=Decimal("1.5")
        )
        for item, amount in prices.items():
            Price.objects.create(
                price_list=made, item=item, unit_price=Decimal(amount), included=100 if item == "storage_gb" else 0
            )
    return version


def serve(facility: Facility, version: TierVersion, *, starts_on: date, now: datetime | None = None) -> Contract:
    """A contract in force."""
    at, prices = now or timezone.now(), PriceList.objects.get(tier_version=version)
    with as_center():
        contract = draft(
            facility, tier_version=version, price_list=prices, starts_on=starts_on, actor=SYSTEM, now=at,
            minimum_term="P1Y", notice_period="P3M",
        )  # fmt: skip
        activate(contract, by=None, actor=SYSTEM, now=at)
    return contract


def store_since(facility: Facility, first: date, until: date) -> None:
    """Storage that grows by 2 GB and four studies a day, and a visit every 30 days."""
    days = [first + timedelta(days=n) for n in range((until - first).days)]
    with as_center():
        StorageDay.objects.bulk_create(
            StorageDay(
                facility=facility, day=day, ends_at=begins_at(day + timedelta(days=1), facility.time_zone),
                stored_bytes=2 * GB * (n + 1), studies=4 * (n + 1),
            )
            for n, day in enumerate(days)
        )  # fmt: skip
    with as_facility(facility):
        for day in days[::30]:
            at = begins_at(day, facility.time_zone) + timedelta(hours=10)
            Collection.objects.create(
                facility=facility, method=Method.VISIT, state=State.STORED, opened_at=at, received_at=at, stored_at=at
            )
