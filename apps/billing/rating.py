"""From facts to what is owed. Pure: a month's usage and the terms in; ledger lines out, the same each time.

Lines come in this order: base fee, collections, promised visits that were not made, storage, deeds, discount, minimum;
then what was told late of earlier months. The sum of a month's shares of one price is the month's price, whatever day
the terms changed on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from apps.billing.usage import Deed, Usage
from apps.contracts.terms import Span, governing, spans
from apps.core.money import EXACT, apportioned, exact_price, formatted, plain, rounded
from apps.tiers.models import Item

GB = 10**9
ONE_DAY = timedelta(days=1)
STORAGE = (Item.STORAGE_GB, Item.STORAGE_STUDY)


@dataclass(frozen=True, slots=True)
class Priced:
    """The price of an item: `included` units a month cost nothing."""

    unit_price: Decimal
    included: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a contract version comes to for rating."""

    number: int
    effective_from: date
    tier: str
    prices: Mapping[str, Priced]
    urgent_factor: Decimal = Decimal(1)
    discount_percent: Decimal = Decimal(0)
    minimum_commitment: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rated:
    """A ledger line before it is one. `version`: the number of the contract version; see models.Charge."""

    version: int
    source: str
    source_key: str
    item: str
    supplied_on: date
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal
    clause: str
    counted: dict[str, Any] = field(default_factory=dict)


def rate(usage: Usage, terms: Sequence[Terms], currency: str, *, contract: str) -> list[Rated]:
    """What a month's usage costs. `contract` begins the keys of what is charged once a month.

    What was told late costs what its month would have cost more with it: it counts for that month's included units,
    promised visits, discount and minimum, and for no other's.
    """
    lines = _rated(usage, terms, currency, contract)
    for late in usage.late:
        before, after = (_rated(each, terms, currency, contract) for each in (late.before, late.after))
        lines += _differences(before, after, currency, told_in=usage.month)
    return lines


def _rated(usage: Usage, terms: Sequence[Terms], currency: str, contract: str) -> list[Rated]:
    over = usage.custody_from
    if over:  # what was agreed for later never governed
        terms = [each for each in terms if each.effective_from < over]
    within = spans(terms, first=usage.first, last=over - ONE_DAY if over else usage.last)
    custody = spans(terms, first=max(usage.first, over), last=usage.last) if over else []
    by_number = {each.number: each for each in terms}
    month = _Month(usage, within, custody, by_number, currency, f"{contract}/{usage.month:%Y-%m}")
    lines = [*month.base(), *month.collections(), *month.missed_visits(), *month.storage(), *month.deeds()]
    lines += month.discounts(lines)
    return lines + month.true_up(lines)


