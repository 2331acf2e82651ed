"""Proof: what was forged, left out or metered wrongly is found."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.urls import reverse

from apps.audit.record import SYSTEM
from apps.billing.bank.importing import import_credits, set_aside
from apps.billing.cards.charging import charge_due
from apps.billing.metering import meter_all, unreconciled
from apps.billing.models import BankTransaction, Invoice, PaymentMethod, StorageDay
from apps.billing.money_proof import bank_mismatches, card_mismatches, stripe_mismatches
from apps.billing.proof import prove
from apps.billing.tasks import prove as nightly
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.vault.models import Pack
from tests.billing.facts import (
    AFTER_GRACE,
    APRIL,
    at,
    billable,
    charges,
    collected,
    drafted,
    finalized,
    plain_prices,
    stored,
)
from tests.billing.fake_stripe import FakeStripe
from tests.billing.stories import NOON, account_of, invoice_of
from tests.billing.test_bank import CREDIT
from tests.contracts.stories import in_force
from tests.notifications.told import rows
from tests.retention.stories import image, store

pytestmark = pytest.mark.usefixtures("committed_db")
OF_CHARGE = "(SELECT {} FROM billing_charge WHERE id = %s)"


def forge(superuser: psycopg.Connection, statement: str, *given: Any) -> None:
    """As nobody may."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(statement, given)


@pytest.fixture
def invoice(sakura: Facility) -> Invoice:
    billable(sakura)
    contract = in_force(sakura, APRIL, plain_prices(base_fee="20000", visit="8000"))
    collected(sakura, at(2), at(3))
    made = finalized(drafted(contract))
    made.contract = contract
    return made


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ("UPDATE billing_charge SET amount = 9000 WHERE id = %s", "collection/"),
        ("UPDATE billing_charge SET quantity = 2 WHERE id = %s", "collection/"),
        ("UPDATE billing_charge SET source_key = 'x' WHERE id = %s", "collection/x"),
        ("DELETE FROM billing_charge WHERE id = %s", "collection/"),
        (f"UPDATE billing_invoiceline SET net = 1 WHERE id = {OF_CHARGE.format('line_id')}", "line 2"),
        (f"UPDATE billing_invoice SET tax = 1 WHERE id = {OF_CHARGE.format('invoice_id')}", "total"),
    ],
)  # fmt: skip
def test_rating_again_finds_what_was_forged(
    invoice: Invoice, superuser_sql: psycopg.Connection, change: str, what: str, caplog: Any
) -> None:
    assert prove(as_of=AFTER_GRACE).is_clean
    forge(superuser_sql, change, charges(invoice)[1].pk)
    [difference] = prove(as_of=AFTER_GRACE).differences
    assert difference.invoice == invoice
    assert what in difference.what
    for _again in range(2):
        nightly()
    assert "'differences': 1" in caplog.text
    assert [each.path for each in rows(Kind.STAFF_BILLING_WRONG)] == [reverse("admin:billing_proof")]


def test_missing_numbers_and_months_are_found(invoice: Invoice, superuser_sql: psycopg.Connection) -> None:
    contract = invoice.contract
    finalized(drafted(contract, date(2026, 6, 1), now=at(2, month=7)), now=at(9, month=7))
    found = prove(as_of=at(2, month=7))
    assert (found.period_gaps, found.number_gaps) == ([(contract, date(2026, 5, 1))], [])
    forge(superuser_sql, "UPDATE billing_invoice SET number = 'MV-2026-000009' WHERE id = %s", invoice.pk)
    forge(superuser_sql, "UPDATE billing_invoice SET inputs = jsonb_set(inputs, '{last}', '\"2026-06-01\"')"
          " WHERE id = %s", invoice.pk)  # fmt: skip
    found = prove(as_of=at(2, month=7))
    assert found.number_gaps == ["MV invoice 2026-000001", "MV invoice 2026-000009"]
    assert [each.period for each in found.overlaps] == [date(2026, 6, 1)]


def test_what_is_stored_is_what_was_metered(sakura: Facility, lindenhof: Facility) -> None:
    store(sakura, image(), image(), image())
    with as_center():
        stored_bytes = sum(Pack.objects.values_list("size_bytes", flat=True))
        assert unreconciled() == []
    later = datetime.now(UTC) + timedelta(days=3)
    meter_all(as_of=later)
    with as_center():
        last = StorageDay.objects.order_by("day").filter(facility=sakura).last()
        assert last
        assert (last.stored_bytes, last.studies) == (stored_bytes, 1)
        assert not StorageDay.objects.filter(facility=lindenhof).exists()
        assert unreconciled() == []
    stored(sakura, later - timedelta(days=2), 7)
    with as_center():
        found = [(each.what, each.metered - each.found) for each in unreconciled()]
    assert found == [("bytes", 7), ("bytes by the day", -7)]


def test_transfers_that_wait_or_are_another_sum_are_found(sakura: Facility) -> None:
    account_of(sakura)
    due = invoice_of(sakura)
    credits_ = [replace(CREDIT, reference=f"ref-{each}", purpose=each) for each in (due.number, "unknown", "no")]
    with as_center():
        paid, waiting, aside = import_credits(credits_, actor=SYSTEM, now=NOON)
        set_aside(aside, why="a gift", actor=SYSTEM, now=NOON)
        assert bank_mismatches(as_of=NOON) == []
        found = bank_mismatches(as_of=NOON + timedelta(days=8))
        assert [(each.about, each.what) for each in found] == [(waiting, "waits to be assigned")]
        BankTransaction.objects.filter(pk=paid.pk).update(amount=1)
        assert [each.about.pk for each in bank_mismatches(as_of=NOON)] == [paid.pk]


def test_cards_are_held_against_what_is_recorded_and_what_stripe_says(
    sakura: Facility, superuser_sql: psycopg.Connection
) -> None:
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method="pm_good")
    invoice_of(sakura)
    stripe = FakeStripe()
    assert charge_due(stripe, now=NOON) == 1

    def found() -> list[str]:
        with as_center():
            of_records = card_mismatches(as_of=NOON + timedelta(days=2))
        return [each.what for each in [*of_records, *stripe_mismatches(stripe, as_of=NOON + timedelta(days=2))]]

    assert found() == []
    [intent] = stripe.intents.values()
    stripe.give_back(key="by hand", intent=intent.id, amount=100)
    assert found() == ["Stripe has given back something that is not recorded"]
    stripe.intents.clear()
    assert found() == ["Stripe does not know it"]
    forge(superuser_sql, "UPDATE billing_payment SET reference = 'pi_other' WHERE id > %s", 0)
    assert found()[:2] == ["was taken and is not recorded as paid", "is recorded as paid and was not asked for"]
