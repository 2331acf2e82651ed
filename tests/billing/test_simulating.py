"""Tiers compared on the same months: by hand, and for any months, prices and frequencies."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.billing.estimating import Estimate, estimated
from apps.billing.rating import Priced, Terms
from apps.billing.simulating import Offer, Outcome, Part, best, simulate
from apps.billing.usage import CollectionFact, Usage
from apps.tiers.models import Frequency

Prices = dict[str, Priced]
HISTORY = estimated(
    Estimate(studies_a_day=10, mb_a_study=Decimal(200), films_a_month=5), until=date(2026, 5, 1), months=12
)


def offer(frequency: Frequency, prices: Prices, *ways: str, **terms: Decimal) -> Offer:
    made = Terms(1, date(2020, 1, 1), frequency.label, prices, **terms)  # type: ignore[arg-type]
    return Offer(list(Frequency).index(frequency), made, frequency, ways or ("visit", "online"))


def yen(base: int, visit: int = 0, **more: int) -> Prices:
    prices = {"base_fee": base, "visit": visit, "online": 100, "film": 600} | more
    return {item: Priced(Decimal(price)) for item, price in prices.items()}


OFFERS = [
    offer(Frequency.ON_REQUEST, yen(5000, 12000), "visit"),
    offer(Frequency.MONTHLY, yen(15000, 8000), "visit"),
    offer(Frequency.BIWEEKLY, yen(20000, 8000), "visit"),
    offer(Frequency.WEEKLY, yen(30000, 7000), "visit"),
    offer(Frequency.DAILY, yen(60000, 0), "online"),
]


def by_frequency(outcomes: list[Outcome]) -> dict[str, Outcome]:
    return {each.offer.frequency.value: each for each in outcomes}


def test_a_year_by_hand() -> None:
    found = by_frequency(simulate(HISTORY, OFFERS, currency="JPY"))
    monthly = found["monthly"]
    assert (HISTORY[0].first, HISTORY[-1].last) == (date(2025, 5, 1), date(2026, 4, 30))
    assert monthly.collections == 12
    assert monthly.parts == {Part.BASE: 180_000, Part.COLLECTION: 12 * 8000, Part.OUTPUT: 12 * 5 * 600}
    assert [monthly.a_year, monthly.a_month] == [Decimal(312_000), Decimal(26_000)]
    assert found["daily"].parts[Part.COLLECTION] == 365 * 100
    told = {key: (each.collections, each.waits_days, each.days_at_risk) for key, each in found.items()}
    assert told == {
        "on_request": (4, 90, 361), "monthly": (12, 30, 353), "biweekly": (26, 14, 339), "weekly": (52, 7, 313),
        "daily": (365, 1, 0),
    }  # fmt: skip


def test_storage_grows_in_an_estimate_and_is_charged_as_it_lay() -> None:
    [found] = simulate(HISTORY, [offer(Frequency.DAILY, {"storage_gb": Priced(Decimal(10))})], currency="JPY")
    [first, *_rest, last] = [parts[Part.STORAGE] for _month, parts in found.months]
    working_days = sum((HISTORY[0].first + timedelta(n)).weekday() < 5 for n in range(365))
    assert HISTORY[-1].stored[-1].studies == working_days * 10
    assert HISTORY[-1].stored[-1].stored_bytes == working_days * 10 * 200 * 10**6
    assert 0 < first < 50 * 10 < last


def test_brought_media_stay_brought_where_a_tier_takes_them() -> None:
    brought = replace(HISTORY[0], collections=[CollectionFact("a", HISTORY[0].first, "media"),
                                               CollectionFact("b", HISTORY[0].first, "visit")])  # fmt: skip
    prices = {"media": Priced(Decimal(1500)), "visit": Priced(Decimal(8000))}
    offers = [offer(Frequency.MONTHLY, prices, "visit", "media"), offer(Frequency.MONTHLY, prices, "visit")]
    assert [each.total for each in simulate([brought], offers, currency="JPY")] == [9500, 8000]


@pytest.mark.parametrize(("urgency", "budget", "frequency", "words"), [
    (None, None, "on_request", "cheapest tier for what you store"),
    (30, None, "monthly", "within 30 days"),
    (14, None, "biweekly", "within 14 days"),
    (7, 70_000, "weekly", "leaves ¥6,667 a month"),
    (7, 40_000, "weekly", "above your budget by ¥23,333 a month"),
    (1, None, "daily", "within a day"),
])  # fmt: skip
def test_the_best_tier_is_soon_enough_first_and_then_cheap(
    urgency: int | None, budget: int | None, frequency: str, words: str
) -> None:
    outcomes = simulate(HISTORY, OFFERS, currency="JPY")
    found = best(outcomes, urgency=urgency, budget=None if budget is None else Decimal(budget))
    assert found
    assert found.outcome.offer.frequency == frequency
    assert words in found.reason


def test_a_terminal_that_fills_up_makes_the_cheap_tier_a_bad_one() -> None:
    outcomes = simulate(HISTORY, OFFERS, currency="JPY", room_days=10.5)
    found = by_frequency(outcomes)
    assert (found["weekly"].full_days, found["biweekly"].full_days) == (0, round(365 * 3.5 / 14))
    choice = best(outcomes, urgency=None, budget=None)
    assert choice
    assert choice.outcome.offer.frequency == "weekly"
    assert "full before the next collection" in choice.reason
    too_small = best(simulate(HISTORY, OFFERS[:4], currency="JPY", room_days=2), urgency=None, budget=None)
    assert too_small
    assert too_small.outcome.offer.frequency == "weekly"
    assert "Even so" in too_small.reason


def test_where_nothing_is_soon_enough_the_soonest_is_named() -> None:
    found = best(simulate(HISTORY, OFFERS[:3], currency="JPY"), urgency=7, budget=Decimal(1))
    assert found
    assert found.outcome.offer.frequency == "biweekly"
    assert "No tier collects that often" in found.reason
    assert best([], urgency=None, budget=None) is None


MONEY = st.decimals(0, 100_000, places=2)
PRICES = st.dictionaries(
    st.sampled_from(["base_fee", "visit", "online", "media", "storage_gb", "storage_study", "film"]),
    st.builds(Priced, MONEY, st.decimals(0, 100, places=1)),
)


@settings(max_examples=25, deadline=None)
@given(
    PRICES, st.sampled_from(["JPY", "EUR"]), st.one_of(st.none(), st.floats(0.1, 400)),
    st.integers(0, 300), st.integers(1, 13), st.decimals(0, 100, places=1), MONEY,
)  # fmt: skip
def test_for_any_months_and_prices(
    prices: Prices, currency: str, room_days: float | None, studies: int, months: int, discount: Decimal, budget: Any
) -> None:
    history = estimated(
        Estimate(studies_a_day=studies, mb_a_study=Decimal("0.5"), films_a_month=studies), until=date(2024, 3, 1),
        months=months,
    )  # fmt: skip
    offers = [offer(each, prices, "visit", "online", discount_percent=discount) for each in Frequency]
    outcomes = simulate(history, offers, currency=currency, room_days=room_days)
    for each in outcomes:
        assert each.total >= 0
        assert each.a_year >= 0
        assert 0 <= each.full_days <= 365
        assert 0 <= each.days_at_risk <= 365
        assert each.waits_on_average_days <= each.waits_days
        assert all(usage.month == month for usage, (month, _parts) in zip(history, each.months, strict=True))
    for rarer, more_often in pairwise(outcomes):
        assert more_often.days_at_risk <= rarer.days_at_risk
        assert more_often.full_days <= rarer.full_days
        assert more_often.waits_days <= rarer.waits_days
        assert more_often.collections >= rarer.collections
    for urgency in (1, 7, 14, 30, None):
        choice = best(outcomes, urgency=urgency, budget=budget)
        assert choice
        assert urgency is None or choice.outcome.waits_days <= urgency


def test_no_history_costs_nothing() -> None:
    [found] = simulate([], OFFERS[:1], currency="JPY")
    assert found.total == found.a_month == found.collections == 0
    assert not found.parts


def test_a_month_that_was_served_in_part_is_charged_in_part() -> None:
    part = Usage(date(2026, 4, 1), date(2026, 4, 16), date(2026, 4, 30), 30)
    [found] = simulate([part], [offer(Frequency.DAILY, yen(30000), "online")], currency="JPY")
    assert found.parts[Part.BASE] == 12 * 15000
