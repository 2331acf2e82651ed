"""Reminders by the contract's days, outputs that stop and go on, and that nothing else happens to who does not pay."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.cards.charging import charge_due
from apps.billing.cards.telling import tell_of_cards
from apps.billing.dunning import dun
from apps.billing.invoicing import mark_overdue
from apps.billing.models import PaymentMethod, State
from apps.catalog.models import Study
from apps.contracts.agreeing import may_order_outputs, resume, suspend
from apps.contracts.errors import ContractSuspended
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from tests.billing.fake_stripe import DECLINED, LOST_AFTER, FakeStripe
from tests.billing.stories import DUE, NOON, account_of, contract_of, fresh, invoice_of
from tests.billing.test_settling import pay
from tests.notifications.told import rows
from tests.retention.stories import stored

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def owner(sakura: Facility, person: Callable[..., Any]) -> str:
    return str(person("owner@sakura.example", sakura=Role.OWNER).email)


def late(days: int) -> datetime:
    """Noon, so many days after the day on which invoices are due."""
    return datetime.combine(DUE, datetime.min.time(), UTC) + timedelta(days=days, hours=12)


def subjects() -> list[str]:
    return [message.subject.split(":")[0] for message in mail.outbox]


def test_reminders_grow_by_the_days_of_the_contract_each_once(sakura: Facility, owner: str) -> None:
    invoice = invoice_of(sakura)
    mailed = [day for day in range(60) for _again in range(2) if dun(now=late(day))]
    assert mailed == [7, 14, 28]
    assert subjects() == ["Reminder", "Reminder 2", "Reminder 3"]
    assert mail.outbox[0].to == [owner]
    assert invoice.number in mail.outbox[0].body
    assert "nothing is deleted" in mail.outbox[2].body
    assert fresh(invoice).state == State.OVERDUE


def test_owners_are_told_of_each_delay_and_of_what_settles_it_once(sakura: Facility) -> None:
    told_of = (Kind.INVOICE_OVERDUE, Kind.INVOICE_PAID)
    dunned, marked = invoice_of(sakura), invoice_of(sakura)
    pay(dunned, 2000, "part")
    with as_center():
        mark_overdue(now=late(0))
    assert rows(*told_of) == []
    for _again in range(2):
        dun(now=late(1))
    pay(marked, 22000, "whole")
    pay(marked, -22000, "back")
    for _again in range(2):
        with as_center():
            mark_overdue(now=late(2))
    pay(dunned, 20000, "rest")
    pay(dunned, 500, "too much")
    assert [(each.kind, each.facts["number"], each.facts.get("amount")) for each in rows(*told_of)] == [
        (Kind.INVOICE_OVERDUE, dunned.number, "¥20,000"),
        (Kind.INVOICE_OVERDUE, marked.number, "¥22,000"),
        (Kind.INVOICE_PAID, marked.number, None),
        (Kind.INVOICE_OVERDUE, marked.number, "¥22,000"),
        (Kind.INVOICE_PAID, dunned.number, None),
    ]
    last = rows(*told_of)[-2]
    assert (last.path, last.due_on) == (f"/f/sakura/invoices/{marked.pk}/", DUE)


def test_after_a_pause_only_the_latest_reminder_goes_out(sakura: Facility, owner: str) -> None:
    invoice_of(sakura)
    assert [dun(now=late(day)) for day in (20, 21, 28)] == [1, 0, 1]
    assert subjects() == ["Reminder 2", "Reminder 3"]


def test_new_outputs_stop_and_nothing_else(sakura: Facility, owner: str) -> None:
    study, invoice = stored(sakura, date(2026, 5, 1)), invoice_of(sakura)
    dun(now=late(44))
    with as_center():
        may_order_outputs(sakura.pk)
    dun(now=late(45))
    with as_center(), pytest.raises(ContractSuspended):
        may_order_outputs(sakura.pk)
    stored(sakura, date(2026, 6, 1))
    for years in range(1, 30):
        dun(now=late(365 * years))
    with as_center():
        assert Study.objects.filter(pk=study.pk).exists()
    pay(invoice, 22000)
    with as_center():
        may_order_outputs(sakura.pk)


def test_days_are_those_of_the_facilitys_calendar(sakura: Facility) -> None:
    with as_center():
        Facility.objects.update(time_zone="Asia/Tokyo")
    invoice = invoice_of(sakura)
    dun(now=datetime(2026, 5, 31, 14, 59, tzinfo=UTC))
    assert fresh(invoice).state == State.FINALIZED
    dun(now=datetime(2026, 5, 31, 15, 0, tzinfo=UTC))
    assert fresh(invoice).state == State.OVERDUE


def test_who_paid_or_is_being_charged_or_has_no_such_terms_is_left_in_peace(
    sakura: Facility, lindenhof: Facility, owner: str
) -> None:
    pay(invoice_of(sakura), 22000)
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method="pm_good")
    invoice_of(sakura)
    charge_due(FakeStripe(faults=[LOST_AFTER]), now=NOON)
    contract_of(lindenhof, dunning_days=[], suspend_after_days=None)
    spared = invoice_of(lindenhof, currency="JPY")
    assert dun(now=late(90)) == 0
    assert mail.outbox == []
    assert not fresh(spared).contract.is_suspended


def test_a_mail_server_that_is_away_is_tried_again_and_outputs_stop_all_the_same(
    sakura: Facility, owner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = invoice_of(sakura)

    def away(*_args: object, **_kwargs: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.EmailMultiAlternatives.send", away)
        assert dun(now=late(50)) == 0
    assert fresh(invoice).contract.is_suspended
    assert dun(now=late(50)) == 1


def test_a_facility_is_told_once_that_its_card_was_declined(sakura: Facility, owner: str) -> None:
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method=DECLINED,
               email="books@sakura.example")  # fmt: skip
    invoice = invoice_of(sakura)
    charge_due(FakeStripe(), now=NOON)
    assert [tell_of_cards(now=NOON), tell_of_cards(now=NOON)] == [1, 0]
    [message] = mail.outbox
    assert message.to == ["books@sakura.example"]
    assert invoice.number in message.subject
    assert "/f/sakura/invoices/card/" in message.body
    [told] = rows(Kind.CARD_DECLINED)
    assert (told.path, told.facts) == ("/f/sakura/invoices/card/", {"number": invoice.number})


def test_no_patient_leaves_with_payments(sakura: Facility, owner: str) -> None:
    """Names, birth dates and numbers of patients are planted, and what leaves is searched for them."""
    planted: dict[str, Any] = {"PatientName": "Plantedfamily^Plantedgiven", "PatientID": "PLANTED-ID-7"}
    stored(sakura, PatientBirthDate="19331231", **planted)
    account_of(sakura, payment_method=PaymentMethod.CARD, stripe_customer="", stripe_payment_method=DECLINED)
    stripe = FakeStripe()
    invoice = invoice_of(sakura)
    from apps.billing.cards.keeping import begin_set_up
    from apps.billing.cards.refunds import refund
    from tests.billing.test_charging import attempts

    begin_set_up(sakura, gateway=stripe, success_url="https://x/f/sakura/", cancel_url="https://x/f/sakura/")
    charge_due(stripe, now=NOON)
    tell_of_cards(now=NOON)
    dun(now=late(7))
    account_of(sakura, stripe_payment_method="pm_good")
    charge_due(stripe, now=NOON + timedelta(days=7))
    refund(attempts()[-1], Decimal(100), gateway=stripe, actor=SYSTEM, now=NOON)
    assert {what for what, _asked in stripe.asked} >= {"customer", "session", "take", "refund"}
    parts = [part for each in mail.outbox for part in each.message().walk() if not part.is_multipart()]
    letters = [each.subject for each in mail.outbox] + [_text(part) for part in parts]
    assert (len(mail.outbox), len(parts)) == (2, 4)
    assert all("Sakura Clinic" in letter for letter in letters[2:])
    left = f"{stripe.asked} {letters}".casefold()
    assert not [word for word in ("planted", "19331231", "1933-12-31", "1.3.6.1") if word in left]
    assert "sakura clinic" not in str(stripe.asked).casefold()
    assert invoice.number.casefold() in left


def _text(part: Any) -> str:
    return str(part.get_payload(decode=True), "utf-8")


def test_no_payment_resumes_what_staff_suspended(sakura: Facility, person: Callable[..., User]) -> None:
    invoice = invoice_of(sakura)
    with as_center():
        suspend(contract_of(sakura), by=person("b@center.example", is_staff=True), actor=SYSTEM, now=NOON)
    pay(invoice, 22000)
    assert fresh(invoice).state == State.PAID
    with as_center():
        with pytest.raises(ContractSuspended, match="ask there"):
            may_order_outputs(sakura.pk)
        resume(contract_of(sakura), actor=SYSTEM, now=NOON)
        may_order_outputs(sakura.pk)
