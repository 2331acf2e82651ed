"""What each tier would have cost, and how long images would have waited at the clinic. Pure: months and offers in.

A tier's collections are those its frequency would have made, from the first day on; storage and outputs stay as they
were. Days at risk are days at whose end images lie nowhere but at the clinic.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.billing.rating import Rated, Terms, rate
from apps.billing.usage import CollectionFact, Usage
from apps.core.money import formatted, rounded
from apps.tiers.models import Frequency, Item, Way

ON_REQUEST_DAYS = 90
"""Between two collections where a tier promises none: an assumption, which the page states."""
YEAR = 365
MONTHS = 12
URGENCIES = (1, 7, 14, 30)


class Part(models.TextChoices):
    """What a sum is for, as charts and tables part it."""

    BASE = "base", gettext_lazy("Base fee")
    COLLECTION = "collection", gettext_lazy("Collections")
    STORAGE = "storage", gettext_lazy("Storage")
    OUTPUT = "output", gettext_lazy("Outputs")
    TERMS = "terms", gettext_lazy("Discount and minimum")


_PARTS: dict[str, Part] = {
    Item.BASE_FEE: Part.BASE,
    **dict.fromkeys((Item.VISIT, Item.ONLINE, Item.MEDIA), Part.COLLECTION),
    **dict.fromkeys((Item.STORAGE_GB, Item.STORAGE_STUDY, Item.EXTENSION), Part.STORAGE),
}
_ITEMS = {Way.VISIT: Item.VISIT, Way.ONLINE: Item.ONLINE, Way.LEASED_LINE: Item.ONLINE, Way.MEDIA: Item.MEDIA}


@dataclass(frozen=True, slots=True)
class Offer:
    """A tier version at its prices, as it would be agreed. `key` is the caller's name for it."""

    key: int
    terms: Terms
    frequency: Frequency
    ways: Sequence[str]

    @property
    def gap(self) -> int:
        """Days between two collections; 0 where images never wait."""
        return ON_REQUEST_DAYS if self.frequency.days is None else self.frequency.days


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tier would have come to. `months`: sums by part, for each month of the history; days are those of a year.

    `waits_days`: what an image waits at most, and `waits_on_average_days`; `full_days`: the terminal had no room left.
    """

    offer: Offer
    currency: str
    months: Sequence[tuple[date, Mapping[Part, Decimal]]]
    collections: int
    waits_days: int
    waits_on_average_days: float
    days_at_risk: int
    full_days: int

    @property
    def total(self) -> Decimal:
        """Of all the months."""
        return sum((sum(parts.values(), Decimal(0)) for _month, parts in self.months), Decimal(0))

    @property
    def a_month(self) -> Decimal:
        """What a month came to, on average."""
        return rounded(self.total / max(len(self.months), 1), self.currency)

    @property
    def a_year(self) -> Decimal:
        """What a year comes to."""
        return rounded(self.total * MONTHS / max(len(self.months), 1), self.currency)

    @property
    def parts(self) -> dict[Part, Decimal]:
        """What a year comes to, by part; those that are nothing left out."""
        sums = {part: sum((parts.get(part, Decimal(0)) for _month, parts in self.months), Decimal(0)) for part in Part}
        scale = Decimal(MONTHS) / max(len(self.months), 1)
        return {part: rounded(amount * scale, self.currency) for part, amount in sums.items() if amount}


@dataclass(frozen=True, slots=True)
class Choice:
    """The tier to take, and why in words."""

    outcome: Outcome
    reason: str


def simulate(
    history: Sequence[Usage], offers: Sequence[Offer], *, currency: str, room_days: float | None = None
) -> list[Outcome]:
    """An outcome for each offer, in their order. `history`: months in the order of time.

    `room_days`: how long the terminal that fills up soonest takes in images until it is full; None if none does.
    """
    return [_outcome(history, offer, currency, room_days) for offer in offers]


def best(outcomes: Sequence[Outcome], *, urgency: int | None, budget: Decimal | None) -> Choice | None:
    """The cheapest that is soon enough, keeps the terminal from filling up, and is within the budget of a month.

    `urgency`: how many days old an image may get before it is safe; None for any. What is soon enough comes before
    what is cheap: where nothing within the budget is, the cheapest that is.
    """
    if not outcomes:
        return None
    soon = [each for each in outcomes if _is_soon_enough(each, urgency)]
    if not soon:
        found = min(outcomes, key=lambda each: (each.full_days, each.waits_days, each.total))
        return Choice(found, _("No tier collects that often; this one comes nearest."))
    roomy = [each for each in soon if not each.full_days]
    candidates = roomy or [min(soon, key=lambda each: (each.full_days, each.total))]
    affordable = [each for each in candidates if budget is None or each.a_month <= budget]
    found = min(affordable or candidates, key=lambda each: (each.total, each.waits_days))
    return Choice(found, _reason(found, outcomes, urgency, budget))


def urgency_of(days: int) -> int:
    """The urgency under which images are collected every so many days, or sooner."""
    return max((each for each in URGENCIES if each <= days), default=URGENCIES[0])


def item_of(frequency: Frequency, ways: Sequence[str]) -> str | None:
    """What a collection of that frequency is charged as: online where it can be without waiting, else a visit."""
    order = [Way.VISIT, Way.ONLINE, Way.LEASED_LINE, Way.MEDIA]
    if frequency == Frequency.CONTINUOUS:
        order = [Way.ONLINE, Way.LEASED_LINE, Way.VISIT, Way.MEDIA]
    return next((_ITEMS[way] for way in order if way in ways), None)


def by_part(lines: Iterable[Rated]) -> dict[Part, Decimal]:
    """Sums of ledger lines by what they count towards; those that are nothing left out."""
    sums = defaultdict[Part, Decimal](Decimal)
    for line in lines:
        part = Part.TERMS if line.source in {"discount", "true_up"} else _PARTS.get(line.item, Part.OUTPUT)
        sums[part] += line.amount
    return {part: sums[part] for part in Part if sums[part]}


def _outcome(history: Sequence[Usage], offer: Offer, currency: str, room_days: float | None) -> Outcome:
    made = list(_collected(history, offer))
    by_month = defaultdict[date, list[CollectionFact]](list)
    for fact in made:
        by_month[fact.on.replace(day=1)].append(fact)
    months = []
    for usage in history:
        brought = [fact for fact in usage.collections if fact.way == Item.MEDIA and Way.MEDIA in offer.ways]
        facts = sorted([*by_month[usage.month], *brought], key=lambda fact: fact.on)
        replayed = replace(usage, collections=facts, promised_visits=[])
        terms = replace(offer.terms, effective_from=usage.first)
        months.append((usage.month, by_part(rate(replayed, [terms], currency, contract="simulated"))))
    gap = offer.gap
    return Outcome(
        offer=offer, currency=currency, months=months, collections=len(made), waits_days=gap,
        waits_on_average_days=gap / 2, days_at_risk=round(YEAR * (1 - 1 / gap)) if gap else 0,
        full_days=_full_days(gap, room_days),
    )  # fmt: skip


def _collected(history: Sequence[Usage], offer: Offer) -> Iterator[CollectionFact]:
    """What the frequency would have collected; continuously counts as once a day."""
    item = item_of(offer.frequency, offer.ways)
    if not history or item is None:
        return
    step = timedelta(max(offer.gap, 1))
    day = history[0].first + step - timedelta(1)
    while day <= history[-1].last:
        yield CollectionFact(f"{day}", day, item)
        day += step


def _full_days(gap: int, room_days: float | None) -> int:
    """Days of a year on which the terminal has no room before it is emptied."""
    if room_days is None or not gap:
        return 0
    return round(YEAR * max(gap - room_days, 0) / gap)


def _is_soon_enough(outcome: Outcome, urgency: int | None) -> bool:
    return urgency is None or (outcome.offer.frequency.days is not None and outcome.waits_days <= urgency)


def _reason(found: Outcome, outcomes: Sequence[Outcome], urgency: int | None, budget: Decimal | None) -> str:
    said = [_soon(urgency)]
    cheaper = [each for each in outcomes if each.total < found.total]
    if any(each.full_days and _is_soon_enough(each, urgency) for each in cheaper) and not found.full_days:
        said.append(_("With cheaper ones the terminal would be full before the next collection."))
    elif found.full_days:
        said.append(_("Even so the terminal would be full on some days: ask the center about its disk."))
    if budget is not None and found.a_month > budget:
        over = formatted(found.a_month - budget, found.currency)
        said.append(_("It is above your budget by %(amount)s a month; nothing within it would do.") % {"amount": over})
    elif budget is not None:
        under = formatted(budget - found.a_month, found.currency)
        said.append(_("It leaves %(amount)s a month of your budget.") % {"amount": under})
    return " ".join(said)


def _soon(urgency: int | None) -> str:
    if urgency is None:
        return _("The cheapest tier for what you store and order.")
    if urgency == 1:
        return _("The cheapest tier that has every image safe within a day.")
    return _("The cheapest tier that has every image safe within %(days)d days.") % {"days": urgency}
