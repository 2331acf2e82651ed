"""Forms that are sent after the sign-in has ended, by the wrong person, twice, or at the same moment."""

import json
import re
from collections.abc import Callable
from html import unescape
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts import form_middleware, kept_forms
from apps.accounts.models import User
from apps.collection.models import CollectionRequest, Terminal
from apps.collection.requests import request_collection
from apps.facilities.models import DeviceToken, Facility, Role
from apps.facilities.tenancy import as_center
from apps.portal import terminals
from tests.accounts.pages import verified

TYPED = {"reason": "closure", "due_on": "2030-01-05", "note": "Ask for Ms <b>Abe</b> & the key"}
PEOPLE = {"mori": "mori@example.org", "abe": "abe@example.org"}


@pytest.fixture
def terminal(sakura: Facility, person: Callable[..., User]) -> Terminal:
    for email in PEOPLE.values():
        verified(person(email, sakura=Role.OWNER))
    with as_center():
        return Terminal.objects.create(facility=sakura, name="X-ray room")


@pytest.fixture
def page(terminal: Terminal) -> str:
    return reverse("portal:terminal", args=["sakura", terminal.pk])


@pytest.fixture
def browser(terminal: Terminal) -> Client:
    """A browser in which Mori is signed in; it minds forged requests, as browsers' servers do."""
    client = Client(enforce_csrf_checks=True)
    return signed_in_as("mori", client)


def signed_in_as(name: str, client: Client) -> Client:
    form = {"login": PEOPLE[name], "password": "correct horse battery staple"}
    token = token_in(client.get(reverse("account_login")))
    assert client.post(reverse("account_login"), form | {"csrfmiddlewaretoken": token}).status_code == 302
    return client


def token_in(answer: Any) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', answer.content.decode())
    assert found, answer
    return found[1]


def send(client: Client, page: str, token: str, act: str = "ask", **options: Any) -> Any:
    headers = {"Referer": f"http://testserver{page}"}
    return client.post(f"{page}{act}", TYPED | {"csrfmiddlewaretoken": token}, headers=headers, **options)


def typed_in(answer: Any) -> dict[str, str]:
    """What the page has for its script to put back into the form."""
    found = re.search(r'<script id="kept-form"[^>]*>(.*?)</script>', answer.content.decode())
    return dict(json.loads(found[1])) if found else {}


def wishes() -> int:
    with as_center():
        return CollectionRequest.objects.count()


def end_session(client: Client) -> None:
    """As when it has expired: the browser still has its cookie."""
    Session.objects.filter(session_key=client.session.session_key).update(expire_date=timezone.now())


def test_what_was_typed_outlives_the_sign_in(browser: Client, page: str) -> None:
    token = token_in(browser.get(page))
    end_session(browser)
    answer = send(browser, page, token)
    assert answer.status_code == 302
    to = urlsplit(answer.headers["Location"])
    assert (to.path, parse_qs(to.query)) == (reverse("account_login"), {"next": [page]})
    assert "What you typed is kept" in browser.get(answer.headers["Location"]).content.decode()
    assert "Abe" not in str([each.get_decoded() for each in Session.objects.all()])
    signed_in_as("mori", browser)
    back = browser.get(page)
    assert typed_in(back) == TYPED
    assert "Ask for Ms &lt;b&gt;Abe&lt;/b&gt; &amp; the key" in back.content.decode()
    assert wishes() == 0
    assert typed_in(browser.get(page)) == {}
    assert send(browser, page, token_in(back)).status_code == 302
    assert wishes() == 1


@pytest.mark.parametrize("sent_by", ["nobody", "abe"])
def test_nobody_else_gets_what_was_typed(browser: Client, page: str, sent_by: str) -> None:
    """Whether it was sent before the next person signed in, or out of a window that was still open after that."""
    token = token_in(browser.get(page))
    end_session(browser)
    if sent_by == "nobody":
        send(browser, page, token)
        signed_in_as("abe", browser)
    else:
        signed_in_as("abe", browser)
        assert send(browser, page, token).status_code == 403
    assert typed_in(browser.get(page)) == {}
    assert kept_forms.SESSION_KEY not in browser.session
    signed_in_as("mori", Client())
    assert wishes() == 0


def test_a_page_from_before_the_sign_in_is_refused_kindly_and_loses_nothing(browser: Client, page: str) -> None:
    token = token_in(browser.get(page))
    end_session(browser)
    signed_in_as("mori", browser)
    answer = send(browser, page, token)
    assert answer.status_code == 403
    assert "The page was too old" in answer.content.decode()
    assert f'href="{page}"' in answer.content.decode()
    assert typed_in(browser.get(page)) == TYPED


def test_what_another_site_sends_is_not_kept(browser: Client, page: str) -> None:
    token = token_in(browser.get(page))
    end_session(browser)
    signed_in_as("mori", browser)
    for site, forged in (("cross-site", token), ("same-origin", "a" * 64), ("same-origin", "é" * 64), ("none", "")):
        form, headers = TYPED | {"csrfmiddlewaretoken": forged}, {"Sec-Fetch-Site": site}
        assert browser.post(f"{page}ask", form, headers=headers).status_code == 403
        assert typed_in(browser.get(page)) == {}


