"""A facility's webhooks: added, tried, given another secret, switched on again, revoked. Owners decide, on record."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from apps.audit.record import Actor, record
from apps.core.sealing import seal_text, unseal_text
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.notifications.announcing import DELIVER, announce_on_commit
from apps.notifications.errors import TooManyWebhooks, UnusableAddress, WebhookEnded
from apps.notifications.kinds import Kind
from apps.notifications.messages import test_delivery
from apps.notifications.models import Webhook, WebhookDelivery
from apps.notifications.posting import is_acceptable
from apps.notifications.signing import new_secret

MOST = 20
CHANGE_OVER = timedelta(days=1)
MISSED = timedelta(days=30)


def add_webhook(
    facility: Facility, *, url: str, label: str, kinds: Iterable[Kind], actor: Actor, now: datetime
) -> tuple[Webhook, str]:
    """A new webhook and its secret, which is shown once. Raises UnusableAddress, TooManyWebhooks."""
    if not is_acceptable(url):
        raise UnusableAddress
    secret = new_secret()
    with as_facility(facility):
        if Webhook.objects.filter(facility=facility, revoked_at=None).count() >= MOST:
            raise TooManyWebhooks
        webhook = Webhook.objects.create(
            facility=facility, url=url, label=label, kinds=sorted(Kind(kind).value for kind in kinds),
            sealed_secret=seal_text(secret), created_at=now,
        )  # fmt: skip
        _record("added", webhook, actor)
    return webhook, secret


def renew_secret(webhook: Webhook, *, actor: Actor, now: datetime) -> str:
    """Another secret, shown once. The one before signs too for a day. Raises WebhookEnded."""
    secret = new_secret()
    with as_facility(webhook.facility_id):
        current = _held(webhook)
        current.sealed_previous, current.previous_until = current.sealed_secret, now + CHANGE_OVER
        current.sealed_secret = seal_text(secret)
        current.save(update_fields=["sealed_secret", "sealed_previous", "previous_until"])
        _record("secret_renewed", current, actor)
    return secret


def revoke_webhook(webhook: Webhook, *, actor: Actor, now: datetime) -> None:
    """Send nothing there any more. Raises WebhookEnded where it was revoked before."""
    with as_facility(webhook.facility_id):
        current = _held(webhook)
        current.revoked_at = now
        current.save(update_fields=["revoked_at"])
        _deliveries(current).exclude(due_at=None).update(due_at=None, problem="The webhook was revoked")
        _record("revoked", current, actor)


def switch_on(webhook: Webhook, *, actor: Actor, now: datetime) -> None:
    """Listen again after it was switched off; what it missed lately is sent. Raises WebhookEnded."""
    with as_facility(webhook.facility_id):
        current = _held(webhook)
        current.disabled_at = current.failing_since = None
        current.save(update_fields=["disabled_at", "failing_since"])
        missed = _deliveries(current).filter(delivered_at=None, created_at__gt=now - MISSED)
        missed.update(due_at=now, attempts=0)
        announce_on_commit(DELIVER)
        _record("switched_on", current, actor)


def send_test(webhook: Webhook, *, actor: Actor, now: datetime) -> WebhookDelivery:
    """A message that tells of nothing. Raises WebhookEnded, also where it is switched off."""
    with as_facility(webhook.facility_id):
        current = _listening(webhook)
        delivery = test_delivery(current.facility, current, now=now)
        delivery.save()
        announce_on_commit(DELIVER)
        _record("tested", current, actor)
    return delivery


def send_again(delivery: WebhookDelivery, *, actor: Actor, now: datetime) -> None:
    """The same message with the same id once more. Raises WebhookEnded, also where it is switched off."""
    with as_facility(delivery.facility_id):
        current = _listening(delivery.webhook)
        _deliveries(current).filter(pk=delivery.pk).update(due_at=now, attempts=0)
        announce_on_commit(DELIVER)
        _record("sent_again", current, actor, delivery=delivery.pk)


def secrets_of(webhook: Webhook, *, now: datetime) -> list[str]:
    """What signs now, the newest first."""
    sealed = [webhook.sealed_secret]
    if webhook.sealed_previous and webhook.previous_until and now < webhook.previous_until:
        sealed.append(webhook.sealed_previous)
    return [unseal_text(bytes(each)) for each in sealed]


def _held(webhook: Webhook) -> Webhook:
    found = Webhook.objects.select_related("facility").select_for_update(of=("self",))
    current = found.filter(facility_id=webhook.facility_id, pk=webhook.pk, revoked_at=None).first()
    if current is None:
        raise WebhookEnded
    return current


def _listening(webhook: Webhook) -> Webhook:
    current = _held(webhook)
    if not current.is_listening:
        raise WebhookEnded
    return current


def _deliveries(webhook: Webhook) -> QuerySet[WebhookDelivery]:
    return WebhookDelivery.objects.filter(facility_id=webhook.facility_id, webhook=webhook)


def _record(verb: str, webhook: Webhook, actor: Actor, **details: object) -> None:
    record(
        f"webhook.{verb}", actor=actor, object_type="webhook", object_id=webhook.pk, facility_id=webhook.facility_id,
        **details,
    )  # fmt: skip
