"""/healthz, /readyz and /metrics: what is wrong is told part by part, quickly, and to operators alone in detail."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from medvault import heard, parts
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
        away.setitem(parts.CHECKS, "replica", (lambda: time.sleep(3), False))
        away.setattr(parts, "PATIENCE_S", 0.3)
        began = time.monotonic()
        assert problem_of("replica") == (200, "No answer within 0 s")
        assert time.monotonic() - began < 2


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
    answer = Client().get("/metrics")
    text = answer.content.decode()
    found = {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["medvault_queue_waiting", "second_copies"] == 1
    assert 7100 < found["medvault_queue_oldest_seconds", "second_copies"] < 7400
    assert found["medvault_queue_waiting", "uploads"] == 0
    assert found["medvault_failing", "findings"] == 0
    assert found["medvault_part_ok", "database"] == 1
    assert found["medvault_broker_messages", "ingest"] >= 0
    assert found["medvault_heard_seconds", "beat"] < 60
    assert found["medvault_requests_total", "GET", "dicomweb:studies", "200"] >= 1
    assert any(name == "medvault_request_seconds_bucket" for name, *_ in found)
    assert not any(secret in text.lower() for secret in ("geheim", "sakura"))
    assert (
        Client()
        .get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        .content.endswith(b"# EOF\n")
    )
