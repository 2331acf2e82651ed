"""The monthly run: killed anywhere, twice at once, in every time zone, past what cannot be billed."""

import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.drafting import release
from apps.billing.errors import IllegalTransition, NotBillable
from apps.billing.halting import go_on, halt
from apps.billing.invoicing import finalize, finalize_due
from apps.billing.models import BillingAccount, Charge, Invoice, State, StorageDay
from apps.billing.proof import prove
from apps.billing.run import run_billing, run_due
from apps.billing.tasks import mark_overdue
from apps.contracts.models import Contract
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from medvault.env import PROJECT
from tests.billing.facts import (
    AFTER_GRACE,
    APRIL,
    IN_MAY,
    at,
    billable,
    charges,
    collected,
    drafted,
    everything,
    finalized,
    plain_prices,
    stored,
    sums,
)
from tests.contracts.stories import in_force
from tests.forked import Forked

pytestmark = pytest.mark.usefixtures("committed_db")
START = date(2026, 1, 1)
LONG_AGO = date(2021, 1, 1)


def process(*arguments: object) -> int:
    """What a run in a process of its own printed."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.billing.generating_process", *map(str, arguments)],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def facilities(number: int, **fields: Any) -> list[Facility]:
    with as_center():
        return [
            Facility.objects.create(slug=f"clinic-{each}", name=f"Clinic {each}", country="JP", **fields)
            for each in range(number)
        ]


def contracts(number: int, starts_on: date = START) -> list[Contract]:
    """Facilities with a contract each, all of one price list."""
    prices, found = plain_prices(), []
    for facility in facilities(number):
        billable(facility)
        found.append(in_force(facility, starts_on, prices))
    return found


def invoices(**lookups: Any) -> list[Invoice]:
    with as_center():
        return list(Invoice.objects.filter(**lookups).select_related("contract").order_by("contract_id", "period"))


def test_a_run_that_dies_at_any_statement_or_commit_is_made_up_for_by_the_next() -> None:
    for contract in contracts(2, LONG_AGO):
        stored(contract.facility, datetime(2021, 1, 1, tzinfo=UTC), 100 * 10**9)
    killed = process("matrix", LONG_AGO)
    assert killed > 30
    found = invoices()
    assert [each.period for each in found[: killed + 1]] == [each.period for each in found[killed + 1 :]]
    assert len(found) == 2 * (killed + 1)
    assert {each.state for each in found} == {State.DRAFT}
    assert {each.net for each in found} == {21250}
    with as_center():
        assert Charge.objects.count() == 2 * len(found)
        days = list(
            StorageDay.objects.filter(facility=found[0].facility_id).order_by("day").values_list("day", flat=True)
        )
    assert days == [LONG_AGO + timedelta(days=number) for number in range(len(days))]
    assert prove(as_of=IN_MAY, days_back=4000).counts() | {"period_gaps": 0} == {
        "differences": 0, "number_gaps": 0, "period_gaps": 0, "overlaps": 0, "storage": 2, "bank": 0, "cards": 0,
    }  # fmt: skip


def test_runs_at_once_share_the_work_and_bill_nobody_twice() -> None:
    made = contracts(12)
    assert process("together", 3, APRIL) == 0
    assert [each.contract for each in invoices()] == made
    assert {each.net for each in invoices()} == {20000}


def test_a_run_that_is_stopped_leaves_off_before_the_next_contract_and_goes_on_later(
    person: Callable[..., User],
) -> None:
    contracts(3)
    clerk = person("clerk@center.example", is_staff=True)
    running = Forked("tests.billing.generating_process", "waits", APRIL)
    assert running.stdout.readline() == "begun\n"
    with as_center():
        halt(by=clerk, actor=SYSTEM, now=IN_MAY)
    assert running.communicate("go on\n")[0] == "1\n"
    assert len(invoices(period=APRIL)) == 1
    again = run_billing(APRIL, as_of=IN_MAY)
    assert (again.is_halted, again.drafted) == (True, 0)
    with as_center():
        go_on(by=clerk, actor=SYSTEM, now=IN_MAY)
    assert run_billing(APRIL, as_of=IN_MAY).drafted == 2
    assert len(invoices(period=APRIL)) == 3


def test_a_repeated_run_changes_nothing() -> None:
    for contract in contracts(3):
        collected(contract.facility, at(3))
    assert run_billing(APRIL, as_of=IN_MAY).drafted == 3
    before = everything()
    assert run_billing(APRIL, as_of=AFTER_GRACE).drafted == 0
    assert everything() == before


def test_a_contract_that_somebody_holds_is_left_to_the_next_run() -> None:
    held, other = contracts(2)
    holding, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        with as_center():
            Contract.objects.select_for_update().get(pk=held.pk)
            holding.set()
            go_on.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(30)
    assert run_billing(APRIL, as_of=IN_MAY).drafted == 1
    assert [each.contract for each in invoices()] == [other]
    go_on.set()
    holder.join()
    assert run_billing(APRIL, as_of=IN_MAY).drafted == 1


def test_a_month_is_billed_when_it_is_over_at_the_facility() -> None:
    tokyo, berlin, honolulu = (
        facilities(1, time_zone=zone)[0] if not number else _renamed(zone)
        for number, zone in enumerate(["Asia/Tokyo", "Europe/Berlin", "Pacific/Honolulu"])
    )
    prices = plain_prices()
    for facility in (tokyo, berlin, honolulu):
        billable(facility)
        in_force(facility, START, prices)
    over = datetime(2026, 4, 30, 15, tzinfo=UTC)  # midnight in Tokyo; it takes an hour until all is committed
    for moment, count in [(over, 0), (over + timedelta(hours=1), 1), (over + timedelta(hours=8), 2),
                          (over + timedelta(hours=19, minutes=59), 2), (over + timedelta(hours=20), 3)]:  # fmt: skip
        run_billing(APRIL, as_of=moment)
        assert len(invoices()) == count, moment


def _renamed(zone: str) -> Facility:
    with as_center():
        slug = zone.rsplit("/", 1)[-1].lower()
        return Facility.objects.create(slug=slug, name=slug, country="JP", time_zone=zone)


def test_the_hourly_check_makes_up_for_months_and_stops_at_what_is_done(settings: Any) -> None:
    contracts(1, date(2026, 2, 14))
    runs = run_due(as_of=IN_MAY)
    assert [(run.period, run.drafted) for run in runs] == [
        (date(2026, 2, 1), 1), (date(2026, 3, 1), 1), (APRIL, 1), (date(2026, 5, 1), 0),
    ]  # fmt: skip
    assert [each.net for each in invoices()] == [10714, 20000, 20000]  # 15 of 28 days of February
    assert sum(run.drafted for run in run_due(as_of=IN_MAY)) == 0
    assert finalize_due(by=None, actor=SYSTEM, now=IN_MAY, limit=10) == 0
    assert finalize_due(by=None, actor=SYSTEM, now=AFTER_GRACE, limit=10) == 3


def test_what_cannot_be_billed_is_parked_and_holds_up_nobody(person: Callable[..., User]) -> None:
    without_account, twice, shrunk, leapt, good = contracts(5)
    with as_center():
        # Rows of the tests' own connection may not be deleted: the account moves to a facility without a contract.
        other = Facility.objects.create(slug="other", name="Other", country="JP")
        BillingAccount.objects.filter(facility=without_account.facility).update(facility=other)
    [collection] = collected(twice.facility, at(3))
    before = drafted(good, date(2026, 3, 1), now=at(2))
    with as_center():
        version = twice.versions.get()
        Charge.objects.create(
            facility=twice.facility, version=version, invoice=drafted_elsewhere(twice), line=line_of(twice),
            source="collection", source_key=str(collection.uid), item="visit", supplied_on=APRIL, quantity=1,
            unit_price=1, amount=1, currency="JPY", created_at=IN_MAY,
        )  # fmt: skip
    stored(shrunk.facility, at(2), -(10**9))
    drafted(leapt, date(2026, 3, 1), now=at(2))
    collected(leapt.facility, *(at(day) for day in range(1, 29)))
    run = run_billing(APRIL, as_of=IN_MAY)
    assert (run.drafted, run.parked, run.failed) == (1, 4, 0)
    why = {each.contract: each.parked_because for each in invoices(period=APRIL)}
    assert why == {
        without_account: "There is no billing account",
        twice: "A source has been charged already",
        shrunk: "Less than nothing is stored: the storage entries do not add up",
        leapt: "The total is ¥244,000; by last month ¥19,355 was to be expected",
        good: "",
    }
    assert [charges(each) for each in invoices(state=State.PARKED)] == [[]] * 4
    assert before.net == 20000
    assert run_billing(APRIL, as_of=IN_MAY).parked == 0

    [parked] = invoices(contract=leapt, period=APRIL)
    collected(leapt.facility, at(30))  # told after it was parked: a matter of the next month
    releaser, another = person("a@center.example", is_staff=True), person("b@center.example", is_staff=True)
    with as_center():
        release(parked, by=releaser, actor=SYSTEM, now=IN_MAY)
    assert sums(parked) == (State.DRAFT, 244000, 24400, 268400)
    assert len(charges(parked)) == 29
    with as_center(), pytest.raises(IllegalTransition):
        release(parked, by=releaser, actor=SYSTEM, now=IN_MAY)
    assert finalize_due(by=releaser, actor=SYSTEM, now=AFTER_GRACE, limit=10) == 4
    with as_center(), pytest.raises(Exception, match="Another person"):
        finalize(parked, by=releaser, actor=SYSTEM, now=AFTER_GRACE)
    finalized(parked, another)
    [unknown] = invoices(contract=without_account, period=APRIL)
    with as_center(), pytest.raises(NotBillable):
        release(unknown, by=releaser, actor=SYSTEM, now=IN_MAY)
    billable(without_account.facility)
    with as_center():
        release(unknown, by=releaser, actor=SYSTEM, now=IN_MAY)
    assert unknown.net == 20000


def drafted_elsewhere(contract: Contract) -> Invoice:
    return Invoice.objects.filter(contract=contract, period=date(2026, 3, 1)).first() or drafted(
        contract, date(2026, 3, 1), now=at(2)
    )


def line_of(contract: Contract) -> Any:
    return drafted_elsewhere(contract).lines.get()


def test_without_an_issuer_nothing_is_billed_and_nothing_lost(sakura: Facility) -> None:
    in_force(sakura, START, plain_prices())
    run = run_billing(APRIL, as_of=IN_MAY)
    assert (run.drafted, run.parked, run.failed) == (0, 0, 1)
    billable(sakura)
    assert run_billing(APRIL, as_of=IN_MAY).drafted == 1


def test_numbers_have_no_gaps_whoever_finalizes_at_once_and_whatever_fails() -> None:
    for contract in contracts(8):
        drafted(contract)
    drafts = invoices()

    def some(mine: list[Invoice]) -> None:
        for invoice in mine:
            with as_center():
                finalize(invoice, by=None, actor=SYSTEM, now=AFTER_GRACE)
        connection.close()

    with as_center():
        finalize(drafts[0], by=None, actor=SYSTEM, now=AFTER_GRACE)
        transaction.set_rollback(True)
    threads = [threading.Thread(target=some, args=(drafts[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each.number for each in invoices()) == [f"MV-2026-{number:06d}" for number in range(1, 9)]
    assert prove(as_of=AFTER_GRACE).number_gaps == []


def test_a_dry_run_says_what_would_be_and_writes_nothing() -> None:
    first, _ = contracts(2)
    drafted(first, date(2026, 3, 1), now=at(2))
    collected(first.facility, at(3))
    before = everything()
    out = StringIO()
    call_command("run_billing", "--period", "2026-04", "--dry-run", stdout=out)
    said = out.getvalue()
    assert "¥28,000" in said
    assert "¥8,000" in said
    assert "2 would be drafted" in said
    assert everything() == before
    call_command("run_billing", "--period", "2026-04", stdout=out)
    assert "2 drafted, 0 parked, 0 failed" in out.getvalue()
    for wrong in ("2026-13", "April"):
        with pytest.raises(CommandError, match="like 2026-04"):
            call_command("run_billing", "--period", wrong)


def test_invoices_that_were_not_paid_in_time_are_overdue(sakura: Facility) -> None:
    billable(sakura)
    invoice = finalized(drafted(in_force(sakura, START, plain_prices(), payment_days=0)))
    mark_overdue()
    [found] = invoices()
    assert (found.state, found.number) == (State.OVERDUE, invoice.number)


def test_a_facility_sees_its_own_and_nobody_changes_what_is_final(sakura: Facility, lindenhof: Facility) -> None:
    billable(sakura)
    invoice = finalized(drafted(in_force(sakura, START, plain_prices())))
    with as_facility(lindenhof):
        assert not Invoice.objects.exists()
        assert not Charge.objects.exists()
        assert not StorageDay.objects.exists()
    with as_facility(sakura):
        assert Invoice.objects.get().number == invoice.number
        assert Charge.objects.count() == 1
    for change in (
        "UPDATE billing_invoice SET gross = 1", "UPDATE billing_invoiceline SET net = 1",
        "UPDATE billing_charge SET amount = 1", "DELETE FROM billing_charge", "DELETE FROM billing_invoice",
        "UPDATE billing_invoiceline SET tax_rate = 1",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), as_center(), connection.cursor() as cursor:
            cursor.execute(change)
