"""Which tax an invoice adds, how it is rounded, and which numbers of tax offices are taken."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.errors import WrongNumber
from apps.billing.taxes import (
    Tax,
    Totals,
    checked_registration_number,
    checked_vat_id,
    credited,
    is_eu,
    tax_of,
    totals,
)
from apps.core.money import step

DAY = date(2026, 4, 30)
TEN, EIGHT = Tax("S", Decimal(10)), Tax("S", Decimal(8))


def tax(
    seller: str, buyer: str, *, vat_id: str = "", on: date = DAY, seller_registered: bool = True
) -> tuple[str, Decimal]:
    found = tax_of(seller_country=seller, seller_registered=seller_registered, buyer_country=buyer,
                   buyer_vat_id=vat_id, supplied_on=on)  # fmt: skip
    return found.category, found.rate


@pytest.mark.parametrize(("country", "day", "rate"), [
    ("JP", date(2019, 9, 30), "8"), ("JP", date(2019, 10, 1), "10"),
    ("DE", date(2020, 6, 30), "19"), ("DE", date(2020, 7, 1), "16"), ("DE", date(2020, 12, 31), "16"),
    ("DE", date(2021, 1, 1), "19"), ("FI", date(2024, 9, 1), "25.5"), ("EE", date(2025, 7, 1), "24"),
    ("GB", DAY, "20"), ("CH", date(2023, 12, 31), "7.7"), ("CH", DAY, "8.1"),
])  # fmt: skip
def test_the_day_of_supply_decides_on_the_rate(country: str, day: date, rate: str) -> None:
    assert tax(country, country, on=day) == ("S", Decimal(rate))


@pytest.mark.parametrize(("seller", "buyer", "vat_id", "category"), [
    ("DE", "FR", "FR40303265045", "AE"),  # another EU country, and its VAT number
    ("DE", "GR", "EL094259216", "AE"),
    ("DE", "FR", "", "S"),  # a consumer there
    ("DE", "FR", "FR40303265046", "S"),  # a digit is wrong
    ("DE", "FR", "DE136695976", "S"),  # not that country's
    ("DE", "DE", "DE136695976", "S"),
    ("DE", "CH", "", "O"),
    ("DE", "JP", "", "O"),
    ("JP", "DE", "DE136695976", "O"),
    ("US", "US", "", "O"),
])  # fmt: skip
def test_where_the_customer_is_decides_on_the_category(seller: str, buyer: str, vat_id: str, category: str) -> None:
    assert tax(seller, buyer, vat_id=vat_id)[0] == category


def test_who_is_not_registered_adds_no_tax_and_says_so() -> None:
    assert tax("JP", "JP", seller_registered=False) == ("E", Decimal(0))
    found = tax_of(seller_country="DE", seller_registered=True, buyer_country="FR", buyer_vat_id="FR40303265045",
                   supplied_on=DAY)  # fmt: skip
    assert found.note.startswith("Reverse charge")


def test_the_27_countries_of_the_union_have_a_rate() -> None:
    codes = "ATBEBGCYCZDEDKEEESFIFRGRHRHUIEITLTLULVMTNLPLPTROSESISK"
    countries = [codes[n : n + 2] for n in range(0, len(codes), 2)]
    assert len(set(countries)) == 27
    assert all(is_eu(country) and 15 < tax(country, country)[1] < 30 for country in countries)
    assert not any(map(is_eu, ["GB", "CH", "JP", "XI"]))


def test_tax_is_rounded_once_a_rate() -> None:
    """Three lines of 105 yen: 31.5 yen of tax are 31, where rounding by the line would give 30."""
    found = totals([(Decimal(105), TEN)] * 3 + [(Decimal(99), EIGHT)], "JPY")
    assert found.by_rate == [
        {"category": "S", "rate": "10", "net": "315", "tax": "31", "note": ""},
        {"category": "S", "rate": "8", "net": "99", "tax": "7", "note": ""},
    ]
    assert [found.net, found.tax, found.gross] == [414, 38, 452]
    cents = totals([(Decimal("0.13"), Tax("S", Decimal(19)))] * 3, "EUR")
    assert (cents.tax, cents.gross) == (Decimal("0.07"), Decimal("0.46"))


@given(st.lists(st.tuples(st.integers(-(10**7), 10**7).map(Decimal), st.sampled_from([TEN, EIGHT]))),
       st.sampled_from(["JPY", "EUR"]))  # fmt: skip
def test_a_credit_note_takes_back_what_its_invoice_took(lines: list[tuple[Decimal, Tax]], currency: str) -> None:
    made, back = totals(lines, currency), totals([(-net, tax) for net, tax in lines], currency)
    assert [made.net + back.net, made.tax + back.tax, made.gross + back.gross] == [0, 0, 0]
    assert (
        made.gross == made.net + made.tax == sum(Decimal(each["net"]) + Decimal(each["tax"]) for each in made.by_rate)
    )


@given(st.lists(st.tuples(st.integers(-(10**7), 10**7).map(Decimal), st.sampled_from([TEN, EIGHT])), min_size=1),
       st.sampled_from(["JPY", "EUR"]))  # fmt: skip
def test_credit_notes_over_all_of_an_invoice_give_back_all_of_its_tax(
    lines: list[tuple[Decimal, Tax]], currency: str
) -> None:
    """Of 31 yen on 105 + 105 + 105 three notes of 10 would leave one, and be reminded of it."""
    made, notes = totals(lines, currency), list[Totals]()
    for net, tax in lines:
        documents = [made.by_rate, *(note.by_rate for note in notes)]
        notes.append(credited([(-net, tax)], currency, documents=documents))
        exact = -net * tax.rate / 100
        assert abs(notes[-1].tax - exact) < 2 * step(currency)
    assert made.gross + sum(note.gross for note in notes) == 0


@pytest.mark.parametrize(("country", "written", "number"), [
    ("DE", "de 136 695 976", "DE136695976"), ("DE", "136695976", "DE136695976"),
    ("FR", "FR 40 303 265 045", "FR40303265045"), ("GR", "EL 094259216", "EL094259216"),
    ("GR", "GR094259216", "EL094259216"), ("GB", "GB 980 7806 84", "GB980780684"),
    ("CH", "CHE-107.787.577 MWST", "CHE107787577MWST"), ("US", "12-3456789", "12-3456789"),
])  # fmt: skip
def test_vat_numbers_are_written_one_way(country: str, written: str, number: str) -> None:
    assert checked_vat_id(written, country=country) == number
    assert checked_vat_id(number, country=country) == number


@pytest.mark.parametrize(("country", "written"), [("DE", "DE136695977"), ("DE", "FR40303265045"), ("CH", "CHE1"),
                                                  ("GB", "GB1"), ("FR", "'; DROP TABLE")])  # fmt: skip
def test_wrong_vat_numbers_are_refused(country: str, written: str) -> None:
    with pytest.raises(WrongNumber):
        checked_vat_id(written, country=country)


def test_registration_numbers_are_t_and_13_digits_of_which_one_checks() -> None:
    assert checked_registration_number(" t7000012050002") == "T7000012050002"
    for wrong in ("T7000012050003", "T700001205000", "X7000012050002", "", "T"):
        with pytest.raises(WrongNumber):
            checked_registration_number(wrong)
