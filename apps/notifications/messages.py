"""What a webhook is sent: small JSON of ids, numbers, days and an address, never of a patient."""

import json
from datetime import datetime
from typing import Any

from django.conf import settings

from apps.facilities.models import Facility
from apps.notifications.models import Notification, Webhook, WebhookDelivery

TEST = "webhook.test"


def delivery_of(notification: Notification, facility: Facility, webhook: Webhook, *, now: datetime) -> WebhookDelivery:
    """A notification on its way to a webhook; not saved."""
    data = {
        "notification": notification.pk,
        "facility": facility.slug,
        "object": {"type": notification.object_type, "id": notification.object_id},
        "due_on": notification.due_on.isoformat() if notification.due_on else None,
        "url": settings.PUBLIC_URL + notification.path if notification.path else None,
        "facts": notification.facts,
    }
    body = _message(notification.kind, notification.told_at, data)
    return _delivery(webhook, notification.kind, body, now, notification_id=notification.pk)


def test_delivery(facility: Facility, webhook: Webhook, *, now: datetime) -> WebhookDelivery:
    """A message that tells of nothing, to see whether one arrives; not saved."""
    return _delivery(webhook, TEST, _message(TEST, now, {"facility": facility.slug}), now)


def _delivery(
    webhook: Webhook, kind: str, body: str, now: datetime, *, notification_id: int | None = None
) -> WebhookDelivery:
    return WebhookDelivery(
        facility_id=webhook.facility_id, webhook=webhook, kind=kind, body=body, created_at=now, due_at=now,
        notification_id=notification_id,
    )  # fmt: skip


def _message(kind: str, at: datetime, data: dict[str, Any]) -> str:
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, ensure_ascii=False)
