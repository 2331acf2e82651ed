"""What an order costs and when it is ready. Pure: what is counted and the terms in, the quote out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from apps.core.money import exact_price, rounded
from apps.orders.errors import InvalidOptions

MOST_IMAGES = 100_000
"""Of one file, whose lists are held in memory while it is made: some 200 MB."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """What of a study can be seen: images that have pixels, and all their frames."""

    images: int
    frames: int


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is chosen, and the largest image. `frames`: pictures; of an image without pixels there is none.
    `pictures`: those of each study. `newest`: the highest id of an image.
    """

    images: int
    frames: int
    size_bytes: int
    largest_bytes: int = 0
    patients: int = 1
    pictures: tuple[Pictures, ...] = ()
    newest: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """So much of a price item, in its unit."""

    item: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class Tariff:
    """The terms that govern a quote: prices by item, what an urgent order multiplies them by, hours until ready."""

    currency: str
    prices: Mapping[str, Decimal]
    urgent_factor: Decimal
    hours: int
    urgent_hours: int


@dataclass(frozen=True, slots=True)
class Priced:
    """A line of a quote."""

    item: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Quote:
    """What is told before anything is requested."""

    lines: tuple[Priced, ...]
    currency: str
    amount: Decimal
    ready_hours: int
    is_urgent: bool


def quoted(counted: Iterable[Counted], tariff: Tariff, *, is_urgent: bool) -> Quote:
    """The quote, before tax and the contract's discount. What has no price is not charged (tiers.Price)."""
    factor = tariff.urgent_factor if is_urgent else Decimal(1)
    lines = tuple(_priced(each, tariff, factor) for each in counted)
    hours = tariff.urgent_hours if is_urgent else tariff.hours
    return Quote(lines, tariff.currency, sum((line.amount for line in lines), Decimal(0)), hours, is_urgent)


def require_bearable(extent: Extent) -> None:
    """Raises InvalidOptions where it is too much for one file."""
    if extent.images > MOST_IMAGES:
        told = _("That is more than %(count)s images: make several orders, or order a restore")
        raise InvalidOptions(told % {"count": f"{MOST_IMAGES:,}"})


def _priced(counted: Counted, tariff: Tariff, factor: Decimal) -> Priced:
    unit_price = exact_price(tariff.prices.get(counted.item, Decimal(0)) * factor)
    return Priced(counted.item, counted.quantity, unit_price, rounded(counted.quantity * unit_price, tariff.currency))
