"""The tables that are queues: how much waits in each, and since when. Read as the center, in one transaction.

Besides, when that was last done which has to be done every day.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Model, Q, QuerySet
from django.db.models.functions import Now

from apps.audit.failures import open_failures
from apps.audit.models import Event
from apps.billing.models import AttemptState, Halt, Invoice, PaymentAttempt, WebhookEvent
from apps.collection.models import Collection, Upload
from apps.collection.models import State as CollectionState
from apps.dicomnet.models import Commitment
from apps.evidence.models import Report, ReportState
from apps.notifications.mailing import GIVEN_UP_AFTER, NO_LONGER_TOLD
from apps.notifications.models import Letter, Notification, Webhook, WebhookDelivery
from apps.orders.models import Delivery, Order, Output, PrintJob
from apps.orders.models import State as OrderState
from apps.retention.ending import stuck
from apps.retention.models import Disposition, State, Unassessed
from apps.retention.sweep import SWEPT
from apps.vault.models import Finding, Pack
from apps.vault.standing import not_read_in_time
from medvault.backup import BACKED_UP
from medvault.workplace import waiting as for_staff

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


def last_done() -> Iterator[tuple[str, datetime]]:
    """When the works of every day ended last; those that never did are left out."""
    for name, (object_type, action) in DAILY.items():
        events = Event.objects.filter(object_type=object_type, object_id="", action=action)
        if at := events.order_by("-pk").values_list("at", flat=True).first():
            yield name, at


def _orders_to_produce() -> QuerySet[Output]:
    return Output.objects.filter(made_at=None, order__state=OrderState.PRODUCING)


def _due() -> Q:
    """Due by now, or tried in vain before: what waits for its reader's hours is not late."""
    return Q(due_at__lte=Now()) | Q(due_at__isnull=False, attempts__gt=0)


def _undelivered_letters(now: datetime) -> QuerySet[Letter]:
    """Those that are tried again, and those that were given up within the last two days."""
    oldest = now - GIVEN_UP_AFTER - timedelta(days=2)
    given_up = Q(due_at=None, notification__told_at__range=(oldest, now - GIVEN_UP_AFTER))
    failing = Letter.objects.filter(Q(due_at__isnull=False) | given_up, sent_at=None, attempts__gt=0)
    return failing.exclude(problem__in=["", NO_LONGER_TOLD])


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
    "notifications": (lambda: Notification.objects.filter(fanned_out_at=None), "told_at"),
    "letters": (lambda: Letter.objects.filter(_due()), "notification__told_at"),
    "webhook_deliveries": (lambda: WebhookDelivery.objects.filter(_due()), "created_at"),
    "reports": (lambda: Report.objects.filter(state__in=[ReportState.REQUESTED, ReportState.MAKING]), "requested_at"),
    "invoice_mails": (lambda: Invoice.objects.filter(mailed_at=None).exclude(finalized_at=None), "finalized_at"),
    "webhook_events": (lambda: WebhookEvent.objects.filter(applied_at=None), "received_at"),
    "card_attempts": (lambda: PaymentAttempt.objects.filter(state=AttemptState.BEGUN), "begun_at"),
}
FAILING: dict[str, Callable[[datetime], QuerySet[Model]]] = {
    "packs_late_for_fixity": not_read_in_time,
    "tasks": lambda _now: open_failures(),
    "uploads": lambda _now: Upload.objects.filter(stopped_at__isnull=False),
    "letters": _undelivered_letters,
    "webhooks": lambda _now: Webhook.objects.filter(revoked_at=None).exclude(disabled_at=None, failing_since=None),
    "reports": lambda now: Report.objects.filter(state=ReportState.FAILED, requested_at__gt=now - timedelta(days=2)),
    "billing": lambda _now: Halt.objects.filter(resumed_at=None),
    "quarantine": for_staff.quarantined,
    "conflicts": lambda _now: for_staff.conflicts(),
    "findings": lambda _now: Finding.objects.filter(resolved_at=None),
    "dispositions": lambda _now: stuck(),
    "deliveries": lambda _now: Delivery.objects.filter(ended_at=None).exclude(problem=""),
    "print_jobs": lambda _now: PrintJob.objects.filter(printed_at=None).exclude(problem=""),
    "orders": lambda _now: Order.objects.filter(state=OrderState.ACCEPTED).exclude(problem=""),
    "late_orders": lambda now: Order.objects.filter(due_at__lt=now, state__in=UNDISPATCHED),
    "webhook_events": lambda _now: WebhookEvent.objects.exclude(problem=""),
}
DAILY = {"sweep": ("sweep", SWEPT), "backup": ("backup", BACKED_UP)}
"""By what the audit log has of them: the type of their object, and the action."""
