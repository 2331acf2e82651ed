"""Whose session it is, what it opens from one request to the next, and where a sign-in leads."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.accounts.user_agents import browser_in_words
from apps.audit.record import SYSTEM
from apps.facilities.members import change_role, remove_member
from apps.facilities.models import Facility, Membership, Role
from apps.facilities.tenancy import as_center
from tests.accounts.pages import confirm_password, is_signed_in, sign_in, verified
from tests.accounts.test_second_factor import totp_code
from tests.conftest import PASSWORD

SECRET = "JBSWY3DPEHPK3PXP"
PAGE = "/f/sakura/"


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(browser: Client, mori: User) -> None:
    planted = SessionStore()
    planted["left"] = "by somebody"
    planted.create()
    browser.cookies["sessionid"] = str(planted.session_key)
    sign_in(browser, mori.email)
    assert is_signed_in(browser)
    assert browser.session.session_key != planted.session_key
    assert not SessionStore().exists(str(planted.session_key))


def test_the_second_factor_opens_the_workplace_to_a_session_of_its_own(
    browser: Client, db: None, person: Callable[..., User]
) -> None:
    user = verified(person("keller@example.org", is_staff=True))
    User.objects.update(is_superuser=True)
    sign_in(browser, user.email)
    TOTP.activate(user, SECRET)
    before, thief = browser.session.session_key, Client()
    thief.cookies["sessionid"] = str(before)
    assert thief.get(PAGE).status_code == 404
    browser.post(reverse("mfa_reauthenticate"), {"code": totp_code(SECRET)})
    assert browser.session.session_key != before
    assert browser.get(reverse("admin:index")).status_code == 200
    assert not is_signed_in(thief)
    assert thief.get(reverse("admin:index")).status_code == 302
    assert list(UserSession.objects.values_list("session_key", flat=True)) == [browser.session.session_key]


@pytest.fixture
def abe(sakura: Facility, person: Callable[..., User]) -> User:
    person("mori@example.org", sakura=Role.OWNER)
    return verified(person("abe@example.org", sakura=Role.OWNER))


def test_another_role_counts_at_the_next_request(browser: Client, sakura: Facility, abe: User) -> None:
    sign_in(browser, abe.email)
    with as_center():
        membership = Membership.objects.select_related("facility", "user").get(user=abe)
    tokens = reverse("facilities:tokens", args=["sakura"])
    assert browser.get(tokens).status_code == 200
    change_role(membership=membership, role=Role.VIEWER, actor=SYSTEM)
    assert browser.get(tokens).status_code == 403
    assert browser.post(tokens, {"label": "CT", "scopes": ["images:store"], "valid_days": "30"}).status_code == 403
    remove_member(membership=membership, actor=SYSTEM)
    for address, headers in (
        (PAGE, {}),
        (reverse("portal:studies", args=["sakura"]), {"HX-Request": "true"}),
        (reverse("dicomweb:studies", args=["sakura"]), {}),
    ):
        assert browser.get(address, headers=headers).status_code == 404, address


def test_who_is_deactivated_is_out_at_the_next_request(browser: Client, abe: User) -> None:
    sign_in(browser, abe.email)
    assert browser.get(PAGE).status_code == 200
    User.objects.filter(pk=abe.pk).update(is_active=False)
    assert browser.get(PAGE).status_code == 302
    assert browser.get(reverse("dicomweb:studies", args=["sakura"])).status_code == 401


def test_a_new_password_ends_the_sessions_elsewhere(browser: Client, abe: User) -> None:
    elsewhere, new = Client(), "another horse battery staple"
    for each in (browser, elsewhere):
        sign_in(each, abe.email)
    confirm_password(browser)
    given = {"oldpassword": PASSWORD, "password1": new, "password2": new}
    assert browser.post(reverse("account_change_password"), given).status_code == 302
    assert elsewhere.get(PAGE).status_code == 302
    assert elsewhere.get(reverse("dicomweb:studies", args=["sakura"])).status_code == 401


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "\\\\evil.example", "https:evil.example",
     "javascript:alert(1)", "/\t/evil.example", "http://testserver.evil.example/"],
)  # fmt: skip
def test_signing_in_leads_to_no_other_site(browser: Client, mori: User, target: str) -> None:
    answer = browser.post(
        reverse("account_login"), {"login": mori.email, "password": PASSWORD, "next": target}
    )  # fmt: skip
    assert answer.status_code == 302
    assert answer.headers["Location"] == reverse("home")


def test_no_page_stands_in_a_frame_of_another_site(browser: Client, abe: User) -> None:
    pages = [reverse("account_login"), "/s/", "/no-such-page/"]
    sign_in(browser, abe.email)
    for page in [*pages, PAGE, reverse("facilities:tokens", args=["sakura"])]:
        headers = browser.get(page).headers
        assert headers["X-Frame-Options"] == "DENY", page
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"], page


def test_a_request_under_another_name_is_refused(browser: Client, mori: User) -> None:
    for headers in ({"Host": "evil.example"}, {"Host": "localhost:8000@evil.example"}, {"Host": "evil.example:80"}):
        assert browser.get(reverse("account_login"), headers=headers).status_code == 400
    forwarded = {"X-Forwarded-Host": "evil.example"}
    answer = browser.post(reverse("account_reset_password"), {"email": mori.email}, headers=forwarded)
    assert "evil.example" not in answer.headers["Location"]


def test_cookies_keep_to_this_site_and_its_secure_connection(browser: Client, abe: User, settings: Any) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = settings.SECURE = True
    browser.get(reverse("account_login"))
    sign_in(browser, abe.email)
    browser.get(reverse("facilities:tokens", args=["sakura"]))
    flags = {name: (each["httponly"], each["secure"], each["samesite"]) for name, each in browser.cookies.items()}
    assert flags["sessionid"] == flags["forms"] == (True, True, "Lax")
    assert flags["csrftoken"][1:] == (True, "Lax")


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(("user_agent", "words"), [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox on Linux"),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {WEBKIT} Version/17.5 Safari/604.1", "Safari on iPhone"),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
    ("curl/8.8.0", "curl/8.8.0"),
    ("", "unknown"),
])  # fmt: skip
def test_a_browser_is_told_in_words(user_agent: str, words: str) -> None:
    assert browser_in_words(user_agent) == words
