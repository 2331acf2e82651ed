"""Webhooks: signed, tried again with the same id, given up with a notice; to a real server that behaves or does not."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256
from hmac import new as hmac
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.notifications.delivering import DISABLED_AFTER, RETRIES, deliver_due
from apps.notifications.errors import TooManyWebhooks, UnusableAddress, WebhookEnded
from apps.notifications.kinds import Kind
from apps.notifications.models import Entry, Webhook, WebhookDelivery
from apps.notifications.webhooks import (
    MOST,
    add_webhook,
    renew_secret,
    revoke_webhook,
    send_again,
    send_test,
    switch_on,
)
from tests.forked import Forked
from tests.notifications.listener import Listener, listening
from tests.notifications.told import handed_on, told

HOUR = timedelta(hours=1)


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    settings.WEBHOOKS_ANYWHERE = True
    with listening() as listener:
        yield listener


@pytest.fixture
def webhook(sakura: Facility, listener: Listener) -> tuple[Webhook, str]:
    return added(sakura, listener)


def added(facility: Facility, listener: Listener, path: str = "/") -> tuple[Webhook, str]:
    return add_webhook(
        facility, url=f"{listener.url}{path}", label="Archive", kinds=[Kind.COLLECTION_STORED], actor=SYSTEM,
        now=timezone.now(),
    )  # fmt: skip


def stored(facility: Facility, occasion: object = "") -> None:
    told(facility, Kind.COLLECTION_STORED, occasion=occasion, facts={"count": 12})
    handed_on()


def delivery() -> WebhookDelivery:
    with as_center():
        return WebhookDelivery.objects.select_related("webhook").get()


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """As a receiver checks it who knows the specification and nothing of this program."""
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = hmac(b64decode(secret.removeprefix("whsec_")), content, sha256).digest()
    return f"v1,{b64encode(expected).decode()}" in headers["webhook-signature"].split(" ")


def test_a_message_is_signed_small_and_of_no_patient(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    stored(sakura)
    assert deliver_due(now=timezone.now()) == 1
    assert deliver_due(now=timezone.now()) == 0
    [(_path, headers, body)] = listener.heard
    assert is_signed(webhook[1], headers, body)
    assert not is_signed(webhook[1], headers, body + b" ")
    assert abs(int(headers["webhook-timestamp"]) - timezone.now().timestamp()) < 60
    message = json.loads(body)
    assert (message["type"], message["data"]["facility"]) == ("collection.stored", "sakura")
    assert message["data"]["facts"] == {"count": 12}
    assert message["data"]["object"] == {"type": "collection", "id": "7"}
    assert (delivery().status, delivery().attempts, delivery().due_at) == (204, 1, None)


def test_only_what_it_is_told_of_and_only_its_own_facilitys(
    sakura: Facility, lindenhof: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    told(sakura, Kind.COLLECTION_FAILED)
    told(sakura, Kind.STAFF_FINDING)
    stored(lindenhof)
    assert deliver_due(now=timezone.now()) == 0
    assert listener.heard == []


def test_it_is_tried_again_with_the_same_id_and_bytes(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    listener.answers = [500, 503, 404]
    stored(sakura)
    now, waits = timezone.now(), []
    for _ in range(4):
        deliver_due(now=now)
        if due_at := delivery().due_at:
            waits.append(due_at - now)
            assert deliver_due(now=due_at - timedelta(seconds=1)) == 0
            now = due_at
    assert waits == list(RETRIES[:3])
    assert len(set(listener.ids)) == 1
    assert len({body for _path, _headers, body in listener.heard}) == 1
    assert delivery().delivered_at == now


def test_a_dead_one_is_switched_off_after_days_and_owners_are_told(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener, person: Callable[..., User]
) -> None:
    person("owner@sakura.example", sakura=Role.OWNER)
    began = now = timezone.now()
    listener.answers = [500] * 100
    stored(sakura)
    while (due_at := delivery().due_at) and delivery().webhook.is_listening:
        now = due_at
        deliver_due(now=now)
    assert delivery().webhook.disabled_at
    assert now - began >= DISABLED_AFTER
    handed_on()
    with as_center():
        assert [entry.notification.kind for entry in Entry.objects.all()] == [Kind.WEBHOOK_DISABLED]
    stored(sakura, "missed")
    heard = len(listener.heard)
    deliver_due(now=now + HOUR)
    assert len(listener.heard) == heard
    listener.answers.clear()
    switch_on(webhook[0], actor=SYSTEM, now=timezone.now())
    assert deliver_due(now=timezone.now()) == 1
    assert not delivery().webhook.failing_since


def test_one_that_says_gone_is_switched_off_at_once(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    listener.answers = [410]
    stored(sakura)
    deliver_due(now=timezone.now())
    assert delivery().webhook.disabled_at


def test_one_that_fails_is_probed_and_keeps_no_other_waiting(sakura: Facility, listener: Listener) -> None:
    failing, well = added(sakura, listener, "/elsewhere"), added(sakura, listener)
    for number in range(5):
        stored(sakura, number)
    now = timezone.now()
    assert deliver_due(now=now) == 5
    with as_center():
        WebhookDelivery.objects.filter(webhook=failing[0]).update(due_at=now)
    listener.heard.clear()
    assert deliver_due(now=now) == 0
    assert [path for path, _headers, _body in listener.heard] == ["/elsewhere"]
    assert well[0].pk != failing[0].pk


def test_both_secrets_sign_for_a_day_after_a_new_one(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    new = renew_secret(webhook[0], actor=SYSTEM, now=timezone.now())
    for hours in (0, 25):
        stored(sakura, hours)
        deliver_due(now=timezone.now() + hours * HOUR)
    (_, first, first_body), (_, second, second_body) = listener.heard
    assert is_signed(webhook[1], first, first_body)
    assert is_signed(new, first, first_body)
    assert is_signed(new, second, second_body)
    assert not is_signed(webhook[1], second, second_body)


def test_a_test_and_what_is_sent_again_arrive(
    sakura: Facility, webhook: tuple[Webhook, str], listener: Listener
) -> None:
    sent = send_test(webhook[0], actor=SYSTEM, now=timezone.now())
    deliver_due(now=timezone.now())
    send_again(sent, actor=SYSTEM, now=timezone.now())
    assert deliver_due(now=timezone.now()) == 1
    assert listener.ids == [str(sent)] * 2
    assert json.loads(listener.heard[0][2])["type"] == "webhook.test"


def test_a_revoked_one_hears_nothing_more(sakura: Facility, webhook: tuple[Webhook, str], listener: Listener) -> None:
    stored(sakura)
    revoke_webhook(webhook[0], actor=SYSTEM, now=timezone.now())
    stored(sakura, "later")
    assert deliver_due(now=timezone.now()) == 0
    assert listener.heard == []
    for act in (renew_secret, switch_on, send_test, revoke_webhook):
        with pytest.raises(WebhookEnded):
            act(webhook[0], actor=SYSTEM, now=timezone.now())


def test_addresses_are_checked_and_counted_when_added(sakura: Facility, listener: Listener, settings: Any) -> None:
    for _ in range(MOST):
        added(sakura, listener)
    with pytest.raises(TooManyWebhooks):
        added(sakura, listener)
    settings.WEBHOOKS_ANYWHERE = False
    with pytest.raises(UnusableAddress):
        added(sakura, listener)


def test_a_worker_that_dies_sends_again_under_the_same_id(
    committed_db: None, sakura: Facility, listener: Listener
) -> None:
    added(sakura, listener)
    stored(sakura)
    assert Forked("tests.notifications.sending_process", "webhooks").wait() == 9
    assert len(listener.heard) == 1
    assert deliver_due(now=timezone.now()) == 0
    assert deliver_due(now=timezone.now() + HOUR) == 1
    assert listener.ids[0] == listener.ids[1]
