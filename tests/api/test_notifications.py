"""Notifications and webhooks by REST: the acts are the portal's."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.notifications.delivering import deliver_due
from apps.notifications.kinds import Kind
from apps.notifications.models import Preference, ReadingHours, Webhook
from tests.api.asking import Asking
from tests.notifications.listener import listening
from tests.notifications.told import handed_on, told

pytestmark = pytest.mark.django_db
HOOK = {"label": "PACS", "url": "https://hooks.example/", "kinds": ["collection.stored", "collection.stored"]}


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Asking:
    return Asking(signed_in("owner@sakura.example", sakura=Role.OWNER), "sakura")


def test_an_inbox_is_read(owner: Asking, sakura: Facility, lindenhof: Facility) -> None:
    for occasion in range(3):
        told(sakura, occasion=occasion)
    told(lindenhof)
    handed_on()
    found = owner.pages("notifications/", "notifications")
    assert [(each["kind"], each["read_at"]) for each in found] == [("collection.failed", None)] * 3
    assert found[0]["happened"] == "A collection failed: nothing of it was kept."
    assert owner("notifications/read/", {"notifications": [found[0]["id"], 10**9]}).json() == {"unread": 2}
    assert len(owner.pages("notifications/?unread=true", "notifications")) == 2
    assert owner("notifications/read/", {}).json() == {"unread": 0}
    assert all(each["read_at"] for each in owner("notifications/").json()["notifications"])
    assert owner("notifications/read/", {"notifications": []}).status_code == 400


def test_a_person_chooses_what_reaches_them(owner: Asking) -> None:
    address = "notifications/preferences/"
    before = owner(address).json()
    assert (before["digest_at"], before["quiet_from"]) == (None, None)
    bound = next(each for each in before["kinds"] if each["is_binding"])
    wish = {"kinds": [{"kind": "collection.stored", "in_inbox": True, "by_email": False},
                      {"kind": bound["kind"], "in_inbox": True, "by_email": False}], "digest_at": "07:30"}  # fmt: skip
    after = owner(address, wish, method="patch").json()
    assert after["digest_at"] == "07:30:00"
    chosen = {each["kind"]: (each["in_inbox"], each["by_email"]) for each in after["kinds"]}
    assert (chosen["collection.stored"], chosen[bound["kind"]]) == ((True, False), (True, True))
    assert owner(address, {"quiet_from": "22:00", "quiet_until": "06:00"}, method="patch").json()["digest_at"]
    for wrong in (
        {"quiet_from": None}, {"digest_at": "25:00"}, {"digest_at": "07:00:00Z"},
        {"kinds": [{"kind": "party", "in_inbox": True, "by_email": True}]},
        {"kinds": [{"kind": Kind.STAFF_CONFLICT, "in_inbox": True, "by_email": True}]},
    ):  # fmt: skip
        assert owner(address, wrong, method="patch").status_code == 400, wrong
    assert (Preference.objects.get().kind, f"{ReadingHours.objects.get().quiet_from:%H}") == ("collection.stored", "22")


def test_a_webhook_is_added_tried_looked_at_and_revoked(owner: Asking, settings: Any) -> None:
    refused = owner("webhooks/", HOOK | {"url": "http://hooks.example/"})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["url"])
    assert owner("webhooks/", HOOK | {"kinds": ["staff.conflict"]}).status_code == 400
    settings.WEBHOOKS_ANYWHERE = True
    with listening() as listener:
        added = owner("webhooks/", HOOK | {"url": listener.url})
        assert (added.status_code, added.json()["kinds"]) == (201, ["collection.stored"])
        secret, address = added.json()["secret"], f"webhooks/{added.json()['id']}/"
        assert secret.startswith("whsec_")
        assert "secret" not in owner(address).json()
        assert owner(f"{address}secret/", {}).json()["secret"] != secret
        listener.answers = [503]
        sent = owner(f"{address}test/", {}).json()
        deliver_due(now=timezone.now())
        [delivery] = owner.pages(f"{address}deliveries/", "deliveries")
        assert (delivery["message"], delivery["status"], delivery["delivered_at"]) == (sent["message"], 503, None)
        owner(f"webhooks/deliveries/{delivery['id']}/again/", {})
        deliver_due(now=timezone.now())
        assert owner(f"{address}deliveries/").json()["deliveries"][0]["status"] == 204
        assert listener.ids == [sent["message"]] * 2
    with as_center():
        Webhook.objects.update(disabled_at=timezone.now())
    assert owner(f"{address}test/", {}).json()["code"] == "webhook_ended"
    assert owner(f"{address}on/", {}).json()["disabled_at"] is None
    assert owner(address, method="delete").status_code == 204
    assert owner("webhooks/").json()["webhooks"] == []
    assert owner(f"{address}on/", {}).status_code == 409