def test_where_the_page_cannot_be_opened_again_what_was_typed_can_be_sent(browser: Client, page: str) -> None:
    """A step that is the answer to a form before it; and a browser that does not tell where a form stood."""
    token = token_in(browser.get(page))
    end_session(browser)
    form = TYPED | {"csrfmiddlewaretoken": token, "password": "never kept"}
    browser.post(f"{page}ask", form)
    signed_in_as("mori", browser)
    answer = browser.get(f"{page}ask")
    assert answer.status_code == 200
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.content.decode()))
    token = fields.pop("csrfmiddlewaretoken")
    assert {name: unescape(value) for name, value in fields.items()} == TYPED
    assert send(browser, page, token).status_code == 302
    assert wishes() == 1
    assert browser.get(f"{page}ask").status_code == 405


def test_what_is_too_long_or_too_old_is_not_kept(browser: Client, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_in(browser.get(page))
    end_session(browser)
    monkeypatch.setattr(kept_forms, "MOST_CHARACTERS", 10)
    assert send(browser, page, token).headers["Location"].endswith(f"next={page.replace('/', '%2F')}")
    assert kept_forms.SESSION_KEY not in browser.session
    monkeypatch.undo()
    send(browser, page, token)
    monkeypatch.setattr(kept_forms, "KEPT_S", -1)
    signed_in_as("mori", browser)
    assert typed_in(browser.get(page)) == {}
    assert kept_forms.SESSION_KEY not in browser.session


def test_a_window_of_htmx_goes_to_sign_in_as_a_whole(page: str, terminal: Terminal) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{page}"}
    answer = Client().get(reverse("portal:studies", args=["sakura"]), headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"] == f"{reverse('account_login')}?next={page.replace('/', '%2F')}"


def test_staff_find_what_they_typed_as_well(person: Callable[..., User], db: None, settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False
    verified(person("mori@example.org", is_staff=True))
    User.objects.update(is_superuser=True)
    browser, page = signed_in_as("mori", Client(enforce_csrf_checks=True)), reverse("admin:facilities_facility_add")
    form = {"name": "Klinik am See", "slug": "see", "csrfmiddlewaretoken": token_in(browser.get(page))}
    end_session(browser)
    answer = browser.post(page, form, headers={"Referer": f"http://testserver{page}"})
    assert answer.headers["Location"] == f"{reverse('account_login')}?next={page.replace('/', '%2F')}"
    signed_in_as("mori", browser)
    assert typed_in(browser.get(page)) == {"name": "Klinik am See", "slug": "see"}


def test_a_form_that_is_sent_twice_acts_once(browser: Client, page: str) -> None:
    token = token_in(browser.get(page))
    first, again = send(browser, page, token), send(browser, page, token)
    assert (first.status_code, again.status_code) == (302, 302)
    assert first.headers["Location"] == again.headers["Location"] == page
    assert wishes() == 1
    assert "This was sent before. It was done once." in browser.get(page).content.decode()
    send(browser, page, token_in(browser.get(page)))
    assert wishes() == 2


def test_a_form_that_was_refused_may_be_sent_again(browser: Client, page: str) -> None:
    token = token_in(browser.get(page))
    faulty = TYPED | {"due_on": "2001-01-01", "csrfmiddlewaretoken": token}
    assert [browser.post(f"{page}ask", faulty).status_code for _ in range(2)] == [422, 422]
    assert send(browser, page, token).status_code == 302
    assert wishes() == 1


def test_a_secret_is_not_made_twice(browser: Client) -> None:
    page = reverse("facilities:tokens", args=["sakura"])
    form = {"label": "CT", "scopes": ["images:store"], "valid_days": "90"}
    form["csrfmiddlewaretoken"] = token_in(browser.get(page))
    assert [browser.post(page, form).status_code for _ in range(2)] == [201, 409]
    with as_center():
        assert DeviceToken.objects.count() == 1


def test_a_button_that_is_pressed_twice_waits_for_the_first_answer(
    committed_db: None, browser: Client, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, is_acting, is_asked_again = token_in(browser.get(page)), Event(), Event()
    ask, look = request_collection, cache.get

    def slowly(*args: Any, **kwargs: Any) -> Any:
        is_acting.set()
        assert is_asked_again.wait(10)
        return ask(*args, **kwargs)

    def looked(key: str) -> Any:
        is_asked_again.set()
        return look(key)

    monkeypatch.setattr(terminals, "request_collection", slowly)
    monkeypatch.setattr(form_middleware, "cache", SimpleNamespace(
        add=cache.add, set=cache.set, delete=cache.delete, get=looked
    ))  # fmt: skip
    answers: list[Any] = []

    def press() -> None:
        answers.append(send(browser, page, token))
        connection.close()

    first = Thread(target=press)
    first.start()
    assert is_acting.wait(10)
    press()
    first.join(10)
    assert [answer.headers["Location"] for answer in answers] == [page, page]
    assert wishes() == 1
