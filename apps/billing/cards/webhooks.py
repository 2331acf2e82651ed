"""What Stripe tells: its signature verified, stored, acknowledged; later its object is fetched again and applied."""

import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.billing.cards.gateway import Gateway
from apps.billing.cards.intents import apply_dispute, apply_intent, attempt_of
from apps.billing.errors import GatewayUnavailable, PaymentRefused, UnknownToGateway
from apps.billing.models import PaymentAttempt, WebhookEvent
from apps.core.clock import database_now
from apps.core.problems import problem
from apps.facilities.tenancy import as_center

TOLERANCE_S = 300
MOST_AT_ONCE = 500
log = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponseBase:
    """An event: 200 once it is stored; 400 with the reason where it is not Stripe's, 503 where none is expected."""
    if not settings.STRIPE_WEBHOOK_SECRET:
        return problem(503, code="cards_not_offered", detail="STRIPE_WEBHOOK_SECRET is not set")
    import stripe  # noqa: PLC0415 for who takes cards alone, and slow to import

    try:
        event = stripe.Webhook.construct_event(
            request.body, request.headers.get("Stripe-Signature"), settings.STRIPE_WEBHOOK_SECRET, TOLERANCE_S
        )
        told = event.to_dict()
        found = WebhookEvent(stripe_id=_text(told["id"]), kind=_text(told["type"]), object_id=_object_id(told))
    except stripe.SignatureVerificationError as error:
        return problem(400, code="not_signed", detail=str(error.user_message))
    except (ValueError, TypeError, LookupError, AttributeError):
        return problem(400, code="malformed", detail="This is no event of Stripe's")
    with as_center():
        found.received_at = database_now()
        WebhookEvent.objects.bulk_create([found], ignore_conflicts=True)
    return HttpResponse("stored\n", content_type="text/plain")


def apply_events(gateway: Gateway, *, now: datetime) -> int:
    """Apply what was told and is not applied yet; how many events. Outside of a transaction."""
    with as_center():
        waiting = list(WebhookEvent.objects.filter(applied_at=None).order_by("pk")[:MOST_AT_ONCE])
    return sum(apply_event(event, gateway, now=now) for event in waiting)


def apply_event(event: WebhookEvent, gateway: Gateway, *, now: datetime) -> bool:
    """Fetch the event's object again and apply what it is now: events come twice, late and in any order."""
    try:
        problem_found = _apply(event, gateway, now=now)
    except GatewayUnavailable as error:
        log.warning("Event %s waits: %s", event.stripe_id, error.message)
        return False
    except (UnknownToGateway, PaymentRefused) as error:
        problem_found = error.message
    with as_center():
        WebhookEvent.objects.filter(pk=event.pk).update(applied_at=now, problem=problem_found[:200])
    return True


def _apply(event: WebhookEvent, gateway: Gateway, *, now: datetime) -> str:
    """Why nothing was done, '' where something was or nothing is to be done."""
    if event.kind.startswith("charge.dispute."):
        dispute = gateway.fetch_dispute(event.object_id)
        with as_center():
            attempt = PaymentAttempt.objects.filter(payment_intent=dispute.intent).exclude(payment_intent="").first()
            if attempt is not None:
                apply_dispute(attempt, dispute, now=now)
        return "" if attempt else "No attempt of the center's"
    if not event.object_id.startswith("pi_"):
        return ""
    intent = gateway.fetch(event.object_id)
    with as_center():
        attempt = attempt_of(intent)
        if attempt is not None:
            apply_intent(attempt, intent, now=now)
    return "" if attempt else "No attempt of the center's"


def _object_id(event: dict[str, Any]) -> str:
    """What is to be fetched: the payment that a charge or a refund is of, or the object itself."""
    told = event["data"]["object"]
    is_dispute = event["type"].startswith("charge.dispute.")
    return _text(told["id"] if is_dispute else told.get("payment_intent") or told.get("id") or "-")


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 80 or not value.isprintable():
        raise ValueError("not a name of Stripe's")
    return value
