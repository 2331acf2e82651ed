"""What a month costs: by hand, and for any terms and changes of them."""

from calendar import monthrange
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.billing.rating import GB, Priced, Terms, rate
from apps.billing.usage import CollectionFact, Deed, Late, StoredDay, Usage

MONTHLY = Terms(1, date(2026, 1, 1), "Monthly", {
    "base_fee": Priced(Decimal(20000)), "visit": Priced(Decimal(8000), Decimal(1)),
    "storage_gb": Priced(Decimal("12.5"), Decimal(100)), "film": Priced(Decimal(600)),
}, urgent_factor=Decimal("1.5"))  # fmt: skip
WEEKLY = Terms(2, date(2026, 4, 16), "Weekly", {
    "base_fee": Priced(Decimal(60000)), "visit": Priced(Decimal(7000), Decimal(4)),
})  # fmt: skip
APRIL = Usage(date(2026, 4, 1), date(2026, 4, 1), date(2026, 4, 30), 30)
MAY = date(2026, 5, 1)


def rated(usage: Usage, *terms: Terms, currency: str = "JPY") -> list[Any]:
    return rate(usage, terms, currency, contract="C-1")


def told(lines: list[Any]) -> list[Any]:
    return [(line.source, line.item, line.quantity, line.amount) for line in lines]


def test_a_month_by_hand() -> None:
    usage = replace(
        APRIL,
        collections=[CollectionFact("a", date(2026, 4, 3), "visit"), CollectionFact("b", date(2026, 4, 20), "visit"),
                     CollectionFact("c", date(2026, 4, 21), "online")],
        stored=[StoredDay(date(2026, 4, day), 400 * 10**9, 3) for day in range(1, 31)],
        deeds=[Deed("order", "7", date(2026, 4, 9), "film", Decimal(3), is_urgent=True)],
    )  # fmt: skip
    assert told(rated(usage, MONTHLY)) == [
        ("base", "base_fee", 1, 20000),
        ("collection", "visit", 1, 0),  # included
        ("collection", "visit", 1, 8000),
        ("storage", "storage_gb", 300, 3750),  # 400 GB for the month, 100 included, at 12.5
        ("order", "film", 3, 2700),  # three at 600 x 1.5
    ]


def test_a_quote_binds_whatever_the_day_of_delivery_says() -> None:
    quoted = Deed("order", "7", date(2026, 4, 9), "film", Decimal(3), is_urgent=True, quoted_price=Decimal(500))
    unpriced = replace(quoted, key="8", item="share", quoted_price=Decimal(100))
    usage = replace(APRIL, deeds=[quoted, unpriced])
    assert told(rated(usage, MONTHLY))[1:3] == [("order", "film", 3, 1500), ("order", "share", 3, 300)]
    assert Usage.from_json(usage.as_json()) == usage


def test_a_change_within_the_month_is_charged_by_days() -> None:
    lines = rated(APRIL, MONTHLY, WEEKLY)
    assert [(line.version, line.amount) for line in lines] == [(1, 10000), (2, 30000)]
    assert [line.source_key for line in lines] == ["C-1/2026-04/01", "C-1/2026-04/16"]


def test_three_changes_in_a_month_on_its_first_and_last_day_too() -> None:
    terms = [MONTHLY, replace(WEEKLY, effective_from=date(2026, 4, 1)),
             replace(MONTHLY, number=3, effective_from=date(2026, 4, 11)),
             replace(WEEKLY, number=4, effective_from=date(2026, 4, 30))]  # fmt: skip
    lines = rated(APRIL, *terms)
    assert [(line.version, line.clause, line.amount) for line in lines] == [
        (2, "Weekly: 10 of 30 days", 20000),
        (4, "Weekly: 1 of 30 days", 2000),
        (3, "Monthly: 19 of 30 days", 12667),
    ]
    assert len({line.source_key for line in lines}) == 3


def test_promised_visits_that_nobody_made_are_credited() -> None:
    usage = replace(APRIL, promised_visits=[date(2026, 4, day) for day in (1, 8, 15)],
                    collections=[CollectionFact("a", date(2026, 4, 2), "visit")])  # fmt: skip
    credited = [line for line in rated(usage, MONTHLY) if line.source == "missed_visit"]
    assert [(line.supplied_on.day, line.amount) for line in credited] == [(8, -8000), (15, -8000)]


def test_a_discount_and_a_minimum() -> None:
    terms = replace(MONTHLY, discount_percent=Decimal(10), minimum_commitment=Decimal(25000))
    assert told(rated(APRIL, terms)) == [
        ("base", "base_fee", 1, 20000),
        ("discount", "base_fee", 1, -2000),
        ("true_up", "base_fee", 1, 7000),
    ]


def test_a_contract_that_begins_within_the_month_is_charged_from_its_day() -> None:
    [line] = rated(replace(APRIL, first=date(2026, 4, 21)), MONTHLY)
    assert line.amount == Decimal(6667)  # 10 of 30 days


@pytest.mark.parametrize(("month", "days"), [(date(2028, 2, 1), 29), (date(2027, 2, 1), 28)])
def test_leap_years_have_a_day_more(month: date, days: int) -> None:
    stored = [StoredDay(month + timedelta(n), 10**12, 1) for n in range(days)]
    usage = Usage(month, month, month + timedelta(days - 1), days, stored=stored)
    lines = {line.source: line for line in rated(usage, MONTHLY)}
    assert (lines["base"].amount, lines["storage"].quantity) == (20000, 900)


