"""What must be kept after a contract's last day: charged at the price for storage until it is gone, where agreed on."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from apps.billing.custody import monthly_price
from apps.billing.rating import GB, Priced, Terms, rate
from apps.billing.run import run_billing
from apps.billing.usage import StoredDay, Usage
from apps.contracts.models import Contract
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from tests.billing.facts import APRIL, at, billable, billed, charges, collected, plain_prices, stored, told
from tests.contracts.stories import in_force

pytestmark = pytest.mark.usefixtures("committed_db")
START, MAY, JUNE = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)
LAST = date(2026, 4, 16)
"""The first day that is not served any more."""


def over(contract: Contract, **fields: Any) -> None:
    with as_center():
        told = {"state": "terminating", "ends_on": LAST, "notice_on": START}
        Contract.objects.filter(pk=contract.pk).update(**told | fields)
        contract.refresh_from_db()


@pytest.fixture
def contract(sakura: Facility) -> Contract:
    """Of a facility with 90 GB, which ends in the middle of April."""
    billable(sakura, country="JP")
    stored(sakura, at(1, 0) - timedelta(days=3), 90 * GB, 40)
    made = in_force(sakura, START, plain_prices(base_fee="30000", storage_gb="10", visit="8000"))
    over(made)
    return made


def test_storage_goes_on_being_charged_until_nothing_is_left(contract: Contract, sakura: Facility) -> None:
    collected(sakura, at(20))  # nothing is collected under it any more
    [april] = billed(APRIL)
    assert told(charges(april)) == [
        ("base", "base_fee", Decimal("0.5"), 15000),
        ("storage", "storage_gb", Decimal(45), 450),
        ("storage", "storage_gb", Decimal(45), 450),
    ]
    [may] = billed(MAY)
    assert told(charges(may)) == [("storage", "storage_gb", Decimal(90), 900)]
    assert charges(may)[0].clause == "31 days after the contract's last day"
    stored(sakura, at(10, month=6), -90 * GB, -40)
    over(contract, state="ended", ended_at=at(10, 13, month=6))
    [june] = billed(JUNE)
    assert told(charges(june)) == [("storage", "storage_gb", Decimal(27), 270)]
    assert billed(date(2026, 7, 1)) == []


def test_what_was_not_agreed_on_is_not_charged(sakura: Facility) -> None:
    billable(sakura)
    stored(sakura, at(1, 0), 90 * GB)
    over(in_force(sakura, START, plain_prices(base_fee="30000", storage_gb="10"), charges_custody=False))
    [april] = billed(APRIL)
    assert [line[0] for line in told(charges(april))] == ["base", "storage"]
    assert billed(MAY) == []


def test_nothing_is_in_custody_once_another_contract_follows(contract: Contract, sakura: Facility) -> None:
    following = in_force(sakura, date(2026, 5, 11), plain_prices(base_fee="31000", storage_gb="20"))
    billed(APRIL)
    first, second = billed(MAY)
    assert [first.contract_id, second.contract_id] == [contract.pk, following.pk]
    assert [each.amount for each in charges(first)] == [290]
    assert [each.amount for each in charges(second)] == [21000, 1219]
    assert [each.contract_id for each in billed(JUNE)] == [following.pk]


def test_what_is_told_late_is_charged_with_the_next_month_of_custody(contract: Contract, sakura: Facility) -> None:
    billed(APRIL)
    collected(sakura, at(10))
    [may] = billed(MAY)
    assert [(each.source, int(each.amount)) for each in charges(may)] == [("storage", 900), ("collection", 8000)]


def test_neither_minimum_nor_what_is_included_goes_on_and_the_discount_does() -> None:
    prices = {"base_fee": Priced(Decimal(3000)), "storage_gb": Priced(Decimal(10), Decimal(50))}
    terms = [Terms(1, START, "Monthly", prices, discount_percent=Decimal(10), minimum_commitment=Decimal(6000))]
    lain = [StoredDay(APRIL + timedelta(days=n), 90 * GB, 40) for n in range(30)]
    usage = Usage(APRIL, APRIL, date(2026, 4, 30), 30, stored=lain, custody_from=LAST)
    lines = [(each.source, each.supplied_on.day, int(each.amount)) for each in rate(usage, terms, "JPY", contract="C")]
    assert lines == [
        ("base", 1, 1500),
        ("storage", 15, 200),  # (90 - 50) / 2 GB
        ("storage", 30, 450),
        ("discount", 15, -170),
        ("discount", 30, -45),
        ("true_up", 15, 1470),  # of 3,000 for half of the month
    ]
    assert Usage.from_json(usage.as_json()) == usage
    assert "custody_from" not in replace(usage, custody_from=None).as_json()


def test_the_owner_reads_the_price_before_giving_notice(sakura: Facility, signed_in: Callable[..., Client]) -> None:
    billable(sakura)
    stored(sakura, at(1, 0), 90 * GB)
    made = in_force(sakura, START, plain_prices(base_fee="30000", storage_gb="10"), discount_percent=Decimal(10))
    run_billing(APRIL, as_of=at(3, month=5))
    with as_center():
        assert monthly_price(made, on=date(2026, 5, 3)) == 810
    owner = signed_in("owner@example.org", sakura=Role.OWNER)
    assert "¥810 a month" in owner.post("/f/sakura/plan/end").content.decode()
