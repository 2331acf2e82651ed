"""The page behind an invitation's link."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.facilities.invitations import invite, revoke_invitation
from apps.facilities.models import Facility, Invitation, Role
from apps.facilities.tenancy import as_center
from tests.accounts.pages import is_signed_in, sign_in, verified
from tests.conftest import PASSWORD
from tests.facilities.test_members import roles

EMAIL = "abe@example.org"
ANSWERS = {"name": "Ren Abe", "password": PASSWORD}


@pytest.fixture
def sent(sakura: Facility, person: Callable[..., User]) -> tuple[Invitation, str]:
    cache.clear()
    by = person("mori@example.org", sakura=Role.OWNER)
    return invite(facility=sakura, email=EMAIL, role=Role.MEMBER, invited_by=by, actor=SYSTEM)


@pytest.fixture
def link(sent: tuple[Invitation, str]) -> str:
    return reverse("accept_invitation", kwargs={"secret": sent[1]})


def test_a_new_person_signs_up_joins_and_is_signed_in(sakura: Facility, link: str) -> None:
    browser = Client()
    page = browser.get(link).content.decode()
    assert "Sakura Clinic" in page
    assert EMAIL in page
    answer = browser.post(link, ANSWERS)
    assert (answer.status_code, answer.headers["Location"]) == (302, reverse("home"))
    assert is_signed_in(browser)
    assert roles(sakura)[EMAIL] == Role.MEMBER
    assert browser.get("/f/sakura/members/").status_code == 200
    with as_center():
        acts = set(
            Event.objects.filter(actor_id=str(User.objects.get(email=EMAIL).pk)).values_list("action", flat=True)
        )
    assert acts == {"invitation.accepted", "user.signed_in"}
    assert sign_in(Client(), EMAIL).headers["Location"] == reverse("home")


def test_looking_at_the_page_accepts_nothing(sakura: Facility, link: str) -> None:
    Client().get(link)
    assert EMAIL not in roles(sakura)
    assert not User.objects.filter(email=EMAIL).exists()


def test_a_person_with_a_sign_in_is_asked_to_use_it_and_comes_back(
    sakura: Facility, link: str, person: Callable[..., User]
) -> None:
    verified(person(EMAIL))
    browser = Client()
    page = browser.get(link).content.decode()
    assert 'name="password"' not in page
    assert f"{reverse('account_login')}?next={link}" in page
    browser.post(link, ANSWERS | {"password": "the password of a thief"})
    assert User.objects.get(email=EMAIL).check_password(PASSWORD)
    assert EMAIL not in roles(sakura)
    answer = browser.post(f"{reverse('account_login')}?next={link}", {"login": EMAIL, "password": PASSWORD})
    assert answer.headers["Location"] == link
    assert "Join" in browser.get(link).content.decode()
    assert browser.post(link).headers["Location"] == reverse("home")
    assert roles(sakura)[EMAIL] == Role.MEMBER


def test_somebody_else_who_is_signed_in_cannot_accept(
    sakura: Facility, link: str, signed_in: Callable[..., Client]
) -> None:
    browser = signed_in("eve@example.org")
    assert "Sign out" in browser.get(link).content.decode()
    answer = browser.post(link, ANSWERS)
    assert answer.status_code == 409
    assert "another e-mail address" in answer.content.decode()
    assert EMAIL not in roles(sakura)
    assert not User.objects.filter(email=EMAIL).exists()


@pytest.mark.parametrize(
    "answers",
    [{}, ANSWERS | {"name": ""}, ANSWERS | {"password": "short"}, ANSWERS | {"password": "password1234"},
     ANSWERS | {"password": EMAIL}],
)  # fmt: skip
def test_a_sign_up_that_is_refused_says_why(sakura: Facility, link: str, answers: dict[str, str]) -> None:
    answer = Client().post(link, answers)
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not User.objects.filter(email=EMAIL).exists()


def test_an_unknown_link_is_nothing(db: None) -> None:
    for method in ("get", "post"):
        assert getattr(Client(), method)(reverse("accept_invitation", kwargs={"secret": "guessed"})).status_code == 404


@pytest.mark.parametrize("end", ["withdrawn", "expired", "accepted"])
def test_a_link_whose_time_is_over_says_so(sent: tuple[Invitation, str], link: str, end: str) -> None:
    if end == "withdrawn":
        revoke_invitation(invitation=sent[0], actor=SYSTEM)
    elif end == "expired":
        with as_center():
            Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        Client().post(link, ANSWERS)
    for method in ("get", "post"):
        answer = getattr(Client(), method)(link, ANSWERS)
        assert answer.status_code == 410
        assert end in answer.content.decode()


def test_the_secret_is_neither_told_to_other_pages_nor_kept_by_the_browser(link: str) -> None:
    for address in (link, reverse("accept_invitation", kwargs={"secret": "guessed"})):
        answer = Client().get(address)
        assert answer.headers["Referrer-Policy"] == "strict-origin"
        assert "no-store" in answer.headers["Cache-Control"]


def test_an_acceptance_that_another_page_makes_the_browser_post_is_refused(
    sakura: Facility, link: str, person: Callable[..., User]
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(person(EMAIL), backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post(link).status_code == 403
    assert EMAIL not in roles(sakura)


def test_the_password_stays_out_of_error_reports(link: str, rf: Any) -> None:
    from apps.facilities.invitation_pages import accept

    request = rf.post(link, ANSWERS)
    request.user = User()
    accept(request, secret="guessed")
    assert request.sensitive_post_parameters == ("password",)
