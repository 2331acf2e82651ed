"""The address that Stripe calls: what is signed, fresh and whole is stored once; everything else is refused clearly."""

import json
import time
from typing import Any

import pytest
import stripe
from django.conf import settings
from django.test import Client

from apps.billing.models import WebhookEvent
from apps.facilities.tenancy import as_center

pytestmark = pytest.mark.django_db
EVENT = {
    "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "api_version": "2026-01-01", "created": 1,
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}  # fmt: skip


def post(body: str, *, secret: str = "whsec_of_tests", age_s: int = 0, sent: str | bytes = "") -> Any:
    """Post `body`, signed so long ago; or in its place `sent`, under the signature of `body`."""
    stamp = int(time.time()) - age_s
    signed = stripe.WebhookSignature.generate_signature_header(body, secret, stamp)
    headers = {"Stripe-Signature": signed}
    return Client(enforce_csrf_checks=True).post(
        "/webhooks/stripe/", sent or body, content_type="application/json", headers=headers
    )


def stored() -> list[tuple[str, str, str]]:
    with as_center():
        return list(WebhookEvent.objects.order_by("pk").values_list("stripe_id", "kind", "object_id"))


def test_an_event_is_stored_once() -> None:
    for _ in range(3):
        assert post(json.dumps(EVENT), age_s=290).status_code == 200
    assert stored() == [("evt_1", "payment_intent.succeeded", "pi_1")]


@pytest.mark.parametrize(
    ("kind", "told", "object_id"),
    [
        ("charge.refunded", {"id": "ch_1", "payment_intent": "pi_2"}, "pi_2"),
        ("refund.failed", {"id": "re_1", "payment_intent": "pi_2"}, "pi_2"),
        ("charge.dispute.created", {"id": "du_1", "payment_intent": "pi_2"}, "du_1"),
        ("balance.available", {}, "-"),
    ],
)
def test_what_is_to_be_fetched_is_the_payment_or_the_dispute(kind: str, told: Any, object_id: str) -> None:
    assert post(json.dumps(EVENT | {"type": kind, "data": {"object": told}})).status_code == 200
    assert stored() == [("evt_1", kind, object_id)]


def test_what_is_not_stripes_is_refused() -> None:
    body = json.dumps(EVENT)
    unsigned = Client().post("/webhooks/stripe/", body, content_type="application/json")
    answers = {
        "No Stripe-Signature": unsigned,
        "No signatures found matching": post(body, secret="whsec_of_others"),
        "expected signature": post(body, sent=body.replace("pi_1", "pi_2")),
        "outside the tolerance": post(body, age_s=301),
    }
    for reason, answer in answers.items():
        assert answer.status_code == 400
        assert answer["Content-Type"] == "application/problem+json"
        assert reason in answer.json()["detail"]
        assert "pi_" not in answer.content.decode()
    assert stored() == []


@pytest.mark.parametrize(
    "body", ["", "no json", "[]", "{}", '"x"', json.dumps(EVENT | {"id": "e" * 81}), json.dumps(EVENT | {"data": 1}),
             json.dumps(EVENT | {"id": None}), json.dumps(EVENT | {"type": "a\nb"})]
)  # fmt: skip
def test_what_is_signed_but_no_event_is_refused(body: str) -> None:
    assert post(body).status_code == 400
    assert post("x", sent=b"\xff\xfe").status_code == 400
    assert stored() == []


def test_only_posts_are_taken_and_only_with_a_secret() -> None:
    assert Client().get("/webhooks/stripe/").status_code == 405
    assert settings.STRIPE_WEBHOOK_SECRET


def test_without_a_secret_nothing_is_taken(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    answer = post(json.dumps(EVENT))
    assert (answer.status_code, stored()) == (503, [])
