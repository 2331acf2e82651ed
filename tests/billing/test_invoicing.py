"""Invoices of a month: what is charged, the numbers they get, and what corrects them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.errors import IllegalTransition
from apps.billing.invoicing import finalize, generate
from apps.billing.models import InvoiceLine, State
from apps.collection.models import Method
from apps.core.periods import FOREVER
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.facts import (
    AFTER_GRACE,
    APRIL,
    IN_MAY,
    at,
    billable,
    charges,
    collected,
    drafted,
    extended,
    finalized,
    stored,
    sums,
    told,
)
from tests.contracts.stories import in_force, price_list, tier_version

pytestmark = pytest.mark.django_db
START = date(2026, 1, 1)


@pytest.fixture
def staff(person: Any) -> User:
    made: User = person("billing@center.example", is_staff=True)
    return made


def test_a_month_is_charged_for_what_happened_in_it(sakura: Facility) -> None:
    billable(sakura)
    prices = price_list(
        tier_version(), base_fee="20000", visit="8000", online="500", storage_gb="12.5", extension="300"
    )
    contract = in_force(sakura, START, prices)
    collected(sakura, at(2), at(30), at(30, month=3), at(1, month=5))  # the first of May is after the month
    collected(sakura, at(7), method=Method.PULL)
    collected(sakura, at(8), method=Method.MEDIA)  # has no price
    stored(sakura, at(1, month=2), 300 * 10**9, 5)
    extended(sakura, at(20), "P2Y6M", date(2030, 1, 1))
    extended(sakura, at(21), "forever", FOREVER)
    invoice = drafted(contract)
    assert told(charges(invoice)) == [
        ("base", "base_fee", 1, 20000),
        ("collection", "visit", 1, 8000),
        ("collection", "visit", 1, 8000),
        ("collection", "online", 1, 500),
        ("storage", "storage_gb", 300, 3750),
        ("extension", "extension", Decimal("2.5"), 750),
        ("extension", "extension", 30, 9000),
    ]
    assert sums(invoice) == (State.DRAFT, 50000, 5000, 55000)
    with as_center():
        lines = InvoiceLine.objects.filter(invoice=invoice)
        lines_told: list[tuple[Any, ...]] = [(each.description, each.quantity, each.net) for each in lines]
        assert lines_told == [
            ("Base fee: Monthly: 30 of 30 days", 1, 20000),
            ("Collection by visit", 2, 16000),
            ("Collection online", 1, 500),
            ("Storage by volume: 30 days, 0 included", 300, 3750),
            ("Storage beyond the mandatory period", Decimal("32.5"), 9750),
        ]
        assert generate(contract, APRIL, now=AFTER_GRACE) == invoice


def test_a_draft_is_finalized_after_its_days_of_grace_under_the_next_number(sakura: Facility, staff: User) -> None:
    billable(sakura)
    contract = in_force(sakura, START)
    first, second = drafted(contract), drafted(contract, date(2026, 3, 1))
    with as_center(), pytest.raises(IllegalTransition, match="until 2026-05-05"):
        finalize(first, by=staff, actor=SYSTEM, now=IN_MAY + timedelta(days=2))
    for invoice, number in ((first, "MV-2026-000001"), (second, "MV-2026-000002")):
        finalized(invoice, staff)
        assert (invoice.number, invoice.state, invoice.finalized_by) == (number, State.FINALIZED, staff)
    assert (first.issued_on, first.due_on) == (date(2026, 5, 6), date(2026, 6, 5))
    assert (first.seller["name"], first.buyer["name"]) == ("Image Center", "Sakura Clinic")
    with as_center(), pytest.raises(IllegalTransition):
        finalize(first, by=staff, actor=SYSTEM, now=AFTER_GRACE)
