"""What tax is added to a supply, and the numbers that tax offices give. Pure; rates by day stand in taxes.toml.

Categories are those of UNTDID 5305: S standard rate, AE reverse charge, E exempt, O outside the scope.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path

import stdnum.ch.vat
import stdnum.eu.vat
import stdnum.gb.vat
import stdnum.jp.cn
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from stdnum.exceptions import ValidationError

from apps.billing.errors import WrongNumber
from apps.core.money import Currency, rounded

_FILE = Path(__file__).with_name("taxes.toml")
_PREFIXES = {"GR": "EL"}
"""Of VAT numbers, where it is not the country's code (Directive 2006/112/EC, article 215)."""

STANDARD, REVERSE_CHARGE, EXEMPT, OUTSIDE = "S", "AE", "E", "O"
REVERSE_CHARGED = gettext_noop("Reverse charge: the customer owes the VAT (Directive 2006/112/EC, articles 44 and 196)")
NOT_REGISTERED = gettext_noop("No tax is charged: the seller is not registered for it")
EXPORTED = gettext_noop("No tax is charged: the service is supplied to a customer in another country")
NO_TAX = gettext_noop("No tax is charged")


@dataclass(frozen=True, slots=True)
class Tax:
    """Category, rate in percent, and what the invoice must say of it."""

    category: str
    rate: Decimal = Decimal(0)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """`by_rate`: category, rate, net, tax and note, as texts, for `Invoice.taxes`; the highest rate first."""

    net: Decimal
    tax: Decimal
    gross: Decimal
    by_rate: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class _Country:
    rates: tuple[tuple[date, Decimal], ...]
    is_eu: bool

    def rate(self, on: date) -> Decimal | None:
        return next((percent for first, percent in reversed(self.rates) if first <= on), None)


def is_eu(country: str) -> bool:
    """Whether a country is a member of the European Union."""
    found = _countries().get(country)
    return found is not None and found.is_eu


def tax_of(
    *, seller_country: str, seller_registered: bool, buyer_country: str, buyer_vat_id: str, supplied_on: date
) -> Tax:
    """The tax on a service supplied on a day to another enterprise.

    It is taxed where the customer is (Directive 2006/112/EC, article 44, and the like elsewhere). A customer in
    another EU country without a VAT number counts as a consumer and pays the seller's tax (article 45).
    """
    country = _countries().get(seller_country)
    rate = country.rate(supplied_on) if country else None
    if rate is None:
        return Tax(OUTSIDE, note=NO_TAX)
    if not seller_registered:
        return Tax(EXEMPT, note=NOT_REGISTERED)
    if buyer_country == seller_country:
        return Tax(STANDARD, rate)
    if is_eu(seller_country) and is_eu(buyer_country):
        is_taxed_there = has_vat_id(buyer_vat_id, country=buyer_country)
        return Tax(REVERSE_CHARGE, note=REVERSE_CHARGED) if is_taxed_there else Tax(STANDARD, rate)
    return Tax(OUTSIDE, note=EXPORTED)


def totals(lines: Iterable[tuple[Decimal, Tax]], currency: str) -> Totals:
    """The sums of an invoice: the tax is rounded once for each rate, never by the line; yen down, others half up."""
    nets = _nets(lines)
    return _summed([(tax, net, _added(net, tax, currency)) for tax, net in nets.items()])


def credited(
    lines: Iterable[tuple[Decimal, Tax]], currency: str, *, documents: Iterable[Sequence[Mapping[str, str]]]
) -> Totals:
    """The sums of a credit note: by each rate it gives back what the tax of the invoice's rest falls by, so that notes
    over all of an invoice give back all of its tax. `documents`: the `taxes` of the invoice, and of the notes before.
    """
    found, nets = _nets(lines), defaultdict[tuple[str, Decimal], Decimal](Decimal)
    taxes = defaultdict[tuple[str, Decimal], Decimal](Decimal)
    for each in (each for document in documents for each in document):
        key = each["category"], Decimal(each["rate"])
        nets[key] += Decimal(each["net"])
        taxes[key] += Decimal(each["tax"])
    rest = {tax: _added(nets[tax.category, tax.rate] + net, tax, currency) for tax, net in found.items()}
    return _summed([(tax, net, rest[tax] - taxes[tax.category, tax.rate]) for tax, net in found.items()])


def _nets(lines: Iterable[tuple[Decimal, Tax]]) -> dict[Tax, Decimal]:
    nets = dict[Tax, Decimal]()
    for net, tax in lines:
        nets[tax] = nets.get(tax, Decimal(0)) + net
    return nets


def _added(net: Decimal, tax: Tax, currency: str) -> Decimal:
    return rounded(net * tax.rate / 100, currency, ROUND_DOWN if currency == Currency.JPY else ROUND_HALF_UP)


def _summed(taxed: Iterable[tuple[Tax, Decimal, Decimal]]) -> Totals:
    """Of tax, net and what is added, by rate."""
    found = sorted(taxed, key=lambda each: (-each[0].rate, each[0].category))
    by_rate = [
        {"category": tax.category, "rate": f"{tax.rate}", "net": f"{net}", "tax": f"{amount}", "note": tax.note}
        for tax, net, amount in found
    ]
    net = sum((net for _tax, net, _amount in found), Decimal(0))
    added = sum((amount for _tax, _net, amount in found), Decimal(0))
    return Totals(net, added, net + added, by_rate)


def checked_vat_id(vat_id: str, *, country: str) -> str:
    """A VAT number without blanks and dots, its check digits right, with its country's prefix. Raises WrongNumber.

    Checked in the EU, the United Kingdom and Switzerland; elsewhere it is kept as written.
    """
    try:
        return _compact(vat_id.strip().upper(), country)
    except ValidationError as error:
        raise WrongNumber(
            _("This is no VAT number of %(country)s: a digit or the country's prefix is wrong") % {"country": country}
        ) from error


def has_vat_id(vat_id: str, *, country: str) -> bool:
    """Whether it is a VAT number of that country."""
    try:
        return bool(vat_id) and bool(checked_vat_id(vat_id, country=country))
    except WrongNumber:
        return False


def checked_registration_number(number: str) -> str:
    """A registration number of Japan's qualified invoices: T and the 13 digits, the first of which checks the others.

    Raises WrongNumber.
    """
    digits = number.strip().upper().removeprefix("T")
    try:
        return f"T{stdnum.jp.cn.validate(digits)}"
    except ValidationError as error:
        raise WrongNumber(_("A registration number is T and 13 digits; one of these is wrong")) from error


def _compact(vat_id: str, country: str) -> str:
    if is_eu(country):
        prefix = _PREFIXES.get(country, country)
        return str(stdnum.eu.vat.validate(prefix + vat_id.removeprefix(country).removeprefix(prefix)))
    if country == "GB":
        return f"GB{stdnum.gb.vat.validate(vat_id)}"
    if country == "CH":
        return str(stdnum.ch.vat.validate(vat_id))
    return vat_id


@cache
def _countries() -> dict[str, _Country]:
    told = tomllib.loads(_FILE.read_text("utf-8"))["country"]
    return {
        each["code"]: _Country(
            tuple((rate["from"], Decimal(rate["percent"])) for rate in each["rates"]), each.get("is_eu", False)
        )
        for each in told
    }
