"""Invoices of a month: what is charged, the numbers they get, and what corrects them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing import settling
from apps.billing.drafting import park, release
from apps.billing.errors import IllegalTransition, NeedsAnother
from apps.billing.invoicing import credit, finalize, generate
from apps.billing.lines import lines_of
from apps.billing.models import Charge, Invoice, InvoiceLine, State
from apps.billing.proof import prove
from apps.billing.rating import Rated
from apps.billing.taxes import Tax
from apps.collection.models import Collection, Method
from apps.contracts.agreeing import amend
from apps.core.periods import FOREVER
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.tiers.models import Frequency
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
    plain_prices,
    stored,
    sums,
    told,
)
from tests.contracts.stories import in_force, price_list, tier_version
from tests.notifications.told import rows

pytestmark = pytest.mark.django_db
START = date(2026, 1, 1)


@pytest.fixture
def staff(person: Any) -> User:
    made: User = person("billing@center.example", is_staff=True)
    return made


def test_a_month_is_charged_for_what_happened_in_it(sakura: Facility) -> None:
    billable(sakura)
    prices = price_list(
        tier_version(frequency=Frequency.ON_REQUEST),
        base_fee="20000",
        visit="8000",
        online="500",
        storage_gb="12.5",
        extension="300",
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
    assert [(each.path, each.due_on, each.facts) for each in rows(Kind.INVOICE_FINALIZED)] == [
        (f"/f/sakura/invoices/{each.pk}/", each.due_on, {"number": each.number, "amount": f"¥{each.gross:,.0f}"})
        for each in (first, second)
    ]
    with as_center(), pytest.raises(IllegalTransition):
        finalize(first, by=staff, actor=SYSTEM, now=AFTER_GRACE)


def test_terms_that_change_thrice_are_each_charged_for_their_days(sakura: Facility) -> None:
    billable(sakura)
    daily = price_list(tier_version("daily", frequency=Frequency.ON_REQUEST), base_fee="90000", visit="5000")
    weekly = price_list(tier_version("weekly", frequency=Frequency.ON_REQUEST), base_fee="60000", visit="6000")
    contract = in_force(sakura, START, plain_prices(base_fee="30000", visit="8000"))
    for day, prices in ((1, weekly), (11, daily), (30, weekly)):
        with as_center():
            amend(contract, effective_from=date(2026, 4, day), tier_version=prices.tier_version, price_list=prices,
                  actor=SYSTEM, now=at(1))  # fmt: skip
    collected(sakura, at(1), at(11), at(30))
    found = charges(drafted(contract))
    assert [(each.version.number, each.source, each.supplied_on.day, int(each.amount)) for each in found] == [
        (2, "base", 1, 20000), (4, "base", 30, 2000), (3, "base", 11, 57000),
        (2, "collection", 1, 6000), (4, "collection", 30, 6000), (3, "collection", 11, 5000),
    ]  # fmt: skip


def test_what_is_told_late_is_charged_with_the_next_month_and_once(sakura: Facility) -> None:
    billable(sakura)
    contract = in_force(sakura, START, plain_prices(visit="8000"))
    collected(sakura, at(3), at(5), method=Method.PULL)  # without a price
    collected(sakura, at(4))
    april = drafted(contract)
    late = collected(sakura, at(20), at(21))
    collected(sakura, at(20, month=3))  # of a month that was never billed
    may = drafted(contract, date(2026, 5, 1), now=at(2, month=6))
    assert [each.source_key for each in charges(may)] == [str(each.uid) for each in late]
    assert {each.supplied_on for each in charges(may)} == {date(2026, 4, 20), date(2026, 4, 21)}
    june = drafted(contract, date(2026, 6, 1), now=at(2, month=7))
    assert [each.net for each in (april, may, june)] == [8000, 16000, 0]
    assert june.inputs["collections"] == []


def test_a_promised_visit_that_nobody_made_credits_itself(sakura: Facility) -> None:
    billable(sakura)
    contract = in_force(sakura, START, price_list(tier_version(frequency=Frequency.BIWEEKLY)))
    collected(sakura, at(9))
    invoice = drafted(contract)
    assert told(charges(invoice))[1:] == [("collection", "visit", 1, 8000), ("missed_visit", "visit", 1, -8000)]
    assert invoice.inputs["promised_visits"] == ["2026-04-09", "2026-04-23"]


def test_what_a_person_released_another_one_finalizes(sakura: Facility, staff: User, person: Any) -> None:
    billable(sakura)
    contract = in_force(sakura, START, plain_prices(base_fee="20000"))
    with as_center():
        invoice = park(contract, APRIL, reason="odd", now=IN_MAY)
        release(invoice, by=staff, actor=SYSTEM, now=IN_MAY)
        for by in (staff, None):
            with pytest.raises(NeedsAnother):
                finalize(invoice, by=by, actor=SYSTEM, now=AFTER_GRACE)
    assert finalized(invoice, person("second@center.example", is_staff=True)).net == 20000


def test_the_taxes_are_those_of_the_account_when_it_is_finalized(lindenhof: Facility) -> None:
    billable(lindenhof, country="JP")
    invoice = drafted(in_force(lindenhof, START, plain_prices(base_fee="20000")))
    assert sums(invoice) == (State.DRAFT, 20000, 2000, 22000)
    billable(lindenhof, country="DE")
    finalized(invoice)
    assert sums(invoice) == (State.FINALIZED, 20000, 0, 20000)
    with as_center():
        line = InvoiceLine.objects.get()
        assert (line.tax_category, f"{line.tax_rate}") == ("O", "0.00")


def test_charges_are_credited_once_by_a_note_of_its_own_number_range(sakura: Facility, staff: User) -> None:
    billable(sakura)
    contract = in_force(sakura, START, plain_prices(base_fee="20001", visit="8000"))
    collected(sakura, at(2), at(3), at(4))
    invoice = drafted(contract)

    def corrected(*wrong: Charge, reason: str = "the van broke down") -> Invoice:
        with as_center():
            return credit(invoice, wrong, reason=reason, by=staff, actor=SYSTEM, now=AFTER_GRACE)

    base, first, second, _third = charges(invoice)
    with pytest.raises(IllegalTransition):
        corrected(first)  # a draft is not corrected
    finalized(invoice)
    note = corrected(first, second)
    assert (note.number, note.corrects, note.kind) == ("MV-CN-2026-000001", invoice, "credit_note")
    assert sums(note) == (State.FINALIZED, -16000, -1600, -17600)
    assert [(each.source, each.source_key, int(each.amount)) for each in charges(note)] == [
        ("credit", str(each.pk), -8000) for each in (first, second)
    ]
    assert rows(Kind.INVOICE_FINALIZED)[-1].facts == {"number": note.number, "amount": "-¥17,600"}
    with as_center():
        [line] = InvoiceLine.objects.filter(invoice=note)
        assert [line.quantity, line.net, line.unit_price, line.tax_rate] == [2, -16000, -8000, 10]
        assert settling.open_amount(invoice) == 44001 + 4400 - 17600
    for wrong in ([first], [base, base], [], charges(note)):
        with pytest.raises(IllegalTransition):
            corrected(*wrong)
    with pytest.raises(IllegalTransition):
        corrected(base, reason="")
    rest = corrected(base, _third)
    assert rest.number == "MV-CN-2026-000002"
    with as_center():
        invoice.refresh_from_db()
    assert (invoice.state, invoice.number) == (State.PAID, "MV-2026-000001")
    assert prove(as_of=AFTER_GRACE).counts()["differences"] == 0


def test_an_invoice_of_ten_thousand_charges_and_lines(sakura: Facility) -> None:
    billable(sakura)
    contract = in_force(sakura, START, plain_prices(base_fee="20000", online="1"))
    with as_facility(sakura):
        Collection.objects.bulk_create(
            Collection(facility=sakura, method=Method.PUSH, state="stored", opened_at=at(2), received_at=at(2))
            for _ in range(10_000)
        )
    invoice = finalized(drafted(contract))
    assert invoice.net == 30000
    assert len(charges(invoice)) == 10_001
    assert prove(as_of=AFTER_GRACE).differences == []


def test_as_many_lines_as_there_are_prices() -> None:
    rated = [
        Rated(1, "order", f"{number}", "film", APRIL, Decimal(1), Decimal(number), Decimal(number), "")
        for number in range(10_000)
    ]
    lines = lines_of(rated, lambda day: Tax("S", Decimal(10)), month=APRIL)
    assert len(lines) == 10_000
    assert sum(line.net for line in lines) == sum(range(10_000))
