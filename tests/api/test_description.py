"""The description for programs is whole and true: what it says of each operation, the operation does."""

import os
import re
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any, cast

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from apps.api.urls import urlpatterns
from apps.facilities.models import Facility, Role, Scope
from tests.facilities.objects import objects_of
from tests.facilities.test_urls import RIGHTS

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))  # `make fuzz` takes many
OPERATIONS = re.compile(os.environ.get("API_OPERATIONS", ""))  # those alone whose "METHOD /path" it is found in
# Not whether all is refused that breaks the description: a number is taken for a text, what is unknown passed over.
CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip
METHODS = {"get", "post", "put", "patch", "delete", "head"}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return dict(Client().get("/api/v1/schema/?format=json").json())


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def test_it_is_valid_and_gives_no_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=StringIO())


def test_it_knows_every_operation_and_says_who_may_what(description: dict[str, Any]) -> None:
    routes = {f"api:{each.name}": re.sub(r"<\w+:(\w+)>", r"{\1}", str(each.pattern)) for each in urlpatterns}
    expected = {
        (f"/api/v1/{routes[name]}", right.method)
        for name, rights in RIGHTS.items()
        if name in routes
        for right in rights
        if right.method != "options"
    }
    known = {(path, method): operation for path, method, operation in operations(description)}
    assert set(known) == expected | {("/api/v1/enrol/", "post")}
    for (path, method), operation in known.items():
        told = f"{method} {path}"
        assert operation["summary"], told
        assert operation["tags"] != [""], told
        assert operation["security"], told
        assert {"401", "403", "404"} <= set(operation["responses"]) or path == "/api/v1/enrol/", told
        assert any(status.startswith("2") for status in operation["responses"]), told
        is_json = "application/json" in operation.get("requestBody", {}).get("content", {})
        assert not is_json or operation["requestBody"]["content"]["application/json"].get("examples"), told
    named = {scope for each in known.values() for way in each["security"] for scope in way.get("token", [])}
    assert named == set(Scope) - {Scope.STORE}  # that one is DICOMweb's


@pytest.fixture
def callers(
    sakura: Facility, person: Callable[..., Any], token_for: Callable[..., str], signed_in: Callable[..., Client],
    settings: Any,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Something for every parameter of an address, a token that may all, and an owner's session."""
    settings.API_REQUESTS_A_MINUTE = dict.fromkeys(settings.API_REQUESTS_A_MINUTE, 10**6)
    values = {name: str(value) for name, value in objects_of(sakura, person, token_for).items()}
    for signal in (request_started, request_finished):  # the test's connection stays, as with Django's own client
        signal.disconnect(close_old_connections)
    owner = signed_in("owner@example.org", sakura=Role.OWNER)
    csrf = "c" * 32
    cookies = {"sessionid": owner.cookies["sessionid"].value, "csrftoken": csrf}
    yield {
        "values": values | {"facility_slug": "sakura"},
        "token": {"headers": {"Authorization": f"Bearer {token_for(sakura)}"}},
        "session": {"headers": {"X-CSRFToken": csrf}, "cookies": cookies},
    }
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.django_db
def test_schemathesis_finds_nothing(callers: dict[str, Any]) -> None:
    config = schemathesis.Config.from_dict({"generation": {"with-security-parameters": False}})
    described = schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application(), config=config)
    found = []
    for result in described.get_all_operations():
        operation = cast(Any, result).ok()
        if operation.path.startswith("/api/v1/f/{facility_slug}/uploads/"):
            continue  # another protocol, with tests of its own
        if not OPERATIONS.search(operation.label):
            continue
        try:
            _try(operation, callers)
        except (Exception, FailureGroup) as error:  # noqa: BLE001 all that is found is told at once
            found.append(f"{operation.label}: {error}")
    assert not found, "\n\n".join(found)


def _try(operation: Any, callers: dict[str, Any]) -> None:
    """Valid and invalid requests, to things that exist; what each did is undone."""
    told = {each["name"]: callers["values"][each["name"]] for each in _parameters(operation)}
    ways = operation.definition.raw["security"]
    shut = {401, 429, 503} | (set() if operation.path == "/api/v1/enrol/" else {403})
    caller = callers["token"] if any("token" in way for way in ways) else callers["session"]
    modes = [GenerationMode.POSITIVE] + ([GenerationMode.NEGATIVE] if "requestBody" in operation.definition.raw else [])
    for mode in modes:

        @given(case=operation.as_strategy(generation_mode=mode, path_parameters=told))
        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def sent(case: Any) -> None:
            with transaction.atomic():
                response = case.call(**caller)
                transaction.set_rollback(True)
            assert response.status_code not in shut, case.as_curl_command()
            case.validate_response(response, checks=CHECKS)

        sent()


def _parameters(operation: Any) -> list[dict[str, Any]]:
    return [each for each in operation.definition.raw.get("parameters", []) if each["in"] == "path"]
