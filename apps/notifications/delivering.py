"""Messages to webhooks, sent by any number of workers: signed, tried again for days, and then given up.

A worker claims a delivery by putting off its next try, posts outside of any transaction, and notes the answer. Killed
in between, the same message with the same id goes again at that next try: receivers drop what they have had.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from apps.audit.record import SYSTEM, record
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.models import Webhook, WebhookDelivery
from apps.notifications.posting import Answer, post
from apps.notifications.signing import signed_headers
from apps.notifications.telling import tell
from apps.notifications.webhooks import secrets_of

RETRIES = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 5 * 60, 10 * 60, 14 * 60, 20 * 60, 24 * 60)
)
"""After each try the next; after the last one it is given up."""
DISABLED_AFTER = timedelta(days=3)
GONE = 410
AT_A_TIME, OF_FAILING = 10, 1
AT_ONCE = 16
log = logging.getLogger(__name__)


def deliver_due(*, now: datetime) -> int:
    """Send what is due, of every webhook some and of one that is failing one; returns how many were taken."""
    with as_center():
        due = WebhookDelivery.objects.filter(due_at__lte=now)
        webhooks = list(due.order_by("webhook").values_list("webhook", flat=True).distinct())
    claimed = [delivery for key in webhooks for delivery in _claim(key, now)]
    if not claimed:
        return 0
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda delivery: _post(delivery, now), claimed))
    for delivery, answer in zip(claimed, answers, strict=True):
        _note(delivery, answer, now)
    return sum(answer.is_taken for answer in answers)


def _claim(webhook_key: int, now: datetime) -> list[WebhookDelivery]:
    with as_center():
        webhook = Webhook.objects.get(pk=webhook_key)
        due = WebhookDelivery.objects.filter(facility_id=webhook.facility_id, webhook=webhook, due_at__lte=now)
        if not webhook.is_listening:
            due.update(due_at=None)
            return []
        most = OF_FAILING if webhook.failing_since else AT_A_TIME
        claimed = list(due.select_for_update(skip_locked=True).order_by("due_at", "pk")[:most])
        for delivery in claimed:
            delivery.webhook = webhook
            wait = RETRIES[delivery.attempts] if delivery.attempts < len(RETRIES) else None
            delivery.attempts += 1
            delivery.due_at, delivery.tried_at = now + wait if wait else None, now
        WebhookDelivery.objects.bulk_update(claimed, ["attempts", "due_at", "tried_at"])
    return claimed


def _post(delivery: WebhookDelivery, now: datetime) -> Answer:
    """In a thread, which touches no database."""
    body = delivery.body.encode()
    return post(
        delivery.webhook.url, body, signed_headers(str(delivery), now, body, secrets_of(delivery.webhook, now=now))
    )


def _note(delivery: WebhookDelivery, answer: Answer, now: datetime) -> None:
    noted: dict[str, Any] = {"status": answer.status, "problem": answer.problem[:100], "taken_ms": answer.took_ms}
    if answer.is_taken:
        noted |= {"delivered_at": now, "due_at": None}
    with as_center():
        rows = WebhookDelivery.objects.filter(facility_id=delivery.facility_id, pk=delivery.pk)
        rows.update(**noted)
        webhook = Webhook.objects.select_for_update().get(facility_id=delivery.facility_id, pk=delivery.webhook_id)
        if answer.is_taken and webhook.failing_since:
            webhook.failing_since = None
            webhook.save(update_fields=["failing_since"])
        elif not answer.is_taken:
            _note_failure(webhook, answer, now)


def _note_failure(webhook: Webhook, answer: Answer, now: datetime) -> None:
    webhook.failing_since = webhook.failing_since or now
    is_over = answer.status == GONE or now - webhook.failing_since >= DISABLED_AFTER
    if is_over and webhook.is_listening:
        webhook.disabled_at = now
        record("webhook.switched_off", actor=SYSTEM, object_type="webhook", object_id=webhook.pk,
               facility_id=webhook.facility_id)  # fmt: skip
        path = reverse("portal:webhook", kwargs={"facility_slug": webhook.facility.slug, "webhook_id": webhook.pk})
        tell(
            Kind.WEBHOOK_DISABLED, facility=webhook.facility_id, about=("webhook", webhook.pk), path=path,
            occasion=now.isoformat(timespec="seconds"), facts={"days": (now - webhook.failing_since).days},
        )  # fmt: skip
    webhook.save(update_fields=["failing_since", "disabled_at"])
