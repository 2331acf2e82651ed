"""Whatever is refused below /api/ is told by problem details, whose types lead to an explanation."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.serializers import IntegerField

from apps.facilities.models import Facility, Role, Scope
from tests.api.asking import Asking

pytestmark = pytest.mark.django_db
F = "/api/v1/f/sakura/"
JSON = "application/json"


def explained(client: Client) -> set[str]:
    return set(re.findall(r'<dt id="([^"]+)"', client.get("/api/v1/problems/").content.decode()))


def test_every_refusal_is_a_problem_whoever_refuses(
    sakura: Facility, client: Client, token_for: Callable[..., str], settings: Any
) -> None:
    bearer = {"Authorization": f"Bearer {token_for(sakura, Scope.ORDERS_PLACE, Scope.ORDERS_READ)}"}
    client.raise_request_exception = False
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 5000

    def post(content: Any, kind: str = JSON, path: str = f"{F}orders/", **headers: str) -> Any:
        return client.post(path, content, content_type=kind, headers=bearer | headers)

    refused = {
        "not_found": [client.get("/api/v1/nowhere/"), client.get(f"{F}orders/1/", headers=bearer),
                      post({}, path=F[:-1]), client.get("/api/v1/f/elsewhere/orders/", headers=bearer),
                      post({}, path=f"{F}orders")],
        "unauthorized": [client.get(f"{F}orders/"), client.get(f"{F}members/"), client.post(f"{F}orders/"),
                         client.get(f"{F}orders/", headers={"Authorization": "Bearer mv_x"})],
        "forbidden": [client.get(f"{F}studies/", headers=bearer)],
        "method_not_allowed": [client.put(f"{F}orders/", headers=bearer), client.get("/api/v1/enrol/")],
        "not_acceptable": [client.get(f"{F}orders/", headers=bearer | {"Accept": "text/html"})],
        "unsupported_media_type": [post("a=1", "application/x-www-form-urlencoded"), post("<a/>", "text/xml")],
        "parse_error": [post("{"), post('{"kind": NaN}'), post("[" * 4000), post(b'{"kind": "\xff"}'),
                        post("1" * 4999)],
        "invalid": [post('{"kind": "\\ud800"}'), post('{"kind": "download", "options": {"\\ud800": "x"}}'), post("[]"),
                    post({"kind": "statue"}), client.get(f"{F}orders/?limit=0", headers=bearer)],
        "too_large": [post({"kind": "x" * 5000})],
        "bad_request": [client.get(f"{F}orders/", headers=bearer, SERVER_NAME="evil.example")],
    }  # fmt: skip
    codes = explained(client)
    for code, answers in refused.items():
        for number, answer in enumerate(answers):
            assert answer.headers["Content-Type"] == "application/problem+json", (code, number, answer.status_code)
            told = answer.json()
            assert (told["code"], told["status"]) == (code, answer.status_code), (code, number)
            assert told["title"]
            assert told["detail"]
            assert told["type"] == f"http://localhost:8000/api/v1/problems/#{code}"
        assert code in codes
    assert refused["method_not_allowed"][0].headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert "Bearer" in refused["unauthorized"][0].headers["WWW-Authenticate"]
    assert {"contract_suspended", "last_owner", "quote_expired"} <= codes


def test_a_view_that_breaks_tells_no_more_than_that(
    sakura: Facility, client: Client, token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_given: object) -> None:
        raise RuntimeError("Yamada^Tarou")

    monkeypatch.setattr("apps.api.orders.described_kinds", broken)
    client.raise_request_exception = False
    answer = Asking(client, "sakura", token_for(sakura))("order-kinds/")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert b"Yamada" not in answer.content


def test_what_a_person_writes_comes_with_a_csrf_token_and_what_a_program_writes_without(
    sakura: Facility, signed_in: Callable[..., Client], token_for: Callable[..., str]
) -> None:
    client = signed_in("owner@example.org", sakura=Role.OWNER)
    client.handler.enforce_csrf_checks = True
    wish = json.dumps({"label": "PACS", "scopes": ["images:read"], "valid_days": None})
    refused = client.post(f"{F}tokens/", wish, content_type=JSON)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    client.get("/accounts/login/")
    client.cookies["csrftoken"] = token = "c" * 32
    made = client.post(f"{F}tokens/", wish, content_type=JSON, headers={"X-CSRFToken": token})
    assert made.status_code == 201
    by_token = Client(enforce_csrf_checks=True)
    bearer = {"Authorization": f"Bearer {token_for(sakura, Scope.CARE)}"}
    assert by_token.post(f"{F}care-events/", {}, content_type=JSON, headers=bearer).status_code == 400


def test_of_a_list_that_is_too_long_nothing_is_looked_at(
    sakura: Facility, client: Client, token_for: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asking(client, "sakura", token_for(sakura))
    looked_at: list[Any] = []
    monkeypatch.setattr(IntegerField, "to_internal_value", lambda _self, data: looked_at.append(data))
    answer = ask("decisions/preview/", {"decision": "P1Y", "dispositions": list(range(1, 502))})
    assert answer.json()["errors"] == {"dispositions": ["At most 500 are taken"]}
    assert looked_at == []
