"""Card payments against Stripe in memory: whatever is lost, late, doubled or out of order, one payment."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.audit.record import SYSTEM
from apps.billing.cards.charging import charge_due, pay_now, resolve_unanswered
from apps.billing.cards.refunds import refund
from apps.billing.cards.webhooks import apply_events
from apps.billing.errors import PaymentRefused
from apps.billing.models import Invoice, Payment, PaymentAttempt, PaymentMethod, State, WebhookEvent
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.fake_stripe import DECLINED, LOST_AFTER, LOST_BEFORE, NEEDS_ACTION, SLOW, FakeStripe
from tests.billing.stories import NOON, account_of, fresh, invoice_of, payments
from tests.conftest import empty_tables

pytestmark = pytest.mark.usefixtures("committed_db")
MINUTE = timedelta(minutes=3)


@pytest.fixture
def stripe() -> FakeStripe:
    return FakeStripe()


def by_card(facility: Facility, card: str = "pm_good") -> Invoice:
    """An open invoice of a facility that pays by card."""
    account_of(facility, payment_method=PaymentMethod.CARD, stripe_customer="cus_1", stripe_payment_method=card)
    return invoice_of(facility)


def attempts() -> list[PaymentAttempt]:
    with as_center():
        return list(PaymentAttempt.objects.order_by("pk"))


def states() -> list[tuple[str, str]]:
    return [(each.state, each.failure) for each in attempts()]


def deliver(*events: tuple[str, str, str]) -> None:
    """As the web server stores them."""
    with as_center():
        for stripe_id, kind, object_id in events:
            WebhookEvent.objects.bulk_create(
                [WebhookEvent(stripe_id=stripe_id, kind=kind, object_id=object_id, received_at=NOON)],
                ignore_conflicts=True,
            )


def problems() -> list[str]:
    with as_center():
        return list(WebhookEvent.objects.order_by("pk").values_list("problem", flat=True))


def test_a_card_is_charged_once(sakura: Facility, stripe: FakeStripe) -> None:
    invoice = by_card(sakura)
    assert charge_due(stripe, now=NOON) == 1
    assert charge_due(stripe, now=NOON + timedelta(days=40)) == 0
    assert (states(), payments(), fresh(invoice).state) == ([("succeeded", "")], [("card", 22000)], State.PAID)
    [intent] = stripe.intents.values()
    assert (intent.amount, intent.currency, intent.metadata["number"]) == (22000, "JPY", invoice.number)


def test_a_card_pays_on_the_day_that_it_is_at_the_facility(sakura: Facility, stripe: FakeStripe) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
    by_card(sakura)
    assert charge_due(stripe, now=NOON + timedelta(hours=8)) == 1
    with as_center():
        assert Payment.objects.get().paid_on == NOON.date() + timedelta(days=1)


def test_who_pays_by_transfer_is_not_charged(sakura: Facility, lindenhof: Facility, stripe: FakeStripe) -> None:
    by_card(sakura)
    account_of(sakura, payment_method=PaymentMethod.TRANSFER)
    by_card(lindenhof, card="")
    assert charge_due(stripe, now=NOON) == 0
    assert stripe.asked == []


def test_cents_are_counted(lindenhof: Facility, stripe: FakeStripe) -> None:
    by_card(lindenhof)
    invoice_of(lindenhof, "119.40", currency="EUR")
    charge_due(stripe, now=NOON)
    assert sorted(each.amount for each in stripe.intents.values()) == [11940, 22000]


@pytest.mark.parametrize("later", [MINUTE, timedelta(hours=30)])
@pytest.mark.parametrize("fault", [LOST_BEFORE, LOST_AFTER])
def test_a_lost_answer_is_asked_for_or_looked_for(
    sakura: Facility, stripe: FakeStripe, fault: str, later: timedelta
) -> None:
    invoice = by_card(sakura)
    stripe.faults = [fault]
    charge_due(stripe, now=NOON)
    assert states() == [("begun", "")]
    stripe.now = NOON + later
    resolve_unanswered(stripe, now=stripe.now)
    if fault == LOST_BEFORE and later > timedelta(days=1):
        assert states() == [("declined", "Stripe was not reached")]
        stripe.now += timedelta(days=7)
        charge_due(stripe, now=stripe.now)
    assert payments() == [("card", 22000)]
    assert fresh(invoice).state == State.PAID
    assert len(stripe.intents) == 1


def test_another_card_meanwhile_does_not_change_what_is_asked_again(sakura: Facility, stripe: FakeStripe) -> None:
    by_card(sakura)
    stripe.faults = [LOST_AFTER]
    charge_due(stripe, now=NOON)
    account_of(sakura, stripe_payment_method="pm_other")
    resolve_unanswered(stripe, now=NOON + MINUTE)
    assert payments() == [("card", 22000)]


def test_a_declined_card_is_tried_again_on_the_days_of_the_contract(sakura: Facility, stripe: FakeStripe) -> None:
    invoice = by_card(sakura, DECLINED)
    tried = [day for day in range(60) if charge_due(stripe, now=NOON + timedelta(days=day))]
    assert tried == [0, 7, 14, 28]
    assert states() == [("declined", "insufficient_funds")] * 4
    account_of(sakura, stripe_payment_method="pm_good")
    pay_now(invoice, gateway=stripe, actor=SYSTEM, now=NOON + timedelta(days=60))
    assert fresh(invoice).state == State.PAID


def test_who_must_confirm_is_asked_to(sakura: Facility, stripe: FakeStripe) -> None:
    by_card(sakura, NEEDS_ACTION)
    charge_due(stripe, now=NOON)
    assert states() == [("needs_action", "authentication_required")]


def test_paying_now_is_bounded_and_never_twice(sakura: Facility, stripe: FakeStripe) -> None:
    declined, slow = by_card(sakura, DECLINED), invoice_of(sakura)
    for _ in range(5):
        pay_now(declined, gateway=stripe, actor=SYSTEM, now=NOON)
    account_of(sakura, stripe_payment_method=SLOW)
    pay_now(slow, gateway=stripe, actor=SYSTEM, now=NOON)
    for invoice in (declined, slow):
        with pytest.raises(PaymentRefused):
            pay_now(invoice, gateway=stripe, actor=SYSTEM, now=NOON)
    stripe.finish(attempts()[-1].payment_intent)
    resolve_unanswered(stripe, now=NOON + MINUTE)
    with pytest.raises(PaymentRefused):
        pay_now(slow, gateway=stripe, actor=SYSTEM, now=NOON)
    assert payments() == [("card", 22000)]


def test_what_is_left_of_an_invoice_is_taken(sakura: Facility, stripe: FakeStripe) -> None:
    from tests.billing.test_settling import pay

    invoice = by_card(sakura)
    pay(invoice, 20000)
    charge_due(stripe, now=NOON)
    assert payments() == [("transfer", 20000), ("card", 2000)]


def test_several_workers_charge_each_invoice_once(sakura: Facility, lindenhof: Facility, stripe: FakeStripe) -> None:
    for facility in (sakura, lindenhof):
        by_card(facility)
        invoice_of(facility)

    def work(_: int) -> int:
        try:
            return charge_due(stripe, now=NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 4
    assert payments() == [("card", 22000)] * 4
    assert len(stripe.intents) == 4


def test_refunds_are_bounded_recorded_once_and_open_the_invoice(sakura: Facility, stripe: FakeStripe) -> None:
    invoice = by_card(sakura)
    charge_due(stripe, now=NOON)
    [attempt] = attempts()

    def give_back(amount: int) -> None:
        refund(attempt, Decimal(amount), gateway=stripe, actor=SYSTEM, now=NOON)

    give_back(2000)
    for wrong in (20001, 0, -5):
        with pytest.raises(PaymentRefused):
            give_back(wrong)
    deliver(*stripe.events, *stripe.events)
    apply_events(stripe, now=NOON)
    assert payments() == [("card", 22000), ("card", -2000)]
    assert fresh(invoice).state == State.FINALIZED
    assert charge_due(stripe, now=NOON + timedelta(days=90)) == 0  # nobody gives back to take again
    stripe.fail_refunds(attempt.payment_intent)
    deliver(*stripe.events)
    apply_events(stripe, now=NOON)
    assert payments()[2:] == [("card", 2000)]
    assert fresh(invoice).state == State.PAID


def test_a_refund_whose_answer_is_lost_is_not_given_twice(sakura: Facility, stripe: FakeStripe) -> None:
    by_card(sakura)
    charge_due(stripe, now=NOON)
    [attempt] = attempts()
    stripe.faults = ["", LOST_AFTER]
    for _ in range(2):
        with pytest.raises(Exception, match=r"time-out|meanwhile"):
            refund(attempt, Decimal(2000), gateway=stripe, actor=SYSTEM, now=NOON)
    assert payments() == [("card", 22000), ("card", -2000)]


def test_a_bank_takes_back_and_gives_again(sakura: Facility, stripe: FakeStripe) -> None:
    invoice = by_card(sakura)
    charge_due(stripe, now=NOON)
    stripe.dispute(attempts()[0].payment_intent)
    deliver(*stripe.events)
    apply_events(stripe, now=NOON)
    assert fresh(invoice).state == State.FINALIZED
    stripe.dispute(attempts()[0].payment_intent, is_won=True)
    deliver(*stripe.events)
    apply_events(stripe, now=NOON)
    assert fresh(invoice).state == State.PAID
    assert payments() == [("card", 22000), ("card", -22000), ("card", 22000)]


def test_what_is_told_of_others_is_kept_with_a_problem(sakura: Facility, stripe: FakeStripe) -> None:
    invoice = by_card(sakura)
    facts = {"attempt": "999", "facility": str(sakura.pk)}
    stripe.take(key="k", amount=1, currency="JPY", customer="cus_9", payment_method="pm", metadata=facts)
    deliver(*stripe.events, ("evt_b", "payment_intent.succeeded", "pi_unknown"), ("evt_c", "customer.updated", "cus_1"))
    assert apply_events(stripe, now=NOON) == 3
    assert problems() == ["No attempt of the center's", "no such intent", ""]
    assert (payments(), fresh(invoice).state) == ([], State.FINALIZED)


def test_a_payment_of_another_amount_is_not_the_attempts(sakura: Facility, stripe: FakeStripe) -> None:
    by_card(sakura)
    stripe.faults = [LOST_BEFORE]
    charge_due(stripe, now=NOON)
    facts = {"attempt": str(attempts()[0].pk), "facility": str(sakura.pk)}
    stripe.take(key="k", amount=1, currency="JPY", customer="cus_1", payment_method="pm", metadata=facts)
    deliver(*stripe.events)
    apply_events(stripe, now=NOON)
    assert problems() == ["The PaymentIntent is not the attempt's"]
    assert payments() == []


STEPS = st.lists(st.sampled_from(["charge", "resolve", "deliver", "apply", "finish", "day"]), max_size=14)
FAULTS = st.lists(st.sampled_from([LOST_AFTER, LOST_BEFORE, ""]), min_size=1, max_size=10)


@given(STEPS, FAULTS, st.sampled_from(["pm_good", SLOW]), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_lost_doubled_or_out_of_order_there_is_one_payment(
    steps: list[str], faults: list[str], card: str, random: object
) -> None:
    empty_tables()
    with as_center():
        facility = Facility.objects.create(slug="sakura", name="Sakura Clinic", country="JP")
    invoice, stripe = by_card(facility, card), FakeStripe(faults=faults)
    for step in ["charge", *steps, "resolve", "charge", "finish", "deliver", "apply"]:
        take_step(step, stripe, random)
    stripe.faults = []
    for step in ("resolve", "week", "charge", "finish", "resolve", "deliver", "apply", "resolve", "charge"):
        take_step(step, stripe, random)
    assert payments() == [("card", 22000)]
    assert fresh(invoice).state == State.PAID
    assert len(stripe.intents) == 1


def take_step(step: str, stripe: FakeStripe, random: object) -> None:
    """Something that happens; time goes on by minutes with each."""
    stripe.now += MINUTE
    now: datetime = stripe.now
    match step:
        case "charge":
            charge_due(stripe, now=now)
        case "resolve":
            resolve_unanswered(stripe, now=now)
        case "finish":
            for each in list(stripe.intents):
                stripe.finish(each)
        case "deliver":
            events = stripe.events * 2
            random.shuffle(events)  # type: ignore[attr-defined]
            deliver(*events)
        case "apply":
            apply_events(stripe, now=now)
        case "day" | "week":
            stripe.now += timedelta(days=1 if step == "day" else 30)
