"""The device tokens page, `issue_token`, and what a token opens."""

import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.facilities.models import DeviceToken, Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import UnknownToken, issue_token
from tests.facilities.known import recognized

PAGE = "/f/sakura/tokens/"
ASKED = {"label": "CT, basement", "scopes": [Scope.STORE], "valid_days": "90"}


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


@pytest.fixture
def token(sakura: Facility) -> tuple[DeviceToken, str]:
    return issue_token(sakura, label="MR, ground floor", scopes=[Scope.STORE], actor=SYSTEM)


def revoke_url(token: DeviceToken) -> str:
    return reverse("facilities:revoke_token", kwargs={"facility_slug": "sakura", "token_id": token.pk})


def secret_in(page: str) -> str:
    found = re.search(r"\bmv_[\w-]{43}", page)
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("who", "status"), [("owner", 200), ("member", 403), ("viewer", 403), ("stranger", 404), ("nobody", 302)]
)
def test_the_page_is_the_owners(
    sakura: Facility, lindenhof: Facility, token: tuple[DeviceToken, str], signed_in: Callable[..., Client],
    who: str, status: int,
) -> None:  # fmt: skip
    places: dict[str, Role] = {"lindenhof": Role.OWNER} if who == "stranger" else {}
    if who in Role.values:
        places = {"sakura": Role(who)}
    client = Client() if who == "nobody" else signed_in("abe@example.org", **places)
    assert client.get(PAGE).status_code == status
    if who == "owner":
        return
    assert client.post(PAGE, ASKED).status_code == status
    assert client.post(revoke_url(token[0])).status_code == status
    assert recognized(token[1]) == token[0]
    with as_center():
        assert DeviceToken.objects.count() == 1


def test_a_device_token_does_not_open_the_page(sakura: Facility, token: tuple[DeviceToken, str]) -> None:
    assert Client().get(PAGE, headers={"authorization": f"Bearer {token[1]}"}).status_code == 302


def test_a_secret_is_shown_once_and_kept_nowhere(
    sakura: Facility, owner: Client, superuser_sql: psycopg.Connection
) -> None:
    answer = owner.post(PAGE, ASKED)
    assert answer.status_code == 201
    assert "no-store" in answer.headers["Cache-Control"]
    secret = secret_in(answer.content.decode())
    assert secret not in owner.get(PAGE).content.decode()
    token = recognized(secret)
    assert (token.label, token.scopes) == ("CT, basement", [Scope.STORE])
    assert token.expires_at
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    with as_center():
        assert secret not in str(list(DeviceToken.objects.values()))
        assert secret not in str(list(Event.objects.values()))
    assert secret not in str(dict(owner.session))


def test_the_page_gives_an_example_for_storing(owner: Client, settings: Any) -> None:
    page = owner.post(PAGE, ASKED).content.decode()
    assert f"{settings.PUBLIC_URL}/f/sakura/dicom-web/studies" in page
    reading = owner.post(PAGE, ASKED | {"scopes": [Scope.READ]}).content.decode()
    assert "curl" not in reading


@pytest.mark.parametrize(
    "change", [{"label": ""}, {"scopes": []}, {"scopes": ["everything"]}, {"valid_days": "7000"}, {"label": "x" * 101}]
)
def test_a_token_that_is_refused_is_not_issued(sakura: Facility, owner: Client, change: dict[str, Any]) -> None:
    answer = owner.post(PAGE, ASKED | change)
    assert answer.status_code == 422
    assert "mv_" not in answer.content.decode()
    with as_center():
        assert not DeviceToken.objects.exists()


def test_a_token_is_revoked_at_once(sakura: Facility, owner: Client, token: tuple[DeviceToken, str]) -> None:
    device = {"authorization": f"Bearer {token[1]}"}
    stow = reverse("dicomweb:studies", kwargs={"facility_slug": "sakura"})
    assert Client().post(stow, headers=device).status_code != 401
    owner.post(revoke_url(token[0]))
    assert Client().post(stow, headers=device).status_code == 401
    with pytest.raises(UnknownToken):
        recognized(token[1])
    with as_facility(sakura):
        event = Event.objects.get(action="token.revoked")
    assert event.actor_kind == "user"
    assert "revoked" in owner.get(PAGE).content.decode()


def test_the_page_shows_when_a_token_was_last_used(owner: Client, token: tuple[DeviceToken, str]) -> None:
    assert "<time" not in last_use(owner)
    recognized(token[1])
    assert "<time" in last_use(owner)


def last_use(owner: Client) -> str:
    row = re.findall(r"<td>.*?</td>", owner.get(PAGE).content.decode(), re.DOTALL)
    return str(row[3])


def test_a_token_of_another_facility_does_not_exist(sakura: Facility, lindenhof: Facility, owner: Client) -> None:
    foreign, secret = issue_token(lindenhof, label="CT", scopes=[Scope.STORE], actor=SYSTEM)
    assert owner.post(revoke_url(foreign)).status_code == 404
    assert recognized(secret) == foreign


def issued(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command("issue_token", *arguments, stdout=out, **options)
    return out.getvalue()


def test_the_command_prints_the_token_alone(sakura: Facility) -> None:
    printed = issued("sakura", "--scope", "images:store", "--scope", "images:read", "--label", "Bench")
    assert printed == f"{secret_in(printed)}\n"
    token = recognized(printed.strip())
    assert token.scopes == [Scope.STORE, Scope.READ]
    assert (token.facility, token.label, token.expires_at) == (sakura, "Bench", None)


def test_the_command_takes_several_scopes_after_one_option(sakura: Facility) -> None:
    printed = issued("sakura", "--scope", "images:store", "images:read")
    assert recognized(printed.strip()).scopes == [Scope.STORE, Scope.READ]


def test_the_command_ends_a_token_after_the_days_it_is_given(sakura: Facility) -> None:
    expires_at = recognized(issued("sakura", "--scope", "images:read", "--expires", "3").strip()).expires_at
    assert expires_at
    assert timedelta(days=2) < expires_at - timezone.now() <= timedelta(days=3)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere", "--scope", "images:store"], "no facility"),
        (["sakura", "--scope", "everything"], "invalid choice"),
        (["sakura"], "required"),
        (["sakura", "--scope", "images:store", "--expires", "0"], "at least 1"),
        (["sakura", "--scope", "images:store", "--label", "x" * 101], "100 characters"),
    ],
)
def test_the_command_refuses_in_a_sentence(sakura: Facility, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        issued(*arguments)
    with as_center():
        assert not DeviceToken.objects.exists()
