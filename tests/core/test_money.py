"""Money is shared out to the last yen and cent."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from apps.core.money import apportioned, formatted, from_steps, in_steps, rounded

AMOUNTS = st.decimals(min_value=-(10**7), max_value=10**7, places=2)
CURRENCIES = st.sampled_from(["JPY", "EUR", "USD", "GBP", "CHF"])


@given(AMOUNTS, st.lists(st.integers(1, 40), min_size=1, max_size=12), CURRENCIES)
def test_parts_sum_up_to_the_whole_and_none_is_off_by_more_than_a_step(
    total: Decimal, weights: list[int], currency: str
) -> None:
    parts = apportioned(total, weights, currency)
    assert sum(parts) == rounded(total, currency)
    step = from_steps(1, currency)
    assert all(abs(part - total * weight / sum(weights)) <= step for part, weight in zip(parts, weights, strict=True))


@given(st.integers(-(10**9), 10**9), CURRENCIES)
def test_steps_are_what_can_be_paid(count: int, currency: str) -> None:
    assert in_steps(from_steps(count, currency), currency) == count


def test_halves_are_rounded_up_and_yen_have_no_decimals() -> None:
    assert rounded(Decimal("0.5"), "JPY") == 1
    assert rounded(Decimal("0.005"), "EUR") == Decimal("0.01")
    assert (formatted(Decimal(12300), "JPY"), formatted(Decimal("-1234.5"), "EUR")) == ("¥12,300", "-€1,234.50")