PRICES = st.fixed_dictionaries({
    "base_fee": st.builds(Priced, st.decimals(0, 10**6, places=2), st.just(Decimal(0))),
    "storage_gb": st.builds(Priced, st.decimals(0, 1000, places=4), st.decimals(0, 500, places=3)),
})  # fmt: skip


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), PRICES, st.lists(st.integers(1, 31), max_size=5),
       st.sampled_from(["JPY", "EUR"]))  # fmt: skip
def test_however_often_the_terms_change_shares_of_one_price_sum_up_to_it(
    day: date, prices: dict[str, Priced], changes: list[int], currency: str
) -> None:
    month, days = day.replace(day=1), monthrange(day.year, day.month)[1]
    versions = [Terms(1, month - timedelta(40), "Tier", prices)] + [
        Terms(number, month.replace(day=min(change, days)), "Tier", prices) for number, change in enumerate(changes, 2)
    ]
    stored = [StoredDay(month + timedelta(n), 123_456_789 * n, n) for n in range(days)]
    usage = Usage(month, month, month.replace(day=days), days, stored=stored)
    lines = rate(usage, versions, currency, contract="C-1")
    whole = rate(usage, versions[:1], currency, contract="C-1")
    assert sum(line.amount for line in lines if line.source == "base") == whole[0].amount
    assert len({(line.source, line.source_key) for line in lines}) == len(lines)
    assert rate(Usage.from_json(usage.as_json()), versions, currency, contract="C-1") == lines


LATE_TERMS = [
    Terms(1, date(2026, 4, 1), "Monthly", {
        "base_fee": Priced(Decimal(20000)), "visit": Priced(Decimal(8000), Decimal(1)), "film": Priced(Decimal(600)),
        "storage_gb": Priced(Decimal("12.5"), Decimal(100)),
    }, discount_percent=Decimal(5), minimum_commitment=Decimal(45000)),
    Terms(2, date(2026, 4, 16), "Weekly", {"base_fee": Priced(Decimal(60000)), "visit": Priced(Decimal(7000))},
          minimum_commitment=Decimal(80000)),
]  # fmt: skip


def visit(day: int) -> CollectionFact:
    return CollectionFact(f"visit-{day}", date(2026, 4, day), "visit")


def april(**facts: Any) -> Usage:
    promised = [date(2026, 4, day) for day in (3, 10, 17, 24)]
    lain = [StoredDay(APRIL.month + timedelta(days=n), 400 * GB, 3) for n in range(30)]
    return replace(APRIL, stored=lain, promised_visits=promised, **facts)


@pytest.mark.parametrize("custody_from", [None, date(2026, 4, 16)])
@pytest.mark.parametrize(
    "late",
    [
        {"collections": [visit(2)]},  # the included one, so that another is not
        {"collections": [visit(20), visit(21)]},
        {"deeds": [Deed("order", "7", date(2026, 4, 9), "film", Decimal(3))]},
        {"collections": [visit(11)], "deeds": [Deed("order", "7", date(2026, 4, 18), "film", Decimal(99))]},
    ],
)
def test_what_is_told_late_costs_what_its_month_would_have_cost_more(
    late: dict[str, Any], custody_from: date | None
) -> None:
    before = replace(april(collections=[visit(9), visit(17)]), custody_from=custody_from)
    told = Late(before, **late)
    may = Usage(MAY, MAY, date(2026, 5, 31), 31, promised_visits=[date(2026, 5, 1)], late=[told])
    lines = rated(may, *LATE_TERMS)

    def total(usage: Usage) -> Decimal:
        return sum((line.amount for line in rated(usage, *LATE_TERMS)), Decimal(0))

    assert total(may) - total(replace(may, late=[])) == total(told.after) - total(before)
    keys = {(line.source, line.source_key) for line in [*lines, *rated(before, *LATE_TERMS)]}
    assert len(keys) == len(lines) + len(rated(before, *LATE_TERMS)), "no source is charged twice"
    assert Usage.from_json(may.as_json()) == may
    assert set(may.sources()) > {fact.uid for fact in told.collections}


def test_what_is_told_again_and_again_adds_up() -> None:
    first = Late(april(), [visit(20)])
    second = Late(first.after, [visit(21)])
    usages = [Usage(month, month, month, 31, late=[late]) for month, late in ((MAY, first), (date(2026, 6, 1), second))]
    lines = [line for usage in [april(), *usages] for line in rated(usage, *LATE_TERMS)]
    assert len({(line.source, line.source_key) for line in lines}) == len(lines)
    of_april = [line for line in lines if line.supplied_on < MAY]
    assert sum(line.amount for line in of_april) == sum(line.amount for line in rated(second.after, *LATE_TERMS))


def test_a_visit_told_late_is_no_missed_one_and_counts_for_no_other_month() -> None:
    before = april(collections=[visit(3), visit(10), visit(17)])
    may = Usage(MAY, MAY, date(2026, 5, 31), 31, promised_visits=[MAY], late=[Late(before, [visit(24)])])
    found = [
        (line.source, line.supplied_on, int(line.amount)) for line in rated(may, *LATE_TERMS) if line.item == "visit"
    ]
    assert found == [
        ("missed_visit", MAY, -7000),
        ("missed_visit", date(2026, 4, 24), 7000),
        ("collection", date(2026, 4, 24), 7000),
    ]