def _differences(before: Sequence[Rated], after: Sequence[Rated], currency: str, *, told_in: date) -> Iterable[Rated]:
    """Lines that are new, and for those that come out otherwise, or no more, one of the difference."""
    was, became = ({(line.source, line.source_key): line for line in lines} for lines in (before, after))
    for key, line in (was | became).items():
        if key not in was:
            yield line
            continue
        old, new = was[key].amount, became[key].amount if key in became else Decimal(0)
        if old != new:
            difference = new - old
            told = {"new": formatted(new, currency), "old": formatted(old, currency)}
            yield replace(
                line, source_key=f"{line.source_key}/{told_in:%Y-%m}", quantity=Decimal(1), unit_price=difference,
                amount=difference, clause=_("%(new)s instead of %(old)s") % told, counted={},
            )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Month:
    usage: Usage
    spans: list[Span]
    custody: list[Span]
    terms: Mapping[int, Terms]
    currency: str
    key: str

    def base(self) -> Iterable[Rated]:
        """The base fee, shared by days. Terms of one price are one share, so that no change of terms moves a yen."""
        charged = [span for span in self.spans if Item.BASE_FEE in self.terms[span.number].prices]
        for price in dict.fromkeys(self.terms[span.number].prices[Item.BASE_FEE].unit_price for span in charged):
            same = [span for span in charged if self.terms[span.number].prices[Item.BASE_FEE].unit_price == price]
            rest = self.usage.days_in_month - sum(span.days for span in same)
            shares = apportioned(price, [*(span.days for span in same), rest], self.currency)
            for span, share in zip(same, shares, strict=False):
                yield Rated(
                    span.number, "base", f"{self.key}/{span.first:%d}", Item.BASE_FEE, span.first,
                    _exact(Decimal(span.days) / self.usage.days_in_month), price, share,
                    _("%(tier)s: %(days)d of %(all)d days")
                    % {"tier": self.terms[span.number].tier, "days": span.days, "all": self.usage.days_in_month},
                    {"first": f"{span.first}", "last": f"{span.last}"},
                )  # fmt: skip

    def collections(self) -> Iterable[Rated]:
        """One line for each collection of a way that has a price; the first ones of a month may be included."""
        so_far = dict[str, int]()
        for fact in self.usage.collections:
            terms = governing(self.terms.values(), on=fact.on)
            price = terms.prices.get(fact.way) if terms else None
            if terms is None or price is None:
                continue
            so_far[fact.way] = count = so_far.get(fact.way, 0) + 1
            is_included = count <= price.included
            unit_price = Decimal(0) if is_included else price.unit_price
            why = _("%(number)d of %(included)s included") if is_included else _("number %(number)d of the month")
            why %= {"number": count, "included": plain(price.included)}
            yield Rated(
                terms.number, "collection", fact.uid, fact.way, fact.on, Decimal(1), unit_price,
                rounded(unit_price, self.currency), why, {"collection": fact.uid},
            )  # fmt: skip

    def missed_visits(self) -> Iterable[Rated]:
        """Promised visits that nobody made are credited, at a visit's price."""
        made = sum(1 for fact in self.usage.collections if fact.way == Item.VISIT)
        for number, day in enumerate(self.usage.promised_visits[made:], made + 1):
            terms = governing(self.terms.values(), on=day)
            price = terms.prices.get(Item.VISIT) if terms else None
            if terms and price:
                yield Rated(
                    terms.number, "missed_visit", f"{self.key}/{number}", Item.VISIT, day, Decimal(1),
                    -price.unit_price, rounded(-price.unit_price, self.currency),
                    _("promised %(promised)d, made %(made)d")
                    % {"promised": len(self.usage.promised_visits), "made": made}, {"promised_on": f"{day}"},
                )  # fmt: skip

    def storage(self) -> Iterable[Rated]:
        """What lay in the vault, day by day, as parts of a month. Of days in custody nothing is included."""
        for span in [*self.spans, *self.custody]:
            is_custody = self._is_after_end(span.first)
            days = [each for each in self.usage.stored if span.first <= each.day <= span.last]
            for item in STORAGE:
                price = self.terms[span.number].prices.get(item)
                if price is None or not days:
                    continue
                stored = sum((each.stored_bytes if item == Item.STORAGE_GB else each.studies) for each in days)
                unit = GB if item == Item.STORAGE_GB else 1
                share = Decimal(0) if is_custody else price.included * span.days / self.usage.days_in_month
                quantity = _exact(max(Decimal(stored) / unit / self.usage.days_in_month - share, Decimal(0)))
                yield Rated(
                    span.number, "storage", f"{self.key}/{span.first:%d}/{item}", item, span.last, quantity,
                    price.unit_price, rounded(quantity * price.unit_price, self.currency),
                    (_("%(days)d days after the contract's last day") if is_custody else
                     _("%(days)d days, %(included)s included"))
                    % {"days": len(days), "included": plain(_exact(share))},
                    {"first": f"{days[0].day}", "last": f"{days[-1].day}", "sum": stored},
                )  # fmt: skip

    def deeds(self) -> Iterable[Rated]:
        """What was done once, at the price that was quoted; else at the day's, urgent ones at its list's factor."""
        for deed in self.usage.deeds:
            terms = governing(self.terms.values(), on=deed.on)
            if terms and (price := _price(deed, terms)) is not None:
                yield self._deed(deed, terms, price)

    def discounts(self, lines: Sequence[Rated]) -> list[Rated]:
        """A discount on everything under a version; what was kept or done after the end has a line of its own."""
        found = [line for line in lines if not self._is_after_end(line.supplied_on)]
        kept = [line for line in lines if self._is_after_end(line.supplied_on)]
        since = self.custody or [Span(line.version, line.supplied_on, line.supplied_on) for line in kept[-1:]]
        return [*self._discounts(self.spans, found, self.key), *self._discounts(since, kept, f"{self.key}/kept")]

    def _discounts(self, within: Sequence[Span], lines: Sequence[Rated], key: str) -> list[Rated]:
        made: list[Rated] = []
        for span in within:
            terms = self.terms[span.number]
            net = sum((line.amount for line in lines if line.version == span.number), Decimal(0))
            if terms.discount_percent and net > 0 and all(each.version != span.number for each in made):
                amount = rounded(-net * terms.discount_percent / 100, self.currency)
                made.append(Rated(
                    span.number, "discount", f"{key}/{span.number}", Item.BASE_FEE, span.last, Decimal(1), amount,
                    amount, _("%(percent)s %% of %(net)s") % {"percent": plain(terms.discount_percent), "net": net},
                ))  # fmt: skip
        return made

    def true_up(self, lines: Sequence[Rated]) -> list[Rated]:
        """What is missing to the minimum that was agreed, in parts by days."""
        agreed = sum(
            (self.terms[span.number].minimum_commitment * span.days / self.usage.days_in_month for span in self.spans),
            Decimal(0),
        )
        agreed = rounded(agreed, self.currency)
        net = sum((line.amount for line in lines if not self._is_after_end(line.supplied_on)), Decimal(0))
        if not self.spans or net >= agreed:
            return []
        last = self.spans[-1]
        return [Rated(
            last.number, "true_up", self.key, Item.BASE_FEE, last.last, Decimal(1), agreed - net, agreed - net,
            _("minimum %(agreed)s, used %(net)s") % {"agreed": agreed, "net": net},
        )]  # fmt: skip

    def _is_after_end(self, day: date) -> bool:
        return self.usage.custody_from is not None and day >= self.usage.custody_from

    def _deed(self, deed: Deed, terms: Terms, unit_price: Decimal) -> Rated:
        return Rated(
            terms.number, deed.source, deed.key, deed.item, deed.on, deed.quantity, unit_price,
            rounded(deed.quantity * unit_price, self.currency), deed.why or ("urgent" if deed.is_urgent else ""),
            {deed.source: deed.key},
        )  # fmt: skip


def _price(deed: Deed, terms: Terms) -> Decimal | None:
    if deed.quoted_price is not None:
        return deed.quoted_price
    found = terms.prices.get(deed.item)
    return exact_price(found.unit_price * (terms.urgent_factor if deed.is_urgent else 1)) if found else None


def _exact(quantity: Decimal) -> Decimal:
    return quantity.quantize(EXACT)
