"""The worked examples of docs/billing.md, to the last yen and cent."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from apps.audit.record import SYSTEM
from apps.billing.models import Invoice, Issuer
from apps.collection.models import Method
from apps.contracts.agreeing import amend
from apps.core.money import formatted
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.tiers.models import Frequency, Price, PriceList
from medvault.env import PROJECT
from tests.billing.facts import AFTER_GRACE, IN_MAY, billable, charges, collected, drafted, extended, finalized, stored
from tests.billing.stories import account_of
from tests.contracts.stories import in_force, price_list, tier_version

pytestmark = pytest.mark.django_db
DOCUMENT = (PROJECT / "docs" / "billing.md").read_text("utf-8")


def at(day: int, hour: int = 3, *, month: int = 4) -> datetime:
    """Noon in Japan, unless told otherwise."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


def including(prices: PriceList, item: str, included: int) -> PriceList:
    with as_center():
        Price.objects.filter(price_list=prices, item=item).update(included=included)
    return prices


def amounts(invoice: Invoice) -> list[str]:
    return [formatted(each.amount, each.currency) for each in charges(invoice)]


def section(title: str) -> str:
    return DOCUMENT.split(f"### {title}")[1].split("\n#")[0]


def test_a_month_in_japan_with_a_change_of_tier(sakura: Facility) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
        sakura.refresh_from_db()
    billable(sakura)
    monthly = including(
        price_list(tier_version("monthly"), base_fee="20000", visit="8000", storage_gb="12.5", extension="300"),
        "storage_gb", 100,
    )  # fmt: skip
    weekly = including(
        price_list(tier_version("weekly", frequency=Frequency.WEEKLY), base_fee="60000", visit="7000",
                   storage_gb="12.5", extension="300"),
        "storage_gb", 100,
    )  # fmt: skip
    contract = in_force(sakura, date(2026, 1, 1), monthly, discount_percent=Decimal(5))
    with as_center():
        amend(contract, effective_from=date(2026, 4, 16), tier_version=weekly.tier_version, price_list=weekly,
              actor=SYSTEM, now=at(14))  # fmt: skip
    collected(sakura, at(2), at(24))
    stored(sakura, at(20, month=3), 240 * 10**9)
    stored(sakura, at(10), 15 * 10**9)
    extended(sakura, at(20), "P2Y", date(2032, 1, 1))
    invoice = finalized(drafted(contract, now=IN_MAY), now=AFTER_GRACE)
    assert amounts(invoice) == [
        "¥10,000", "¥30,000", "¥8,000", "¥7,000", "-¥7,000", "¥913", "¥969", "¥600", "-¥946", "-¥1,578",
    ]  # fmt: skip
    sums = [formatted(each, "JPY") for each in (invoice.net, invoice.tax, invoice.gross)]
    assert sums == ["¥47,958", "¥4,795", "¥52,753"]
    told = section("A month in Japan, with a change of tier")
    assert [each for each in (*amounts(invoice), *sums) if f"| {each} |" not in told] == []


def test_ten_days_in_germany_with_a_minimum(lindenhof: Facility) -> None:
    with as_center():
        Facility.objects.filter(pk=lindenhof.pk).update(time_zone="Europe/Berlin")
        lindenhof.refresh_from_db()
        seller = Issuer.objects.create(name="Bildarchiv", address="", country="DE", vat_id="DE136695976", prefix="BA")
    account_of(lindenhof, issuer=seller)
    prices = price_list(
        tier_version("online", frequency=Frequency.CONTINUOUS, ways=["online"]), "EUR",
        base_fee="149.00", online="2.50", storage_gb="0.0215",
    )  # fmt: skip
    contract = in_force(lindenhof, date(2026, 4, 21), prices, minimum_commitment=Decimal(200))
    collected(lindenhof, at(22), at(25), at(29), method=Method.PUSH)
    stored(lindenhof, at(20), 80 * 10**9)
    invoice = finalized(drafted(contract, now=IN_MAY), now=AFTER_GRACE)
    assert amounts(invoice) == ["€49.67", "€2.50", "€2.50", "€2.50", "€0.57", "€8.93"]
    sums = [formatted(each, "EUR") for each in (invoice.net, invoice.tax, invoice.gross)]
    assert (sums, invoice.number) == (["€66.67", "€12.67", "€79.34"], "BA-2026-000001")
    told = section("Ten days in Germany, with a minimum")
    assert [each for each in (*amounts(invoice), *sums) if f"| {each} |" not in told] == []
