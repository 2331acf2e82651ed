"""Contracts from draft to end: what each act does, and what is refused."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.contracts.agreeing import (
    activate,
    amend,
    approve,
    contract_of,
    end,
    give_notice,
    may_order_outputs,
    resume,
    suspend,
    version_of,
    withdraw_notice,
)
from apps.contracts.errors import (
    ContractSuspended,
    IllegalTransition,
    NeedsApproval,
    NoticeTooShort,
    NotOffered,
    Overlapping,
)
from apps.contracts.models import Contract, ContractVersion, State
from apps.core.money import Currency
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.tiers.models import Price
from tests.contracts.stories import at, drafted, in_force, price_list, tier_version

START = date(2026, 1, 1)


def on(day: date) -> dict[str, Any]:
    """Who acts, and when."""
    return {"actor": SYSTEM, "now": at(day)}


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def test_a_contract_from_draft_to_end(sakura: Facility, staff: User) -> None:
    contract = drafted(sakura, START, minimum_term="P1Y", notice_period="P3M")
    with as_center():
        assert contract_of(sakura.pk, on=START) is None
        activate(contract, by=staff, **on(START))
        assert contract_of(sakura.pk, on=START) == contract
        assert contract_of(sakura.pk, on=START - timedelta(days=1)) is None
        give_notice(contract, on=date(2026, 2, 10), **on(date(2026, 2, 10)))
        assert (contract.state, contract.ends_on) == (State.TERMINATING, date(2027, 1, 1))
        withdraw_notice(contract, **on(date(2026, 2, 11)))
        assert (contract.state, contract.ends_on) == (State.ACTIVE, None)
        give_notice(contract, on=date(2026, 11, 30), **on(date(2026, 12, 1)))
        assert contract.ends_on == date(2027, 3, 1)  # 30 February there is not: never a day less
        with pytest.raises(NoticeTooShort, match="2027-02-28"):
            end(contract, **on(date(2027, 2, 28)))
        end(contract, **on(date(2027, 3, 1)))
        assert contract_of(sakura.pk, on=date(2027, 2, 28)) == contract
        assert contract_of(sakura.pk, on=date(2027, 3, 1)) is None
        told = Event.objects.filter(object_type="contract", object_id=str(contract.pk)).order_by("pk")
        assert [event.action.removeprefix("contract.") for event in told] == [
            "drafted", "activated", "notice_given", "notice_withdrawn", "notice_given", "ended",
        ]  # fmt: skip


def test_what_a_state_does_not_allow_is_refused(sakura: Facility, superuser_sql: psycopg.Connection) -> None:
    contract = drafted(sakura, START)
    with as_center():
        for act in (suspend, resume, end, withdraw_notice):
            with pytest.raises(IllegalTransition):
                act(contract, **on(START))
        activate(contract, by=None, **on(START))
        for again in (lambda: activate(contract, by=None, **on(START)), lambda: end(contract, **on(START))):
            with pytest.raises(IllegalTransition):
                again()
        for change in ({"state": "draft"}, {"state": "ended"}, {"currency": "EUR"}, {"starts_on": date(2025, 1, 1)}):
            with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
                Contract.objects.filter(pk=contract.pk).update(**change)


def test_notice_cannot_take_back_a_day_that_was_served(sakura: Facility) -> None:
    contract = in_force(sakura, START, minimum_term="P0D", notice_period="P0D")
    with as_center():
        give_notice(contract, on=date(2026, 1, 5), **on(date(2026, 3, 9)))
    assert contract.ends_on == date(2026, 3, 10)


def test_suspension_stops_new_outputs_alone_and_notice_is_no_way_around_it(sakura: Facility) -> None:
    contract = in_force(sakura, START)
    today = on(date(2026, 5, 1))
    with as_center():
        may_order_outputs(sakura.pk)
        suspend(contract, **today)
        assert contract_of(sakura.pk, on=date(2026, 5, 1)) == contract
        give_notice(contract, on=date(2026, 5, 1), **today)
        with pytest.raises(ContractSuspended):
            may_order_outputs(sakura.pk)
        with pytest.raises(IllegalTransition):
            withdraw_notice(contract, **today)
        resume(contract, **today)
        may_order_outputs(sakura.pk)
        assert contract.state == State.TERMINATING
        suspend(contract, **today)
        with pytest.raises(ContractSuspended):
            may_order_outputs(sakura.pk)


def test_an_amendment_is_a_further_version_that_governs_from_its_day(sakura: Facility) -> None:
    contract = in_force(sakura, START, discount_percent=Decimal(5), payment_days=45)
    with as_center():
        made = amend(contract, effective_from=date(2026, 4, 1), discount_percent=Decimal(10), **on(date(2026, 3, 20)))
        assert (made.number, made.discount_percent, made.payment_days) == (2, Decimal(10), 45)
        for day, number in ((START, 1), (date(2026, 3, 31), 1), (date(2026, 4, 1), 2)):
            governing = version_of(contract, on=day)
            assert governing
            assert governing.number == number
        assert version_of(contract, on=date(2025, 12, 31)) is None
        with pytest.raises(NoticeTooShort, match="2026-03-20"):
            amend(contract, effective_from=date(2026, 3, 19), **on(date(2026, 3, 20)))
        with pytest.raises(ValidationError):
            amend(contract, effective_from=date(2026, 4, 1), notice_period="three months", **on(date(2026, 3, 20)))


def test_a_day_is_one_of_the_facilitys_calendar(sakura: Facility) -> None:
    with as_center():
        Facility.objects.update(time_zone="Pacific/Kiritimati")  # 14 hours ahead
    contract = in_force(sakura, START)
    with as_center(), pytest.raises(NoticeTooShort, match="2026-03-21"):
        amend(contract, effective_from=date(2026, 3, 20), **on(date(2026, 3, 20)))


def test_the_catalogue_never_re_prices_a_contract(sakura: Facility) -> None:
    old = price_list(tier_version())
    contract = in_force(sakura, START, old)
    dearer = price_list(old.tier_version, effective_from=date(2026, 2, 1), base_fee="90000")
    with as_center():
        same = amend(contract, effective_from=date(2026, 3, 1), payment_days=10, **on(date(2026, 2, 2)))
        assert same.price_list == old
        agreed = amend(contract, effective_from=date(2026, 4, 1), price_list=dearer, **on(date(2026, 2, 2)))
        assert agreed.price_list == dearer


def test_another_tier_brings_its_prices_of_that_day(sakura: Facility) -> None:
    contract = in_force(sakura, START)
    weekly = tier_version("weekly", frequency="weekly")
    price_list(weekly, base_fee="1")
    wanted = price_list(weekly, effective_from=date(2026, 2, 1), base_fee="2")
    price_list(weekly, effective_from=date(2026, 5, 1), base_fee="3")
    price_list(weekly, Currency.EUR, effective_from=date(2026, 3, 1), base_fee="4")
    with as_center():
        made = amend(contract, effective_from=date(2026, 4, 1), tier_version=weekly, **on(date(2026, 2, 2)))
    assert made.price_list == wanted


def test_what_is_not_on_offer_is_refused(sakura: Facility) -> None:
    contract = in_force(sakura, START)
    gone = price_list(tier_version("gone", offered_until=date(2026, 3, 31)))
    in_euro = price_list(tier_version("euro"), Currency.EUR)
    later = price_list(tier_version("later"), effective_from=date(2026, 9, 1))
    with as_center():
        empty = price_list(tier_version("empty"), base_fee="1")
        Price.objects.filter(price_list=empty).delete()
        for prices, why in ((gone, "not offered"), (in_euro, "in JPY"), (later, "2026-09-01"), (empty, "empty")):
            with pytest.raises(NotOffered, match=why):
                amend(contract, effective_from=date(2026, 4, 1), tier_version=prices.tier_version, price_list=prices,
                      **on(START))  # fmt: skip
        with pytest.raises(NotOffered, match="no prices in JPY"):
            amend(contract, effective_from=date(2026, 4, 1), tier_version=in_euro.tier_version, **on(START))
        with pytest.raises(NotOffered, match="another tier version"):
            amend(contract, effective_from=date(2026, 4, 1), price_list=gone, **on(START))
        assert contract.versions.count() == 1
    with pytest.raises(NotOffered, match="not offered"):
        drafted(sakura, date(2026, 4, 1), gone)


def test_what_staff_must_approve_governs_nothing_before(
    sakura: Facility, staff: User, person: Callable[..., User]
) -> None:
    owner = person("owner@sakura.example")
    chosen = price_list(tier_version(needs_approval=True))
    contract = drafted(sakura, START, chosen)
    with as_center():
        first = contract.versions.get()
        with pytest.raises(NeedsApproval):
            activate(contract, by=owner, **on(START))
        with pytest.raises(NeedsApproval):
            approve(first, by=owner, **on(START))
        approve(first, by=staff, **on(START))
        activate(contract, by=owner, **on(START))
        second = amend(contract, effective_from=date(2026, 3, 1), payment_days=7, **on(START))
        assert version_of(contract, on=date(2026, 3, 1)) == first
        with pytest.raises(NoticeTooShort):
            approve(second, by=staff, **on(date(2026, 3, 2)))
        approve(second, by=staff, **on(date(2026, 3, 1)))
        assert version_of(contract, on=date(2026, 3, 1)) == second
        with pytest.raises(IllegalTransition):
            approve(second, by=staff, **on(date(2026, 3, 1)))


def test_a_facility_cannot_approve_its_own_contract_by_sql(sakura: Facility) -> None:
    contract = drafted(sakura, START, price_list(tier_version(needs_approval=True)))
    with as_facility(sakura), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        ContractVersion.objects.filter(contract=contract).update(approved_by=1)


def test_contracts_follow_each_other_and_never_share_a_day(sakura: Facility, lindenhof: Facility) -> None:
    first = in_force(sakura, START, minimum_term="P0D", notice_period="P1M")
    second = drafted(sakura, date(2026, 5, 1))
    with as_center():
        with pytest.raises(Overlapping):
            activate(second, by=None, **on(START))
        give_notice(first, on=date(2026, 4, 1), **on(date(2026, 4, 1)))
        activate(second, by=None, **on(date(2026, 4, 2)))
        with pytest.raises(Overlapping):
            withdraw_notice(first, **on(date(2026, 4, 3)))
        assert contract_of(sakura.pk, on=date(2026, 4, 30)) == first
        assert contract_of(sakura.pk, on=date(2026, 5, 1)) == second
    in_force(lindenhof, START)


def test_of_two_contracts_put_into_force_at_once_one_wins(
    committed_db: None, sakura: Facility, lindenhof: Facility
) -> None:
    prices = price_list(tier_version())
    rivals = [drafted(sakura, START + timedelta(days=number), prices) for number in range(4)]
    barrier = Barrier(len(rivals))

    def put_into_force(contract: Contract) -> str:
        try:
            with as_center():
                barrier.wait(30)
                activate(contract, by=None, **on(START))
        except Overlapping:
            return "refused"
        finally:
            connection.close()
        return "active"

    with ThreadPoolExecutor(len(rivals)) as threads:
        told = sorted(threads.map(put_into_force, rivals))
    assert told == ["active", "refused", "refused", "refused"]
    with as_center():
        assert Contract.objects.filter(state=State.ACTIVE).count() == 1


def test_amendments_at_once_are_numbered_one_after_the_other(committed_db: None, sakura: Facility) -> None:
    contract = in_force(sakura, START)
    barrier = Barrier(3)

    def add(days: int) -> int:
        try:
            barrier.wait(30)
            with as_center():
                return amend(contract, effective_from=START, payment_days=days, **on(START)).number
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(add, (1, 2, 3))) == [2, 3, 4]


def test_a_stranger_sees_and_changes_nothing(sakura: Facility, lindenhof: Facility) -> None:
    contract = in_force(sakura, START)
    with as_facility(lindenhof):
        assert contract_of(sakura.pk, on=START) is None
        assert not ContractVersion.objects.exists()
        assert not Contract.objects.update(state=State.SUSPENDED)
        with pytest.raises(Contract.DoesNotExist):
            suspend(contract, **on(START))
    with as_facility(sakura):
        assert contract_of(sakura.pk, on=START) == contract


USED = [
    "UPDATE tiers_tierversion SET frequency = 'daily'",
    "DELETE FROM tiers_tierversion",
    "UPDATE tiers_pricelist SET urgent_factor = 9",
    "UPDATE tiers_pricelist SET used_at = NULL",
    "DELETE FROM tiers_pricelist",
    "UPDATE tiers_price SET unit_price = 0",
    "DELETE FROM tiers_price",
    "INSERT INTO tiers_price (price_list_id, item, unit_price, included) SELECT id, 'film', 1, 0 FROM tiers_pricelist",
    "TRUNCATE tiers_price",
    "UPDATE contracts_contractversion SET payment_days = 1",
    "DELETE FROM contracts_contractversion",
    "DELETE FROM contracts_contract",
    "TRUNCATE contracts_contract CASCADE",
]


@pytest.mark.parametrize("role", ["medvault_owner", "medvault_center", "medvault_facility", "postgres"])
def test_what_a_contract_uses_does_not_change_by_sql(
    committed_db: None, sakura: Facility, superuser_sql: psycopg.Connection, role: str
) -> None:
    in_force(sakura, START)
    tables = ("tiers_tierversion", "tiers_pricelist", "tiers_price", "contracts_contract", "contracts_contractversion")

    def rows() -> list[Any]:
        superuser_sql.execute("RESET ROLE")
        return [superuser_sql.execute(f"SELECT * FROM {table} ORDER BY id".encode()).fetchall() for table in tables]

    before = rows()
    superuser_sql.execute("SELECT set_config('medvault.facility', %s, false)", [str(sakura.pk)])
    for statement in USED:
        superuser_sql.execute(f"SET ROLE {role}".encode())
        # The owner sees no rows of contracts, and is not refused what it does to none.
        with suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.FeatureNotSupported):
            superuser_sql.execute(statement.encode())
        assert rows() == before, statement


def test_a_used_tier_may_stop_being_offered_and_an_unused_one_may_change(sakura: Facility) -> None:
    used = price_list(tier_version())
    in_force(sakura, START, used)
    unused = price_list(tier_version())
    with as_center():
        used.tier_version.offered_until = date(2026, 6, 30)
        used.tier_version.save(update_fields=["offered_until"])
        Price.objects.filter(price_list=unused).update(unit_price=1)
        Price.objects.filter(price_list=unused).delete()
        unused.delete()
