"""What an order costs and when it is ready: exact, by the governing contract version, the same as is charged."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.audit.record import SYSTEM
from apps.billing.rating import Priced as RatedPrice
from apps.billing.rating import Terms, rate
from apps.billing.usage import Deed, Usage
from apps.contracts.agreeing import amend
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.orders.choosing import Choice, instances_of, without_covered
from apps.orders.errors import NoContract, NothingChosen
from apps.orders.models import OrderItem, OrderKind, QuoteLine
from apps.orders.ordering import estimate
from apps.orders.quoting import Counted, Tariff, quoted
from tests.contracts.stories import price_list, tier_version
from tests.orders.stories import fresh, may_order, now, studies
from tests.orders.stories import quoted as drawn_up
from tests.portal.pages import dicom, store

DAY = date(2026, 5, 4)


@pytest.mark.parametrize(
    ("price", "factor", "quantity", "currency"),
    [("333.333333", "1.5", "1", "JPY"), ("0.005", "1", "1", "EUR"), ("12.345678", "1.25", "3", "EUR"),
     ("500", "1.5", "1", "JPY"), ("0.333333", "2.75", "7", "USD"),
     ("12.345678", "1.25", "1000000", "EUR")],
)  # fmt: skip
def test_what_is_quoted_is_what_is_charged(price: str, factor: str, quantity: str, currency: str) -> None:
    tariff = Tariff(currency, {"film": Decimal(price)}, Decimal(factor), 48, 4)
    told = quoted([Counted("film", Decimal(quantity))], tariff, is_urgent=True)
    terms = Terms(1, DAY, "tier", {"film": RatedPrice(Decimal(price))}, urgent_factor=Decimal(factor))
    deed = Deed("order", "1", DAY, "film", Decimal(quantity), is_urgent=True)
    kept = replace(deed, key="2", quoted_price=told.lines[0].unit_price)  # as the quote's line keeps it
    for charged in rate(Usage(DAY, DAY, DAY, 31, deeds=[deed, kept]), [terms], currency, contract="1"):
        assert (told.amount, told.lines[0].unit_price, told.ready_hours) == (charged.amount, charged.unit_price, 4)


def test_what_has_no_price_costs_nothing() -> None:
    tariff = Tariff("EUR", {}, Decimal(2), 48, 4)
    told = quoted([Counted("download", Decimal(1))], tariff, is_urgent=False)
    assert (told.amount, told.ready_hours) == (Decimal(0), 48)


def test_a_choice_within_another_one_is_none() -> None:
    study, series, image = Choice("1"), Choice("1", "1.1"), Choice("1", "1.1", "1.1.1")
    other = Choice("2", "2.1", "2.1.1")
    assert without_covered([image, series, study, other, other]) == [study, other]
    assert without_covered([image, series]) == [series]


def test_studies_series_and_images_are_counted_once(sakura: Facility, lindenhof: Facility) -> None:
    store(sakura, *(dicom(study, number) for study in (1, 2, 3) for number in (1, 2)))
    store(sakura, dicom(3, 9, SeriesInstanceUID="2.25.3.2"))
    store(lindenhof, dicom(1, 1), dicom(4, 1))
    with as_facility(sakura):
        for choices, numbers in (
            ([Choice("2.25.1")], [1, 2]),
            ([Choice("2.25.3", "2.25.3.1")], [1, 2]),
            ([Choice("2.25.3", "2.25.3.2"), Choice("2.25.3", "2.25.3.1", "2.25.3.1.2")], [2, 9]),
            ([Choice("2.25.1"), Choice("2.25.2", "2.25.2.1", "2.25.2.1.1")], [1, 2, 1]),
            ([Choice("2.25.1", "2.25.3.2"), Choice("2.25.4"), Choice("9")], []),
        ):
            found = instances_of(sakura.pk, choices)
            assert [each.instance_number for each in found] == numbers
            assert {each.facility_id for each in found} <= {sakura.pk}


def test_a_quote_follows_the_version_that_governs_today(sakura: Facility) -> None:
    store(sakura, dicom())
    contract = may_order(sakura)
    [study] = studies(sakura)
    chosen = [Choice(study.study_instance_uid)]
    with as_facility(sakura):
        normal, urgent = estimate(sakura, OrderKind.DOWNLOAD, chosen, now=now())
    assert [(each.amount, each.currency, each.ready_hours) for each in (normal, urgent)] == [
        (Decimal(500), "JPY", 48), (Decimal(750), "JPY", 4),
    ]  # fmt: skip
    today = now()
    dearer = price_list(tier_version("weekly"), download="900")
    with as_center():
        amend(contract, effective_from=today.date() + timedelta(days=1), tier_version=dearer.tier_version,
              price_list=dearer, actor=SYSTEM, now=today)  # fmt: skip
    before, after = drawn_up(sakura, at=today), drawn_up(sakura, at=today + timedelta(days=2))
    assert [fresh(each).amount for each in (before, after)] == [Decimal(500), Decimal(900)]
    assert [each.price for each in (before, after)] == ["¥500", "¥900"]
    with as_center():
        assert QuoteLine.objects.count() == OrderItem.objects.count() == 2


def test_nothing_is_quoted_without_contract_or_images(sakura: Facility, lindenhof: Facility) -> None:
    store(sakura, dicom())
    with pytest.raises(NoContract):
        drawn_up(sakura)
    may_order(sakura)
    may_order(lindenhof)
    for foreign in (Choice("2.25.1"), Choice("2.25.1", "2.25.1.1"), Choice("2.25.1", "2.25.1.1", "2.25.1.1.1")):
        with pytest.raises(NothingChosen):
            drawn_up(lindenhof, foreign)
