"""From the outbox to readers: entries in inboxes, letters, deliveries to webhooks; by any number of workers."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apps.facilities.models import Facility
from apps.facilities.reading import time_zone_of
from apps.facilities.tenancy import as_center
from apps.notifications.hours import letter_due_at
from apps.notifications.kinds import TELLING, Kind
from apps.notifications.messages import delivery_of
from apps.notifications.models import Entry, Letter, Notification, Webhook, WebhookDelivery
from apps.notifications.readers import Reader, readers_of

AT_ONCE = 100
KEPT = timedelta(days=400)


def fan_out(*, now: datetime) -> int:
    """Hand on everything that waits; returns how many notifications."""
    done = 0
    while handed_on := _some(now):
        done += handed_on
    return done


def forget_old(*, now: datetime) -> None:
    """Drop what nobody looks for any more; acts themselves stay in the audit trail."""
    with as_center():
        WebhookDelivery.objects.filter(created_at__lt=now - KEPT).delete()
        Notification.objects.filter(told_at__lt=now - KEPT).delete()


def _some(now: datetime) -> int:
    with as_center():
        waiting = Notification.objects.select_for_update(skip_locked=True).filter(fanned_out_at=None)
        claimed = list(waiting.order_by("pk")[:AT_ONCE])
        facilities = Facility.objects.in_bulk({each.facility_id for each in claimed if each.facility_id})
        for notification in claimed:
            _hand_on(notification, facilities.get(notification.facility_id or 0), now)
        Notification.objects.filter(pk__in=[each.pk for each in claimed]).update(fanned_out_at=now)
    return len(claimed)


def _hand_on(notification: Notification, facility: Facility | None, now: datetime) -> None:
    kind = Kind(notification.kind)
    readers, portal = readers_of(notification), None if kind.is_for_staff else facility
    entries = [Entry(notification=notification, user=each.user) for each in readers if each.in_inbox]
    letters = [
        Letter(notification=notification, user=each.user, due_at=_letter_due_at(each, kind, portal, now))
        for each in readers
        if each.by_email
    ]
    for delivered in (*entries, *letters):
        delivered.facility_id = portal.pk if portal else None
    Entry.objects.bulk_create(entries, ignore_conflicts=True)
    Letter.objects.bulk_create(letters, ignore_conflicts=True)
    if portal:
        listening = Webhook.objects.filter(
            facility=portal, revoked_at=None, disabled_at=None, kinds__contains=[kind.value]
        )
        deliveries = [delivery_of(notification, portal, webhook, now=now) for webhook in listening]
        WebhookDelivery.objects.bulk_create(deliveries, ignore_conflicts=True)


def _letter_due_at(reader: Reader, kind: Kind, facility: Facility | None, now: datetime) -> datetime:
    local = now.astimezone(ZoneInfo(time_zone_of(reader.user, facility) or "UTC"))
    return letter_due_at(local, reader.hours, is_urgent=TELLING[kind].is_urgent)
