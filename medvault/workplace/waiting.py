"""What waits for staff, each as one bounded query: the queues show its rows, the menu its number."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from apps.audit.failures import open_failures
from apps.billing.models import BankTransaction, Invoice, WebhookEvent
from apps.billing.models.invoices import State as InvoiceState
from apps.catalog.models import Conflict, Hold
from apps.collection.models import CollectionRequest, ReceivedFile, Upload
from apps.collection.quarantine import undecided
from apps.facilities.models import DeviceToken
from apps.orders.models import Delivery, Message, Order, Printer, PrintJob
from apps.orders.models import State as OrderState
from apps.retention.ending import stuck, unknown
from apps.retention.ending import waiting as undecided_ends
from apps.retention.models import Correction, Disposition, Retention
from apps.vault.models import Finding, Pack

STUCK_AFTER = timedelta(minutes=10)
COPIED_WITHIN = timedelta(hours=1)
LOOKED_AT = 2_000
"""Of the latest messages and webhook events, how many are looked through: none has an index for what is sought."""
TOKENS_END_WITHIN = timedelta(days=14)
LATELY = timedelta(days=7)


def open_requests() -> QuerySet[CollectionRequest]:
    """Facilities' wishes for a collection, the one that is due first."""
    wishes = CollectionRequest.objects.filter(answered_at=None, withdrawn_at=None)
    return wishes.order_by(F("due_at").asc(nulls_last=True), "requested_at", "pk")


def quarantined(now: datetime) -> QuerySet[ReceivedFile]:
    """Files that could not be read and are to be decided on, the oldest first."""
    return undecided(as_of=now.date()).order_by("pk")


def conflicts() -> QuerySet[Conflict]:
    """Conflicts to decide, the oldest first."""
    return Conflict.objects.filter(resolved_at=None).order_by("pk")


def stuck_uploads(now: datetime) -> QuerySet[Upload]:
    """Sealed collections that came whole and were not opened by now, or are not opened any more."""
    came = Upload.objects.filter(completed_at__isnull=False, opened_at=None, refused_at=None)
    return came.filter(Q(completed_at__lt=now - STUCK_AFTER) | Q(stopped_at__isnull=False)).order_by("pk")


def orders() -> QuerySet[Order]:
    """Orders to work on, by due time."""
    return Order.objects.waiting().order_by("due_at", "pk")


def unanswered() -> QuerySet[Message]:
    """Messages of facilities that nobody of the center has written after, the oldest first."""
    latest = Message.objects.order_by("-pk").values("pk")[:LOOKED_AT]
    later = Message.objects.filter(facility=OuterRef("facility"), order=OuterRef("order"), pk__gt=OuterRef("pk"))
    return Message.objects.filter(~Exists(later), pk__in=latest, is_from_center=False).order_by("pk")


def troubled_printers() -> QuerySet[Printer]:
    """Printers in use that said something else than that all is well."""
    return Printer.objects.filter(is_enabled=True).exclude(status__in=["", "NORMAL"]).order_by("name")


def stopped_print_jobs() -> QuerySet[PrintJob]:
    """Print jobs that nobody goes on with until staff say how."""
    stopped = PrintJob.objects.filter(printed_at=None, next_at=None, order__state=OrderState.READY)
    return stopped.exclude(problem="").order_by("pk")


def stopped_deliveries() -> QuerySet[Delivery]:
    """Deliveries to nodes that nobody goes on with until staff say how."""
    stopped = Delivery.objects.filter(ended_at=None, next_at=None, order__state=OrderState.READY)
    return stopped.exclude(problem="").order_by("pk")


def stuck_dispositions() -> QuerySet[Disposition]:
    """Deletions that were decided and cannot be carried out."""
    return stuck().order_by("pk")


def late_decisions(now: datetime) -> QuerySet[Disposition]:
    """Ends that their facilities should have decided by now."""
    return undecided_ends().filter(decide_by__lt=now).order_by("decide_by", "pk")


def unknown_periods() -> QuerySet[Retention]:
    """Storage periods that never end, as something has not been told."""
    return unknown().order_by("pk")


def corrections() -> QuerySet[Correction]:
    """Corrections that another person is to decide."""
    return Correction.objects.filter(decided_at=None).order_by("pk")


def holds_to_release() -> QuerySet[Hold]:
    """Holds whose release was asked for and waits for another person."""
    return Hold.objects.filter(released_at=None, release_asked_at__isnull=False).order_by("pk")


def invoices(state: InvoiceState) -> QuerySet[Invoice]:
    """Invoices in a state, the longest due first."""
    return Invoice.objects.filter(state=state).order_by("due_on", "pk")


def unassigned_transfers() -> QuerySet[BankTransaction]:
    """Money that came and is not known what for."""
    return BankTransaction.objects.filter(settled_at=None).order_by("booked_on", "pk")


def disputes() -> QuerySet[WebhookEvent]:
    """What Stripe told of disputes of late, and what it told that could not be applied, the latest first."""
    latest = WebhookEvent.objects.order_by("-pk").values("pk")[:LOOKED_AT]
    wanted = Q(kind__startswith="charge.dispute.") | ~Q(problem="") & Q(applied_at=None)
    return WebhookEvent.objects.filter(wanted, pk__in=latest).order_by("-pk")


def failures() -> QuerySet[Any]:
    """Background work that failed, the latest first."""
    return open_failures()


def findings() -> QuerySet[Finding]:
    """Damage that is not repaired, the oldest first."""
    return Finding.objects.filter(resolved_at=None).order_by("pk")


def uncopied(now: datetime) -> QuerySet[Pack]:
    """Packs that should have their second copy by now, the oldest first."""
    return Pack.objects.filter(replicated_at=None, created_at__lt=now - COPIED_WITHIN).order_by("pk")


def ending_tokens(now: datetime) -> QuerySet[DeviceToken]:
    """Tokens that end soon, or were revoked of late."""
    soon = Q(revoked_at=None, expires_at__range=(now - LATELY, now + TOKENS_END_WITHIN))
    revoked = Q(revoked_at__gte=now - LATELY)
    return DeviceToken.objects.filter(soon | revoked).order_by(F("expires_at").asc(nulls_last=True), "pk")
