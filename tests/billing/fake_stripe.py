"""Stripe in memory: idempotency keys that last a day, answers that get lost, cards that are declined, events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from apps.billing.cards.gateway import Card, Dispute, HostedPage, Intent, Refund, Status
from apps.billing.errors import GatewayUnavailable, PaymentRefused, UnknownToGateway
from tests.billing.stories import NOON

LOST_BEFORE, LOST_AFTER = "lost before", "lost after"
DECLINED = "pm_declined"
NEEDS_ACTION = "pm_needs_action"
SLOW = "pm_slow"


@dataclass
class FakeStripe:
    """A gateway.Gateway. `faults` are what happens to the next requests, in order; `asked` is all that it was told."""

    now: datetime = NOON
    faults: list[str] = field(default_factory=list)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    intents: dict[str, Intent] = field(default_factory=dict)
    events: list[tuple[str, str, str]] = field(default_factory=list)
    cards: dict[str, Card | None] = field(default_factory=dict)
    disputes: dict[str, Dispute] = field(default_factory=dict)
    _answers: dict[str, tuple[datetime, Any, Any]] = field(default_factory=dict)
    _customers: dict[str, str] = field(default_factory=dict)
    _ids: Any = field(default_factory=count)

    def create_customer(self, *, key: str, metadata: Mapping[str, str]) -> str:
        return str(self._once("customer", key, dict(metadata), lambda: f"cus_{next(self._ids)}"))

    def set_up_card(self, *, customer: str, success_url: str, cancel_url: str) -> HostedPage:
        self._hear("session", [customer, success_url, cancel_url])
        session = f"cs_{next(self._ids)}"
        self.cards[session] = None
        return HostedPage(session, f"https://checkout.stripe.com/c/{session}")

    def enter_card(self, session: str, customer: str, payment_method: str = "pm_good") -> None:
        """What the holder does on the hosted page."""
        self.cards[session] = Card(customer, payment_method, "visa", "4242")

    def card_of(self, session: str) -> Card | None:
        self._hear("card_of", session)
        if session not in self.cards:
            raise UnknownToGateway("no such session")
        return self.cards[session]

    def take(
        self, *, key: str, amount: int, currency: str, customer: str, payment_method: str, metadata: Mapping[str, str]
    ) -> Intent:
        asked = {"amount": amount, "currency": currency, "customer": customer, "payment_method": payment_method,
                 "metadata": dict(metadata)}  # fmt: skip

        def make() -> Intent:
            status, failure = {
                DECLINED: (Status.DECLINED, "insufficient_funds"),
                NEEDS_ACTION: (Status.NEEDS_ACTION, "authentication_required"),
                SLOW: (Status.PROCESSING, ""),
            }.get(payment_method, (Status.SUCCEEDED, ""))
            made = Intent(f"pi_{next(self._ids)}", status, amount, currency, dict(metadata), failure)
            self.intents[made.id] = made
            self._customers[made.id] = customer
            self._tell("payment_intent.succeeded" if status == Status.SUCCEEDED else "payment_intent.changed", made.id)
            return made

        intent = self._once("take", key, asked, make)
        assert isinstance(intent, Intent)
        return intent

    def finish(self, intent: str) -> None:
        """A slow payment goes through."""
        self.intents[intent] = replace(self.intents[intent], status=Status.SUCCEEDED)
        self._tell("payment_intent.succeeded", intent)

    def fetch(self, intent: str) -> Intent:
        self._hear("fetch", intent)
        if intent not in self.intents:
            raise UnknownToGateway("no such intent")
        return self.intents[intent]

    def find(self, *, customer: str, since: datetime, attempt: str) -> Intent | None:
        self._hear("find", [customer, attempt])
        found = [each for each in self.intents.values() if self._customers[each.id] == customer]
        return next((each for each in found if each.metadata["attempt"] == attempt), None)

    def give_back(self, *, key: str, intent: str, amount: int) -> Refund:
        def make() -> Refund:
            before = self.intents[intent]
            if sum(each.amount for each in before.refunds if not each.has_failed) + amount > before.amount:
                raise PaymentRefused("more than was taken")
            made = Refund(f"re_{next(self._ids)}", amount)
            self.intents[intent] = replace(before, refunds=(*before.refunds, made))
            self._tell("charge.refunded", intent)
            return made

        refund = self._once("refund", key, {"intent": intent, "amount": amount}, make)
        assert isinstance(refund, Refund)
        return refund

    def fail_refunds(self, intent: str) -> None:
        """The bank sends back what was given back."""
        before = self.intents[intent]
        failed = tuple(replace(each, has_failed=True) for each in before.refunds)
        self.intents[intent] = replace(before, refunds=failed)
        self._tell("refund.failed", intent)

    def dispute(self, intent: str, *, is_won: bool = False) -> None:
        """The holder's bank takes the money back; or the center wins it again."""
        found = Dispute(f"du_{intent}", intent, self.intents[intent].amount, is_taken=True, is_won=is_won)
        self.disputes[found.id] = found
        self._tell("charge.dispute.closed" if is_won else "charge.dispute.funds_withdrawn", found.id)

    def fetch_dispute(self, dispute: str) -> Dispute:
        self._hear("dispute", dispute)
        return self.disputes[dispute]

    def _tell(self, kind: str, object_id: str) -> None:
        self.events.append((f"evt_{next(self._ids)}", kind, object_id))

    def _hear(self, what: str, asked: Any) -> str:
        self.asked.append((what, asked))
        fault = self.faults.pop(0) if self.faults else ""
        if fault == LOST_BEFORE:
            raise GatewayUnavailable("time-out")
        return fault

    def _once(self, what: str, key: str, asked: Any, act: Any) -> Any:
        fault = self._hear(what, [key, asked])
        answered = self._answers.get(key)
        if answered and self.now - answered[0] < timedelta(hours=24):
            assert answered[1] == asked, "Stripe refuses a key that comes with other facts"
            answer = answered[2]
        else:
            answer = act()
            self._answers[key] = (self.now, asked, answer)
        if fault == LOST_AFTER:
            raise GatewayUnavailable("time-out")
        return answer
