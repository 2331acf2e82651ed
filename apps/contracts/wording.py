"""What was agreed on, in words: on pages, in the document that is signed, and before a change is made."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from django.utils.translation import gettext as _

from apps.contracts.models import ContractVersion
from apps.core.money import formatted, plain, step
from apps.core.periods import period_in_words
from apps.tiers.models import UNITS, PriceList, TierVersion, Way

GB = 10**9  # as it is charged


class Line(NamedTuple):
    """Something that was agreed on, by name."""

    name: str
    value: str


class Difference(NamedTuple):
    """A line that two versions do not have in common; '-' where one has none."""

    name: str
    before: str
    after: str


def promises(tier: TierVersion) -> list[Line]:
    """What a tier version promises."""
    amounts = [_("%s images") % f"{tier.agreed_instances:,}"] if tier.agreed_instances else []
    amounts += [f"{tier.agreed_bytes / GB:g} GB"] if tier.agreed_bytes else []
    return [
        Line(_("Collection"), str(tier.get_frequency_display())),
        Line(_("Ways of collection"), ", ".join(str(Way(way).label) for way in tier.ways)),
        Line(_("Amount a collection"), ", ".join(amounts) or _("no limit")),
        Line(_("Requests are answered"), _within(tier.response_hours)),
        Line(_("Outputs are ready"), _within(tier.output_hours)),
        Line(_("Urgent outputs are ready"), _within(tier.urgent_output_hours)),
    ]


def prices(price_list: PriceList) -> list[Line]:
    """The prices of a list, before tax."""
    lines = [
        Line(str(price.get_item_display()), _price(price.unit_price, price.included, price.item, price_list.currency))
        for price in price_list.prices.all()
    ]
    factor = Line(_("Urgent outputs"), _("%s times the price") % plain(price_list.urgent_factor))
    return [*lines, factor] if price_list.urgent_factor != 1 else lines


def terms(version: ContractVersion) -> list[Line]:
    """The terms of a contract version, but for what its tier promises."""
    minimum = period_in_words(version.minimum_period) if version.minimum_period else _("as the law says")
    overdue = version.suspend_after_days
    suspension = _("never") if overdue is None else _("%s after the due day") % _days(overdue)
    return [
        Line(_("Minimum term"), period_in_words(version.minimum_term) or _("none")),
        Line(_("Notice"), period_in_words(version.notice_period) or _("none")),
        Line(_("Discount"), f"{plain(version.discount_percent)} %" if version.discount_percent else _("none")),
        Line(_("Minimum a month"), _commitment(version)),
        Line(_("Invoices are paid"), _("within %s") % _days(version.payment_days)),
        Line(_("Reminders"), _some_days(version.dunning_days, _("after the due day"))),
        Line(_("New outputs wait"), suspension),
        Line(_("Images are kept at least"), minimum),
        Line(_("At the end of storage"), str(version.get_on_expiry_display())),
        Line(_("Notice before deletion"), _days(version.notice_days)),
        Line(_("Reminders of it"), _some_days(version.reminder_days, _("before its end"))),
        Line(_("Silence to it means"), str(version.get_on_silence_display())),
        Line(_("After the last day"), custody(version)),
    ]


def custody(version: ContractVersion) -> str:
    """What is charged for images that must be kept after the contract's last day."""
    if version.charges_custody:
        return _("what must be kept costs the price for storage, and nothing else, until it is returned or erased")
    return _("nothing is charged for what must be kept")


def differences(before: ContractVersion, after: ContractVersion) -> list[Difference]:
    """What an amendment changes; none of both has to be saved."""
    then, now = dict(_all(before)), dict(_all(after))
    return [
        Difference(name, then.get(name, "-"), now.get(name, "-"))
        for name in dict.fromkeys((*then, *now))
        if then.get(name) != now.get(name)
    ]


def _all(version: ContractVersion) -> Sequence[Line]:
    chosen = Line(_("Tier"), str(version.tier_version))
    priced = [Line(_("Price: %s") % line.name, line.value) for line in prices(version.price_list)]
    return [chosen, *promises(version.tier_version), *priced, *terms(version)]


def _price(unit_price: Decimal, included: Decimal, item: str, currency: str) -> str:
    exact = unit_price.normalize()
    is_payable = exact == exact.quantize(step(currency))
    amount = formatted(unit_price, currency) if is_payable else f"{plain(unit_price)} {currency}"
    per_unit = _("%(amount)s per %(unit)s") % {"amount": amount, "unit": UNITS[item]}
    return f"{per_unit}, {_('%s a month included') % plain(included)}" if included else per_unit


def _commitment(version: ContractVersion) -> str:
    if not version.minimum_commitment:
        return _("none")
    return formatted(version.minimum_commitment, version.price_list.currency)


def _within(hours: int) -> str:
    return _("within %s hours") % hours


def _days(days: int) -> str:
    return period_in_words(f"P{days}D") or _("no day")


def _some_days(days: Sequence[int], when: str) -> str:
    return _("%(days)s days %(when)s") % {"days": ", ".join(map(str, days)), "when": when} if days else _("none")
