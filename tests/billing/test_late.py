"""What is told after the invoice of its month is charged once, with the next invoice; or with a supplementary one."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.audit.record import SYSTEM
from apps.billing.drafting import park, release
from apps.billing.models import Invoice
from apps.billing.rating import GB
from apps.billing.run import run_billing, run_due
from apps.contracts.agreeing import amend, give_notice
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, QuoteLine
from tests.billing.facts import (
    APRIL,
    IN_MAY,
    at,
    billable,
    billed,
    charges,
    collected,
    drafted,
    extended,
    plain_prices,
    stored,
)
from tests.billing.test_run import contracts, process
from tests.contracts.stories import in_force

pytestmark = pytest.mark.usefixtures("committed_db")
START, MAY, JUNE, JULY = date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1), date(2026, 7, 1)
LAST = date(2026, 4, 16)
"""The first day that is not served any more."""


@pytest.fixture
def contract(sakura: Facility) -> Contract:
    """Of a facility that has nothing stored, over in the middle of April; custody is not charged."""
    billable(sakura, country="JP")
    return over(in_force(sakura, START, prices(), charges_custody=False, discount_percent=Decimal(10)))


def prices() -> Any:
    return plain_prices(base_fee="30000", visit="8000", restore="500", extension="300", storage_gb="10")


def over(contract: Contract, ends_on: date = LAST) -> Contract:
    with as_center():
        Contract.objects.filter(pk=contract.pk).update(state="terminating", ends_on=ends_on, notice_on=START)
        return Contract.objects.select_related("facility").get(pk=contract.pk)


def delivered(contract: Contract, moment: datetime, unit_price: int = 500) -> Order:
    """A restore that was quoted by the contract, dispatched then."""
    with as_center():
        order = Order.objects.create(
            facility_id=contract.facility_id, kind="restore", currency=contract.currency,
            version=contract.versions.get(number=1), amount=10 * unit_price, ready_hours=1, instance_count=1,
            size_bytes=1, newest_counted=1, quoted_at=moment, valid_until=moment,
        )  # fmt: skip
        QuoteLine.objects.create(
            facility_id=contract.facility_id, order=order, item="restore", quantity=10, unit_price=unit_price,
            amount=10 * unit_price,
        )  # fmt: skip
        for state in ("requested", "accepted", "producing", "ready"):
            Order.objects.filter(pk=order.pk).update(state=state)
        Order.objects.filter(pk=order.pk).update(state="dispatched", delivered_at=moment)
    return order


def told(invoice: Invoice) -> list[tuple[str, int, int]]:
    return [(each.source, each.supplied_on.day, int(each.amount)) for each in charges(invoice)]


def test_of_a_contract_that_is_over_a_supplementary_invoice_charges_it_once(
    contract: Contract, sakura: Facility
) -> None:
    [april] = billed(APRIL)
    assert told(april) == [("base", 1, 15000), ("discount", 15, -1500)]
    assert billed(MAY) == []
    collected(sakura, at(10))
    delivered(contract, at(14))
    delivered(contract, at(20))
    run_due(as_of=at(20, month=6))
    [may] = billed(MAY, as_of=at(20, month=6))
    assert told(may) == [
        ("discount", 15, -1300), ("collection", 10, 8000), ("order", 14, 5000), ("order", 20, 5000),
        ("discount", 20, -500),
    ]  # fmt: skip
    assert (int(may.net), may.state) == (16200, "draft")
    with as_center():
        lines = [line.description for line in may.lines.order_by("position")]
    assert lines[1] == "Of 2026-04, told late: Collection by visit"
    assert billed(JUNE) == []


def test_what_is_done_after_the_end_is_charged_in_its_month_or_the_next_one(
    contract: Contract, sakura: Facility
) -> None:
    delivered(contract, at(20))
    extended(sakura, at(21), "P2Y", date(2040, 1, 1))
    [april] = billed(APRIL)
    assert told(april) == [
        ("base", 1, 15000), ("order", 20, 5000), ("extension", 21, 600), ("discount", 15, -1500),
        ("discount", 21, -560),
    ]  # fmt: skip
    delivered(contract, at(9, month=5))
    [may] = billed(MAY)
    assert told(may) == [("order", 9, 5000), ("discount", 9, -500)]
    assert billed(JUNE) == []
    delivered(contract, at(11, month=6))  # June is over, and July will be the last month that is
    [july] = billed(JULY)
    assert told(july) == [("order", 11, 5000), ("discount", 11, -500)]


def test_two_runs_make_one_supplementary_invoice_of_each_contract() -> None:
    made = [over(each) for each in contracts(6)]
    run_billing(APRIL, as_of=IN_MAY)
    for contract in made:
        collected(contract.facility, at(10))
    assert process("together", 3, MAY) == 0
    with as_center():
        found = list(Invoice.objects.filter(period=MAY).order_by("contract_id"))
    assert [(each.contract_id, int(each.net)) for each in found] == [(contract.pk, 8000) for contract in made]


def test_an_order_is_charged_to_the_contract_that_it_was_quoted_by(contract: Contract, sakura: Facility) -> None:
    following = in_force(sakura, date(2026, 4, 25), prices())
    delivered(contract, at(27))
    extended(sakura, at(20), "P1Y", date(2040, 1, 1))
    extended(sakura, at(26), "P1Y", date(2040, 1, 1))
    first, second = billed(APRIL)
    assert [first.contract_id, second.contract_id] == [contract.pk, following.pk]
    assert [line[:2] for line in told(first)][1:3] == [("extension", 20), ("order", 27)]
    assert [line[:2] for line in told(second)] == [("base", 25), ("extension", 26)]


def test_it_is_charged_up_to_the_minimum_of_its_own_month(sakura: Facility) -> None:
    billable(sakura)
    in_force(sakura, START, prices(), minimum_commitment=Decimal(35000))
    [april] = billed(APRIL)
    collected(sakura, at(10))
    [may] = billed(MAY)
    assert [april.net, may.net] == [35000, 35000 + 3000]
    assert ("true_up", 30, -5000) in told(may)


def test_terms_that_were_agreed_for_later_govern_nothing_after_the_end(sakura: Facility) -> None:
    billable(sakura)
    stored(sakura, at(1, 0) - timedelta(days=3), 90 * GB, 40)
    contract = in_force(sakura, START, prices(), notice_period="P0D", minimum_term="P0D")
    with as_center():
        dearer = plain_prices(base_fee="90000", restore="9000", storage_gb="1000")
        amend(contract, effective_from=MAY, tier_version=dearer.tier_version, price_list=dearer, actor=SYSTEM,
              now=at(2))  # fmt: skip
        give_notice(contract, on=date(2026, 4, 15), actor=SYSTEM, now=at(15))
    billed(APRIL)
    delivered(contract, at(9, month=5))
    [may] = billed(MAY)
    assert told(may) == [("storage", 31, 900), ("order", 9, 5000)]
    assert {each.version.number for each in charges(may)} == {1}


def test_a_month_that_was_parked_without_facts_holds_up_no_other(sakura: Facility, person: Any) -> None:
    billable(sakura)
    contract = in_force(sakura, START, prices())
    with as_center():
        parked = park(contract, APRIL, reason="It could not be computed", now=IN_MAY)
    collected(sakura, at(10))
    may = drafted(contract, MAY, now=at(2, month=6))
    assert told(may) == [("base", 1, 30000)]
    with as_center():
        release(parked, by=person("clerk@center.example", is_staff=True), actor=SYSTEM, now=at(2, month=6))
    assert told(parked) == [("base", 1, 30000), ("collection", 10, 8000)]


def test_a_facility_that_moves_to_another_time_zone_is_charged_once_for_what_was_about_midnight(
    sakura: Facility,
) -> None:
    billable(sakura)
    in_force(sakura, START, prices())

    def move(zone: str) -> None:
        with as_center():
            Facility.objects.filter(pk=sakura.pk).update(time_zone=zone)

    move("Asia/Tokyo")
    collected(sakura, at(30, 14))  # 23:00 in Tokyo, and the first of May in Auckland
    [april] = billed(APRIL)
    move("Pacific/Auckland")
    [may] = billed(MAY)
    assert [("collection" in str(told(each))) for each in (april, may)] == [True, False]
    assert may.state == "draft"
