"""The gateway through Stripe's SDK. What leaves here are ids, amounts and currencies alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Any

import stripe
from django.utils.translation import gettext

from apps.billing.cards.gateway import Card, Dispute, HostedPage, Intent, Refund, Status
from apps.billing.errors import GatewayUnavailable, PaymentRefused, UnknownToGateway

TIMEOUT_S = 20
RETRIES = 2
MOST_SEARCHED = 200
_STATUSES = {
    "succeeded": Status.SUCCEEDED,
    "processing": Status.PROCESSING,
    "requires_action": Status.NEEDS_ACTION,
}
_AUTHENTICATION = frozenset({"authentication_required", "payment_intent_authentication_failure"})
_TAKEN = frozenset({"needs_response", "under_review", "lost"})
stripe.enable_telemetry = False


class StripeGateway:
    """Cards at Stripe. See gateway.Gateway."""

    def __init__(self, api_key: str, api_base: str) -> None:
        self._api_key, self._api_base = api_key, api_base

    @cached_property
    def _client(self) -> Any:
        return stripe.StripeClient(
            self._api_key,
            base_addresses={"api": self._api_base},
            max_network_retries=RETRIES,
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
        ).v1

    def create_customer(self, *, key: str, metadata: Mapping[str, str]) -> str:
        """See gateway.Gateway."""
        with _told():
            customer = self._client.customers.create({"metadata": dict(metadata)}, {"idempotency_key": key})
        return str(customer.id)

    def set_up_card(self, *, customer: str, success_url: str, cancel_url: str) -> HostedPage:
        """See gateway.Gateway; a Checkout session in setup mode."""
        asked = {
            "mode": "setup", "customer": customer, "payment_method_types": ["card"],
            "success_url": f"{success_url}?session={{CHECKOUT_SESSION_ID}}", "cancel_url": cancel_url,
        }  # fmt: skip
        with _told():
            session = self._client.checkout.sessions.create(asked)
        return HostedPage(session.id, session.url)

    def card_of(self, session: str) -> Card | None:
        """See gateway.Gateway."""
        with _told():
            found = self._client.checkout.sessions.retrieve(session, {"expand": ["setup_intent.payment_method"]})
        if found.mode != "setup" or found.status != "complete" or found.setup_intent.status != "succeeded":
            return None
        method = found.setup_intent.payment_method
        return Card(found.customer, method.id, method.card.brand, method.card.last4)

    def take(
        self, *, key: str, amount: int, currency: str, customer: str, payment_method: str, metadata: Mapping[str, str]
    ) -> Intent:
        """See gateway.Gateway."""
        asked = {
            "amount": amount, "currency": currency.lower(), "customer": customer, "payment_method": payment_method,
            "payment_method_types": ["card"], "confirm": True, "off_session": True, "metadata": dict(metadata),
        }  # fmt: skip
        try:
            with _told():
                return _intent(self._client.payment_intents.create(asked, {"idempotency_key": key}))
        except stripe.CardError as error:
            return _declined(error, amount=amount, currency=currency, metadata=metadata)

    def fetch(self, intent: str) -> Intent:
        """See gateway.Gateway."""
        with _told():
            found = self._client.payment_intents.retrieve(intent)
            if found.status != "succeeded":
                return _intent(found)
            refunds = self._client.refunds.list({"payment_intent": intent, "limit": 100}).data
        return _intent(found, tuple(map(_refund, refunds)))

    def find(self, *, customer: str, since: datetime, attempt: str) -> Intent | None:
        """See gateway.Gateway. Lists are consistent, which Stripe's search is not."""
        asked = {"customer": customer, "created": {"gte": int(since.timestamp())}, "limit": 100}
        with _told():
            listed = self._client.payment_intents.list(asked)
            for seen, found in enumerate(listed.auto_paging_iter()):
                if found.metadata.to_dict().get("attempt") == attempt:
                    return _intent(found)
                if seen >= MOST_SEARCHED:
                    raise GatewayUnavailable("Stripe has too many PaymentIntents of this customer to look through")
        return None

    def give_back(self, *, key: str, intent: str, amount: int) -> Refund:
        """See gateway.Gateway."""
        with _told():
            return _refund(
                self._client.refunds.create({"payment_intent": intent, "amount": amount}, {"idempotency_key": key})
            )

    def fetch_dispute(self, dispute: str) -> Dispute:
        """See gateway.Gateway."""
        with _told():
            found = self._client.disputes.retrieve(dispute)
        is_won = found.status == "won"
        return Dispute(found.id, found.payment_intent or "", found.amount, is_won or found.status in _TAKEN, is_won)


@contextmanager
def _told() -> Iterator[None]:
    """Stripe's errors as ours. Its messages may repeat what was sent, and go nowhere."""
    try:
        yield
    except stripe.CardError:
        raise
    except stripe.InvalidRequestError as error:
        if error.http_status == 404 or error.code == "resource_missing":
            raise UnknownToGateway("Stripe knows no such object in this account") from None
        raise PaymentRefused(gettext("Stripe refuses this: %s") % (error.code or "invalid request")) from None
    except (stripe.AuthenticationError, stripe.PermissionError):
        raise GatewayUnavailable("Stripe refuses the center's key (STRIPE_API_KEY)") from None
    except stripe.StripeError as error:
        raise GatewayUnavailable(f"Stripe does not answer clearly ({type(error).__name__})") from None


def _intent(found: Any, refunds: tuple[Refund, ...] = ()) -> Intent:
    error = found.last_payment_error
    failure = _why(error.to_dict()) if error else ""
    status = _STATUSES.get(found.status, Status.DECLINED)
    if failure in _AUTHENTICATION and status == Status.DECLINED:
        status = Status.NEEDS_ACTION
    metadata = found.metadata.to_dict() if found.metadata else {}
    return Intent(found.id, status, found.amount, found.currency.upper(), metadata, failure, refunds)


def _declined(error: stripe.CardError, *, amount: int, currency: str, metadata: Mapping[str, str]) -> Intent:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    told: dict[str, Any] = body.get("error", {})
    failure = _why(told)
    status = Status.NEEDS_ACTION if failure in _AUTHENTICATION else Status.DECLINED
    return Intent((told.get("payment_intent") or {}).get("id", ""), status, amount, currency, metadata, failure)


def _why(error: Mapping[str, Any]) -> str:
    return str(error.get("decline_code") or error.get("code") or "declined")


def _refund(found: Any) -> Refund:
    return Refund(found.id, found.amount, found.status in {"failed", "canceled"})
