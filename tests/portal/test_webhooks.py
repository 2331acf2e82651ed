"""The webhooks' pages: owners add, try, look, and end; nobody else sees that there are any."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import Event
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.delivering import deliver_due
from apps.notifications.models import Webhook, WebhookDelivery
from tests.notifications.listener import Listener, listening
from tests.portal.pages import url

FORM = {"label": "Archive", "url": "https://hooks.example/", "kinds": ["collection.stored"]}


@pytest.fixture
def listener(settings: Any) -> Iterator[Listener]:
    settings.WEBHOOKS_ANYWHERE = True
    with listening() as listener:
        yield listener


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("owner@sakura.example", sakura=Role.OWNER)


def webhook() -> Webhook:
    with as_center():
        return Webhook.objects.get()


def test_the_secret_is_shown_once(owner: Client, sakura: Facility) -> None:
    assert b"There are no webhooks yet" in owner.get(url("webhooks")).content
    added = owner.post(url("webhooks"), FORM)
    secret = added.context["secret"]
    assert secret.startswith("whsec_")
    assert secret.encode() in added.content
    page = url("webhook", webhook_id=webhook().pk)
    assert secret.encode() not in owner.get(page).content + owner.get(url("webhooks")).content
    renewed = owner.post(url("renew_webhook_secret", webhook_id=webhook().pk)).context["secret"]
    assert renewed.startswith("whsec_")
    assert renewed != secret
    with as_facility(sakura):
        actions = list(Event.objects.filter(object_type="webhook").order_by("pk").values_list("action", flat=True))
        assert secret.encode() not in bytes(Webhook.objects.get().sealed_secret)
    assert actions == ["webhook.added", "webhook.secret_renewed"]


@pytest.mark.parametrize("wrong", ["http://hooks.example/", "https://me:secret@hooks.example/", "nonsense"])
def test_what_nothing_is_posted_to_is_refused_with_the_form(owner: Client, wrong: str) -> None:
    refused = owner.post(url("webhooks"), FORM | {"url": wrong})
    assert refused.status_code == 422
    assert b"must begin with https://" in refused.content
    assert b'value="Archive"' in refused.content


def test_an_owner_tries_it_looks_and_sends_again(owner: Client, listener: Listener) -> None:
    owner.post(url("webhooks"), FORM | {"url": listener.url})
    found = webhook()
    listener.answers = [503]
    assert owner.post(url("test_webhook", webhook_id=found.pk)).status_code == 302
    deliver_due(now=timezone.now())
    log = owner.get(url("webhook", webhook_id=found.pk)).content
    assert b">503<" in log
    assert b"failing" in log
    with as_center():
        delivery = WebhookDelivery.objects.get()
    owner.post(url("send_delivery_again", delivery_id=delivery.pk))
    deliver_due(now=timezone.now())
    assert b">204<" in owner.get(url("webhook", webhook_id=found.pk)).content
    assert listener.ids == [str(delivery)] * 2


def test_one_that_was_switched_off_is_switched_on_and_revoked(owner: Client, sakura: Facility) -> None:
    owner.post(url("webhooks"), FORM)
    with as_center():
        Webhook.objects.update(disabled_at=timezone.now(), failing_since=timezone.now())
    page = url("webhook", webhook_id=webhook().pk)
    assert b"Switch on again" in owner.get(page).content
    owner.post(url("switch_on_webhook", webhook_id=webhook().pk))
    assert webhook().is_listening
    owner.post(url("revoke_webhook", webhook_id=webhook().pk))
    assert webhook().revoked_at
    again = owner.post(url("test_webhook", webhook_id=webhook().pk), follow=True)
    assert b"has been revoked" in again.content
    assert b"There are no webhooks yet" in owner.get(url("webhooks")).content


def test_neither_colleagues_nor_other_facilities_get_at_it(
    owner: Client, viewer: Client, stranger: Client, signed_in: Callable[..., Client]
) -> None:
    owner.post(url("webhooks"), FORM)
    owner.post(url("test_webhook", webhook_id=webhook().pk))
    with as_center():
        delivery = WebhookDelivery.objects.get()
    member = signed_in("member@sakura.example", sakura=Role.MEMBER)
    acts = [url(name, webhook_id=webhook().pk) for name in (
        "test_webhook", "renew_webhook_secret", "switch_on_webhook", "revoke_webhook"
    )]  # fmt: skip
    acts.append(url("send_delivery_again", delivery_id=delivery.pk))
    for client in (viewer, member):
        assert client.get(url("webhook", webhook_id=webhook().pk)).status_code == 403
        assert b"Webhooks" not in client.get(url("dashboard")).content
        assert {client.post(act).status_code for act in acts} == {403}
    for act in acts:
        assert stranger.post(act).status_code == 404
        assert stranger.post(act.replace("/sakura/", "/lindenhof/")).status_code == 404
    assert webhook().is_listening
