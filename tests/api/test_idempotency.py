"""A request with an Idempotency-Key is done once, whatever breaks, and answered again."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.test import Client
from django.utils import timezone

from apps.api.idempotency import forget_answers
from apps.api.models import KeptAnswer
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.orders.models import Message, Order
from tests.api.asking import Asking
from tests.forked import Forked
from tests.orders.stories import may_order
from tests.portal.pages import dicom, store

pytestmark = pytest.mark.usefixtures("committed_db")
WISH: dict[str, Any] = {"kind": "download", "items": [{"study": "2.25.1"}]}


@pytest.fixture
def secret(sakura: Facility, token_for: Callable[..., str]) -> str:
    store(sakura, dicom())
    may_order(sakura)
    return token_for(sakura, Scope.ORDERS_READ, Scope.ORDERS_PLACE)


@pytest.fixture
def ask(client: Client, secret: str) -> Asking:
    return Asking(client, "sakura", secret)


def orders() -> int:
    with as_center():
        return Order.objects.count()


def kept() -> int:
    with as_center():
        return KeptAnswer.objects.count()


def test_the_same_again_is_answered_again_and_not_done(
    ask: Asking, sakura: Facility, token_for: Callable[..., str], superuser_sql: psycopg.Connection
) -> None:
    key = str(uuid4())
    first = ask("orders/", WISH, idempotency_key=key)
    again = ask("orders/", WISH, idempotency_key=f'"{key}"')
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert (again.headers["Idempotency-Replayed"], again.headers["Content-Type"]) == ("true", "application/json")
    assert orders() == 1
    for path, content in (("orders/", WISH | {"is_urgent": True}), ("orders/?a=1", WISH)):
        other = ask(path, content, idempotency_key=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    elsewhere = Asking(ask.client, "sakura", token_for(sakura))
    assert elsewhere("orders/", WISH, idempotency_key=key).json()["uid"] != first.json()["uid"]
    assert (orders(), kept()) == (2, 2)
    row = superuser_sql.execute("SELECT * FROM api_keptanswer ORDER BY id").fetchone()
    assert key not in str(row)
    assert first.json()["uid"] not in str(row)
    for wrong in ("", "x" * 256, "ä", "two words,", 'a"b'):
        assert ask("orders/", WISH, idempotency_key=wrong).status_code == 400
    superuser_sql.execute("UPDATE api_keptanswer SET kept_until = now() - interval '1 second'")
    assert ask("orders/", WISH, idempotency_key=key).json()["uid"] != first.json()["uid"]
    forget_answers(now=timezone.now())
    assert (orders(), kept()) == (3, 1)


def test_a_refusal_changed_nothing_and_is_not_kept(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    key = str(uuid4())
    assert ask("orders/", WISH | {"items": [{"study": "9"}]}, idempotency_key=key).status_code == 409
    made = ask("orders/", WISH, idempotency_key=key)
    assert made.status_code == 201
    path = f"orders/{made.json()['uid']}/messages/"
    monkeypatch.setattr("apps.api.orders.MessageSerializer.to_representation", lambda *_given: 1 / 0)
    ask.client.raise_request_exception = False
    assert ask(path, {"text": "By noon"}, idempotency_key="1").status_code == 500
    assert ask(path, {"text": "By noon"}).status_code == 500
    with as_center():
        assert not Message.objects.exists()


def test_two_at_once_and_one_that_dies_do_it_once(ask: Asking, secret: str) -> None:
    key = str(uuid4())
    dying = Forked("tests.api.asking_process", secret, key, "dying")
    dying.communicate()
    assert (dying.returncode, orders(), kept()) == (-9, 0, 0)
    first = Forked("tests.api.asking_process", secret, key, "waiting")
    assert first.stdout.readline() == "here\n"
    second = ask("orders/", WISH, idempotency_key=key)
    assert (second.status_code, second.json()["code"], second.headers["Retry-After"]) == (409, "in_progress", "1")
    told, _ = first.communicate("go on\n")
    status, uid = told.split()
    again = ask("orders/", WISH, idempotency_key=key)
    assert (status, again.status_code, again.json()["uid"]) == ("201", 201, uid)
    assert orders() == 1
