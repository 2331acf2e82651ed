"""The tables that are queues: how much waits in each, and since when. Read as the center, in one transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Model, QuerySet

from apps.audit.failures import open_failures
from apps.billing.models import AttemptState, Invoice, PaymentAttempt, WebhookEvent
from apps.collection.models import Collection, Upload
from apps.collection.models import State as CollectionState
from apps.dicomnet.models import Commitment
from apps.orders.models import Delivery, Order, Output, PrintJob
from apps.orders.models import State as OrderState
from apps.retention.ending import stuck
from apps.retention.models import Disposition, State, Unassessed
from apps.vault.models import Finding, Pack
from apps.vault.standing import not_read_in_time

UNDISPATCHED = [OrderState.REQUESTED, OrderState.ACCEPTED, OrderState.PRODUCING, OrderState.READY]


@dataclass(frozen=True, slots=True)
class Waiting:
    """`oldest_at` is None where nothing waits, or where the queue does not say since when."""

    queue: str
    count: int
    oldest_at: datetime | None


def waiting() -> Iterator[Waiting]:
    """Every queue that programs work off. Empty ones are told too: an alarm needs their nought."""
    for name, (rows, since) in QUEUES.items():
        found = rows().aggregate(count=Count("pk"), **({"oldest": Min(since)} if since else {}))
        yield Waiting(name, found["count"], found.get("oldest"))


def failing(now: datetime) -> Iterator[tuple[str, int]]:
    """What was tried and does not succeed, or is late: for staff."""
    for name, rows in FAILING.items():
        yield name, rows(now).count()


def _uploads_to_open() -> QuerySet[Upload]:
    return Upload.objects.filter(completed_at__isnull=False, opened_at=None, refused_at=None)


def _orders_to_produce() -> QuerySet[Output]:
    return Output.objects.filter(made_at=None, order__state=OrderState.PRODUCING)


QUEUES: dict[str, tuple[Callable[[], QuerySet[Model]], str]] = {
    "uploads": (
        lambda: Upload.objects.filter(completed_at__isnull=False, opened_at=None, refused_at=None),
        "completed_at",
    ),
    "second_copies": (lambda: Pack.objects.filter(replicated_at=None), "created_at"),
    "open_collections": (lambda: Collection.objects.filter(state=CollectionState.OPEN), "opened_at"),
    "assessments": (Unassessed.objects.all, ""),
    "dispositions": (lambda: Disposition.objects.filter(state__in=[State.APPROVED, State.DELETING]), "approved_at"),
    "notices": (lambda: Disposition.objects.filter(state=State.NOTIFIED, told_at=None), "notified_at"),
    "orders": (lambda: Order.objects.filter(state__in=[OrderState.REQUESTED, OrderState.ACCEPTED]), "requested_at"),
    "production": (_orders_to_produce, "started_at"),
    "deliveries": (lambda: Delivery.objects.filter(next_at__isnull=False), "wanted_at"),
    "print_jobs": (lambda: PrintJob.objects.filter(next_at__isnull=False), "requested_at"),
    "commitments": (lambda: Commitment.objects.filter(next_at__isnull=False), "requested_at"),
    "invoice_mails": (lambda: Invoice.objects.filter(mailed_at=None).exclude(finalized_at=None), "finalized_at"),
    "webhook_events": (lambda: WebhookEvent.objects.filter(applied_at=None), "received_at"),
    "card_attempts": (lambda: PaymentAttempt.objects.filter(state=AttemptState.BEGUN), "begun_at"),
}
FAILING: dict[str, Callable[[datetime], QuerySet[Model]]] = {
    "packs_late_for_fixity": not_read_in_time,
    "tasks": lambda _now: open_failures(),
    "findings": lambda _now: Finding.objects.filter(resolved_at=None),
    "dispositions": lambda _now: stuck(),
    "deliveries": lambda _now: Delivery.objects.filter(ended_at=None).exclude(problem=""),
    "print_jobs": lambda _now: PrintJob.objects.filter(printed_at=None).exclude(problem=""),
    "orders": lambda _now: Order.objects.filter(state=OrderState.ACCEPTED).exclude(problem=""),
    "late_orders": lambda now: Order.objects.filter(due_at__lt=now, state__in=UNDISPATCHED),
    "webhook_events": lambda _now: WebhookEvent.objects.exclude(problem=""),
}
