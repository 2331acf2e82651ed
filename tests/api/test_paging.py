"""Pages behind cursors, and limits of requests."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.test import Client
from django.utils import timezone

from apps.collection.models import Collection, Method, State
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_facility
from tests.api.asking import Asking

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(sakura: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "sakura", token_for(sakura, Scope.COLLECTIONS))


def collected(facility: Facility, count: int) -> list[str]:
    """Collections, the latest first."""
    at = timezone.now()
    with as_facility(facility):
        made = [
            Collection.objects.create(
                facility=facility, method=Method.VISIT, state=State.STORED, opened_at=at - timedelta(hours=n)
            )
            for n in range(count)
        ]
    return [str(each.uid) for each in reversed(made)]


def test_pages_follow_one_another_whatever_is_added_meanwhile(
    ask: Asking, sakura: Facility, lindenhof: Facility, token_for: Callable[..., str]
) -> None:
    uids = collected(sakura, 5)
    assert [each["uid"] for each in ask.pages("collections/", "collections")] == uids
    first = ask("collections/?limit=2")
    cursor = first.json()["next"]
    collected(sakura, 3)
    second = ask(f"collections/?limit=3&cursor={cursor}").json()
    assert [each["uid"] for each in second["collections"]] == uids[2:]
    assert second["next"] is None
    assert "cursor" in first.headers["Link"]
    foreign = Asking(ask.client, "lindenhof", token_for(lindenhof, Scope.COLLECTIONS))
    wrong = [
        ask(f"collections/?cursor={cursor[:-1]}x"), ask("collections/?cursor=5"), ask("collections/?cursor=%00"),
        ask(f"collections/?attention=true&cursor={cursor}"), foreign(f"collections/?cursor={cursor}"),
        *(ask(f"collections/?limit={limit}") for limit in ("0", "101", "-1", "x", "1e3", "")),
    ]  # fmt: skip
    for answer in wrong:
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_who_asks_too_often_is_told_when_to_go_on(
    ask: Asking, sakura: Facility, token_for: Callable[..., str], settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.api.limits.time", lambda: 1_800_000_030)
    settings.API_REQUESTS_A_MINUTE = {"token": 2, "facility": 3, "user": 9, "address": 9}  # type: ignore[attr-defined]
    answers = [ask("collections/") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    left = ['"token";r=1;t=30', '"token";r=0;t=30', '"token";r=0;t=30']
    assert [each.headers["RateLimit"] for each in answers] == left
    told = answers[2]
    assert (told.headers["Retry-After"], told.json()["code"]) == ("30", "too_many_requests")
    other = Asking(ask.client, "sakura", token_for(sakura))
    over = other("collections/")
    assert (over.status_code, over.headers["RateLimit-Policy"]) == (429, '"facility";q=3;w=60')
    monkeypatch.setattr("apps.api.limits.time", lambda: 1_800_000_060)
    assert other("collections/").status_code == 200


def test_without_redis_nobody_is_kept_out(
    ask: Asking, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(caches["default"], "_redis", RedisCache("unix:///nowhere/redis.sock", {}))
    answers = [ask("collections/") for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].headers["RateLimit"].startswith('"token";r=598')
    assert "Redis does not answer" in caplog.text
