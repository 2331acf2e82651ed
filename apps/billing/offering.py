"""The tiers that a facility may choose from on a day, at the prices it would get."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from apps.billing.agreed import PriceBook
from apps.billing.rating import Terms
from apps.billing.simulating import Offer
from apps.contracts.models import ContractVersion
from apps.core.money import Currency
from apps.facilities.models import Facility
from apps.tiers.models import Frequency, PriceList, TierVersion

_CURRENCIES = {"JP": Currency.JPY, "US": Currency.USD, "GB": Currency.GBP, "CH": Currency.CHF, "LI": Currency.CHF}


@dataclass(frozen=True, slots=True)
class Offered:
    """A tier version and its prices. `is_agreed`: what the facility has now, at the prices of its contract."""

    version: TierVersion
    price_list: PriceList
    offer: Offer
    is_agreed: bool


def currency_of(facility: Facility) -> str:
    """The currency of a first contract."""
    return _CURRENCIES.get(facility.country, Currency.EUR)


def offered(currency: str, *, as_of: date, agreed: ContractVersion | None) -> list[Offered]:
    """Of each tier the newest version that may be chosen on a day and has prices; and what is agreed.

    Discount and minimum of what is agreed go on, as an amendment leaves them.
    """
    found = {} if agreed is None else {agreed.tier_version_id: (agreed.tier_version, agreed.price_list)}
    prices = _price_lists(currency, as_of)
    seen = set[int]()
    for version in TierVersion.objects.offered(as_of=as_of).select_related("tier"):
        if version.pk in prices and version.tier_id not in seen:
            seen.add(version.tier_id)
            found.setdefault(version.pk, (version, prices[version.pk]))
    book = PriceBook()
    book.learn(price_list.pk for _version, price_list in found.values())
    ordered = sorted(found.values(), key=lambda each: (each[0].tier.position, each[0].tier_id, each[0].number))
    return [_offered(version, price_list, book, agreed) for version, price_list in ordered]


def _price_lists(currency: str, as_of: date) -> dict[int, PriceList]:
    """The newest list of each tier version on a day, if it has prices."""
    lists = PriceList.objects.filter(currency=currency, effective_from__lte=as_of)
    newest = lists.order_by("tier_version_id", "-effective_from").distinct("tier_version_id")
    return {each.tier_version_id: each for each in PriceList.objects.filter(pk__in=newest, prices__isnull=False)}


def _offered(
    version: TierVersion, price_list: PriceList, book: PriceBook, agreed: ContractVersion | None
) -> Offered:  # fmt: skip
    terms = Terms(
        number=1, effective_from=price_list.effective_from, tier=str(version.tier), prices=book.lists[price_list.pk],
        urgent_factor=price_list.urgent_factor,
        discount_percent=agreed.discount_percent if agreed else Decimal(0),
        minimum_commitment=agreed.minimum_commitment if agreed else Decimal(0),
    )  # fmt: skip
    offer = Offer(version.pk, terms, Frequency(version.frequency), version.ways)
    return Offered(version, price_list, offer, agreed is not None and agreed.tier_version_id == version.pk)
