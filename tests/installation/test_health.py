"""/healthz, /readyz and /metrics: what is wrong is told part by part, quickly, and to operators alone in detail."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.accounts.models import User
from apps.audit.record import SYSTEM, record
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.notifications.models import Letter, Notification
from apps.vault.models import Pack
from medvault import heard, parts
from medvault.env import PROJECT
from tests.notifications.told import told
from tests.retention.stories import stored

pytestmark = pytest.mark.usefixtures("committed_db")
TOKEN = "a-token-of-twenty-letters"


@pytest.fixture(autouse=True)
def as_now() -> Iterator[None]:
    """Nothing is remembered from one look to the next."""
    for name in ("beat", *(f"queue:{queue}" for queue in parts.QUEUES)):
        heard._noted.clear()
        heard.note(name)
    forget()
    yield
    cache.clear()
    forget()


def forget() -> None:
    parts._seen.at = -1e9


def look() -> tuple[int, dict[str, Any]]:
    forget()
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def problem_of(part: str) -> tuple[int, str]:
    status, told = look()
    others = {name: each for name, each in told["parts"].items() if each["state"] != "ok" and name != part}
    assert others == {}
    return status, told["parts"][part].get("problem", "")


def test_an_installation_that_is_well_says_so() -> None:
    status, told = look()
    assert (status, told["status"]) == (200, "ready"), told
    assert set(told["parts"]) == set(parts.CHECKS)


def test_each_part_says_what_is_wrong(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    cache.delete("heard:beat")
    assert problem_of("beat") == (200, "It was not heard from in 120 s")
    cache.set("heard:beat", time.time())
    cache.set("heard:queue:ingest", time.time() - 600)
    assert problem_of("worker") == (200, "No worker of ingest was heard from in 120 s")
    cache.set("heard:queue:ingest", time.time())
    with monkeypatch.context() as wrong:
        wrong.setattr(timezone, "now", lambda: datetime.now(UTC) + timedelta(minutes=9))
        assert problem_of("clock")[1].startswith("It differs from the database's by 5")
    with monkeypatch.context() as full:
        full.setattr(parts, "RESERVE", 1 << 60)
        status, told = look()
        assert status == 503
        assert {name for name, each in told["parts"].items() if each["state"] != "ok"} == {
            "primary",
            "replica",
            "spool",
        }
    with monkeypatch.context() as newer:
        newer.setattr(parts, "_migrations_of_the_code", lambda: {("vault", "9999_later")})
        assert problem_of("migrations") == (503, "1 are pending: run manage.py bootstrap")
    with monkeypatch.context() as away:
        stuck = threading.Event()
        away.setitem(parts.CHECKS, "replica", (stuck.wait, False))
        away.setattr(parts, "PATIENCE_S", 0.3)
        assert problem_of("replica") == (200, "No answer within 0 s")
        stuck.set()


def test_what_exactly_is_wrong_is_for_operators(settings: Any) -> None:
    cache.delete("heard:beat")
    settings.METRICS_TOKEN = TOKEN
    outside = Client(REMOTE_ADDR="203.0.113.9")
    assert outside.get("/readyz").json()["parts"]["beat"] == "failing"
    assert "problem" in outside.get("/readyz", headers={"Authorization": f"Bearer {TOKEN}"}).json()["parts"]["beat"]
    proxied = Client().get("/readyz", headers={"X-Forwarded-For": "203.0.113.9"})
    assert proxied.json()["parts"]["beat"] == "failing"
    for refused in (outside.get("/metrics"), Client().get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"}),
                    outside.get("/metrics", headers={"Authorization": "Bearer guessed"})):  # fmt: skip
        assert refused.status_code == 401
    assert outside.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert Client().get("/healthz").content == b"ok"


def test_metrics_tell_queues_and_requests_and_nobodys_name(sakura: Facility, token_for: Callable[..., str]) -> None:
    stored(sakura, PatientName="Geheim^Gertrud", PatientID="GEHEIM-1")
    with as_center():
        Pack.objects.update(replicated_at=None, created_at=timezone.now() - timedelta(hours=2))
    Client().get("/f/sakura/dicom-web/studies", headers={"Authorization": f"Bearer {token_for(sakura)}"})
    found = measured()
    assert found["medvault_queue_waiting", "second_copies"] == 1
    assert 7100 < found["medvault_queue_oldest_seconds", "second_copies"] < 7400
    assert found["medvault_queue_waiting", "uploads"] == 0
    assert found["medvault_failing", "findings"] == 0
    assert found["medvault_part_ok", "database"] == 1
    assert found["medvault_free_bytes", "spool"] > 0
    assert found["medvault_broker_messages", "ingest"] >= 0
    assert found["medvault_heard_seconds", "beat"] < 60
    assert found["medvault_requests_total", "GET", "dicomweb:studies", "200"] >= 1
    assert any(name == "medvault_request_seconds_bucket" for name, *_ in found)
    text = Client().get("/metrics").content.decode().lower()
    assert not any(secret in text for secret in ("geheim", "sakura"))
    assert (
        Client()
        .get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        .content.endswith(b"# EOF\n")
    )


def measured() -> dict[tuple[str, ...], float]:
    """Every sample of /metrics, by its name and the values of its labels."""
    families = text_string_to_metric_families(Client().get("/metrics").content.decode())
    samples = [sample for family in families for sample in family.samples]
    return {(each.name, *(value for _, value in sorted(each.labels.items()))): each.value for each in samples}


def test_metrics_tell_of_people_who_are_not_told(sakura: Facility, person: Callable[..., User]) -> None:
    now, owner = timezone.now(), person("owner@example.org", sakura=Role.OWNER)
    for occasion in ("digest", "late", "refused", "waiting"):
        told(sakura, occasion=occasion)
    with as_center():
        waiting, *handed_on = Notification.objects.order_by("-pk")
        Notification.objects.update(told_at=now - timedelta(hours=1))
        Notification.objects.exclude(pk=waiting.pk).update(fanned_out_at=now)
        tried_in_vain = {"due_at": now + timedelta(minutes=2), "attempts": 3, "problem": "ConnectionRefusedError"}
        due, for_the_digest = {"due_at": now - timedelta(minutes=1)}, {"due_at": now + timedelta(hours=9)}
        fields: list[dict[str, Any]] = [tried_in_vain, due, for_the_digest]
        for notification, given in zip(handed_on, fields, strict=True):
            Letter.objects.create(notification=notification, user=owner, facility_id=sakura.pk, **given)
        record("retention.swept", actor=SYSTEM, object_type="sweep", object_id="", facility_id=None)
    found = measured()
    assert found["medvault_queue_waiting", "notifications"] == 1
    assert 3500 < found["medvault_queue_oldest_seconds", "notifications"] < 3700
    assert found["medvault_queue_waiting", "letters"] == 2
    assert found["medvault_failing", "letters"] == 1
    assert found["medvault_failing", "webhooks"] == 0
    assert 0 <= found["medvault_since_seconds", "sweep"] < 60
    assert ("medvault_since_seconds", "backup") not in found


def test_every_metric_that_the_alarms_name_is_told() -> None:
    rules = (PROJECT / "docs" / "operations.md").read_text().partition("```yaml\ngroups:")[2].partition("```")[0]
    Client().get("/healthz")
    names = {name for name, *_ in measured()} | {"medvault_since_seconds"}
    assert set(re.findall(r"medvault_\w+", rules)) <= names
