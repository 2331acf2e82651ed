"""What is charged for orders: what was delivered, as it was quoted, once."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.gathering import gather
from apps.billing.months import first_day
from apps.billing.usage import Deed
from apps.contracts.agreeing import versions_of
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.producing import produce_due
from apps.orders.working import send_back
from tests.orders.stories import dispatched, fulfil, may_order, now, producing, quoted, requested
from tests.portal.pages import dicom, store


@pytest.fixture
def contract(sakura: Facility) -> Contract:
    store(sakura, dicom())
    return may_order(sakura)


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def deeds(contract: Contract) -> list[Deed]:
    """What this month's invoice would hold of orders."""
    with as_center():
        usage = gather(contract, versions_of(contract), first_day(now().date()))
    return [deed for deed in usage.deeds if deed.source == "order"]


def test_what_was_not_delivered_is_not_charged(contract: Contract, sakura: Facility, staff: User) -> None:
    quoted(sakura)
    requested(sakura)
    producing(sakura, staff)
    produce_due()
    assert deeds(contract) == []


def test_a_redo_is_not_charged_again(contract: Contract, sakura: Facility, staff: User) -> None:
    order = dispatched(sakura, staff)
    [before] = deeds(contract)
    assert (before.item, before.quantity, before.is_urgent) == ("download", Decimal(1), False)
    assert before.key == f"{order.uid}/download"
    with as_center():
        send_back(order, reason="cut off", by=staff, actor=SYSTEM, now=now())
    fulfil(order, staff)
    assert deeds(contract) == [before]
