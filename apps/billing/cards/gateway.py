"""What the center asks of Stripe, and no more. Amounts are counted in the currency's smallest unit (core.money).

`key` is an idempotency key: asked again with the same key and facts, the gateway acts once and answers the same (Stripe
API reference, Idempotent requests: for 24 hours at least). Every function raises GatewayUnavailable where it is
not known whether Stripe acted, UnknownToGateway where there is no such object, PaymentRefused where Stripe refuses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Status(StrEnum):
    """How far a PaymentIntent is."""

    SUCCEEDED = "succeeded"
    PROCESSING = "processing"
    DECLINED = "declined"
    NEEDS_ACTION = "needs_action"


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that went back, or did not after all."""

    id: str
    amount: int
    has_failed: bool = False


@dataclass(frozen=True, slots=True)
class Intent:
    """A PaymentIntent. `id` is empty where Stripe declined without saying it."""

    id: str
    status: Status
    amount: int
    currency: str
    metadata: Mapping[str, str]
    failure: str = ""
    refunds: tuple[Refund, ...] = ()


@dataclass(frozen=True, slots=True)
class Dispute:
    """A chargeback: the bank took the money back, and gave it again if the center has won."""

    id: str
    intent: str
    amount: int
    is_taken: bool
    is_won: bool


@dataclass(frozen=True, slots=True)
class HostedPage:
    """A page of Stripe's, for one visit."""

    session: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be charged while its holder is away. Of its number only the last four digits are told."""

    customer: str
    payment_method: str
    brand: str
    last4: str


class Gateway(Protocol):
    """Stripe, or what stands for it in tests."""

    def create_customer(self, *, key: str, metadata: Mapping[str, str]) -> str:
        """A customer's id."""

    def set_up_card(self, *, customer: str, success_url: str, cancel_url: str) -> HostedPage:
        """A page on which a card is entered; it leads to `success_url?session=ID`."""

    def card_of(self, session: str) -> Card | None:
        """What was entered, or None while nothing was."""

    def take(
        self, *, key: str, amount: int, currency: str, customer: str, payment_method: str, metadata: Mapping[str, str]
    ) -> Intent:
        """Take money from a card while its holder is away."""

    def fetch(self, intent: str) -> Intent:
        """The PaymentIntent as it is now, with what went back of it."""

    def find(self, *, customer: str, since: datetime, attempt: str) -> Intent | None:
        """The PaymentIntent that was made for an attempt, if Stripe has one."""

    def give_back(self, *, key: str, intent: str, amount: int) -> Refund:
        """Give back some or all of what was taken."""

    def fetch_dispute(self, dispute: str) -> Dispute:
        """The dispute as it is now."""
