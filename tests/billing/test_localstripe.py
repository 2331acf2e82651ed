"""Through Stripe's SDK to localstripe: a card is charged, the signed event comes back, the invoice is paid."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from apps.audit.record import SYSTEM
from apps.billing.cards.charging import charge_due, pay_now, resolve_unanswered
from apps.billing.cards.offered import gateway
from apps.billing.cards.refunds import refund
from apps.billing.cards.webhooks import apply_events
from apps.billing.errors import GatewayUnavailable, UnknownToGateway
from apps.billing.models import Invoice, PaymentAttempt, PaymentMethod, State, WebhookEvent
from apps.billing.tasks import apply_webhooks, charge_cards
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.billing.stories import NOON, account_of, fresh, invoice_of, payments
from tests.ports import free_port
from tests.waiting import until, until_answered

KEY = "sk_test_of_tests"


@pytest.fixture(scope="module")
def localstripe() -> Iterator[str]:
    """Stripe's double, in a process of its own."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "localstripe", "--port", str(port), "--from-scratch"], stderr=subprocess.DEVNULL
    )
    url = f"http://localhost:{port}"
    until_answered(process, lambda: httpx.get(url), httpx.TransportError)
    yield url
    process.terminate()
    process.wait(10)


@pytest.fixture
def cards(localstripe: str, settings: Any) -> str:
    """The center takes cards, at localstripe."""
    settings.STRIPE_API_KEY, settings.STRIPE_API_BASE = KEY, localstripe
    return localstripe


def ask(url: str, path: str, **data: str) -> Any:
    """What the holder's browser does at Stripe."""
    answer = httpx.post(f"{url}/v1/{path}", data=data, auth=(KEY, ""))
    assert answer.status_code == 200, answer.text
    return answer.json()


def by_card(url: str, facility: Facility, number: str = "4242424242424242") -> Invoice:
    """An open invoice of a facility whose card is at Stripe."""
    customer = gateway().create_customer(key="k", metadata={"facility": str(facility.pk)})
    card = {"card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2035", "card[cvc]": "123"}
    method = ask(url, "payment_methods", type="card", **card)["id"]
    ask(url, f"payment_methods/{method}/attach", customer=customer)
    account_of(
        facility, payment_method=PaymentMethod.CARD, stripe_customer=customer, stripe_payment_method=method
    )  # fmt: skip
    return invoice_of(facility)


def attempt() -> PaymentAttempt:
    with as_center():
        return PaymentAttempt.objects.latest("pk")


def test_an_event_over_http_pays_the_invoice_whose_answer_was_lost(cards: str, address: str, sakura: Facility) -> None:
    invoice = by_card(cards, sakura)
    webhook = {"url": f"{address}/webhooks/stripe/", "secret": "whsec_of_tests"}
    httpx.post(f"{cards}/_config/webhooks/medvault", json=webhook | {"events": ["payment_intent.succeeded"]})
    charge_cards()
    with as_center():  # as if this process had died before it heard the answer
        PaymentAttempt.objects.update(state="begun", payment_intent="")
    _forget_payments()
    assert fresh(invoice).state == State.FINALIZED
    until(_events)
    apply_webhooks()
    assert (fresh(invoice).state, payments()) == (State.PAID, [("card", 22000)])
    assert [each.problem for each in _events()] == [""]
    kept = httpx.get(f"{cards}/v1/payment_intents/{attempt().payment_intent}", auth=(KEY, "")).json()
    assert (kept["amount"], kept["currency"], kept["metadata"]["number"]) == (22000, "jpy", invoice.number)
    assert "Sakura" not in str(kept)


def test_refunds_come_back_from_what_stripe_says(cards: str, committed_db: None, sakura: Facility) -> None:
    by_card(cards, sakura)
    charge_due(gateway(), now=NOON)
    refund(attempt(), Decimal(2000), gateway=gateway(), actor=SYSTEM, now=NOON)
    with as_center():
        WebhookEvent.objects.create(
            stripe_id="evt_r", kind="charge.refunded", object_id=attempt().payment_intent, received_at=NOON
        )
    apply_events(gateway(), now=NOON)
    assert payments() == [("card", 22000), ("card", -2000)]


@pytest.mark.parametrize(
    ("number", "state", "failure"),
    [("4000000000000341", "declined", "card_declined"), ("4000002500003155", "needs_action", "")],
)
def test_cards_that_are_not_charged(
    cards: str, committed_db: None, sakura: Facility, number: str, state: str, failure: str
) -> None:
    invoice = by_card(cards, sakura, number)
    found = pay_now(invoice, gateway=gateway(), actor=SYSTEM, now=NOON)
    assert (found.state, found.failure) == (state, failure)
    assert payments() == []


def test_a_stripe_that_is_away_takes_nothing_and_is_asked_again(
    cards: str, committed_db: None, sakura: Facility, settings: Any
) -> None:
    invoice = by_card(cards, sakura)
    settings.STRIPE_API_BASE = f"http://127.0.0.1:{free_port()}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apps.billing.cards.stripe_gateway.RETRIES", 0)
        charge_due(gateway(), now=NOON)
        with pytest.raises(GatewayUnavailable):
            gateway().fetch("pi_1")
    assert (attempt().state, fresh(invoice).state) == ("begun", State.FINALIZED)
    settings.STRIPE_API_BASE = cards
    resolve_unanswered(gateway(), now=NOON.replace(hour=13))
    assert (payments(), fresh(invoice).state) == ([("card", 22000)], State.PAID)


def test_wrong_keys_and_unknown_objects_are_told_apart(cards: str, settings: Any) -> None:
    with pytest.raises(UnknownToGateway):
        gateway().fetch("pi_unknown")
    settings.STRIPE_API_KEY = "pk_wrong"
    with pytest.raises(GatewayUnavailable, match="STRIPE_API_KEY"):
        gateway().fetch("pi_unknown")


def _events() -> list[WebhookEvent]:
    with as_center():
        return list(WebhookEvent.objects.order_by("pk"))


def _forget_payments() -> None:
    from tests.conftest import superuser_connection

    with superuser_connection() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM billing_payment")
        connection.execute("UPDATE billing_invoice SET state = 'finalized', settled_at = NULL")
