"""Tiers with prices and contracts in force, for the tests of what follows from them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import activate, draft
from apps.contracts.models import Contract
from apps.core.money import Currency
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import Frequency, Price, PriceList, Tier, TierVersion, Way

SOLD_FROM = date(2020, 1, 1)
PRICES = {"base_fee": "20000", "visit": "8000", "storage_gb": "12.5"}


def tier_version(code: str = "monthly", **facts: Any) -> TierVersion:
    """Another version of a tier: monthly visits, unless told otherwise."""
    promised: dict[str, Any] = {
        "offered_from": SOLD_FROM, "frequency": Frequency.MONTHLY, "ways": [Way.VISIT], "response_hours": 72,
        "output_hours": 48, "urgent_output_hours": 4,
    }  # fmt: skip
    with as_center():
        tier, _ = Tier.objects.get_or_create(code=code, defaults={"name": code.capitalize()})
        return TierVersion.objects.create(tier=tier, number=tier.versions.count() + 1, **(promised | facts))


def price_list(
    version: TierVersion, currency: str = Currency.JPY, effective_from: date = SOLD_FROM, **prices: str
) -> PriceList:
    """Its prices from a day on."""
    with as_center():
        made = PriceList.objects.create(tier_version=version, currency=currency, effective_from=effective_from)
        for item, price in (prices or PRICES).items():
            Price.objects.create(price_list=made, item=item, unit_price=Decimal(price))
    return made


def at(day: date) -> datetime:
    """Noon of a day."""
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def drafted(facility: Facility, starts_on: date, prices: PriceList | None = None, **terms: Any) -> Contract:
    """A contract that is not in force."""
    chosen = prices or price_list(tier_version())
    with as_center():
        return draft(
            facility, tier_version=chosen.tier_version, price_list=chosen, starts_on=starts_on, actor=SYSTEM,
            now=at(starts_on), **terms,
        )  # fmt: skip


def in_force(
    facility: Facility, starts_on: date, prices: PriceList | None = None, by: User | None = None, **terms: Any
) -> Contract:
    """A contract that is in force from a day on."""
    contract = drafted(facility, starts_on, prices, **terms)
    with as_center():
        activate(contract, by=by, actor=SYSTEM, now=at(starts_on))
    return contract
