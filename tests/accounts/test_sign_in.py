"""Signing in and out with a password: who may, what is said, and what is on record."""

from collections.abc import Callable

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from tests.accounts.pages import events, is_signed_in, link_in_last_mail, sign_in

NEW_PASSWORD = "a ferry crosses at noon"


def test_the_right_password_signs_in_whatever_the_case_of_the_address(browser: Client, mori: User) -> None:
    assert sign_in(browser, "Mori@Example.ORG").status_code == 302
    assert is_signed_in(browser)
    (event,) = events()
    assert (event.action, event.actor_kind, event.actor_id) == ("user.signed_in", "user", str(mori.pk))
    assert (event.facility_id, event.source_address, event.details) == (None, "127.0.0.1", {})


def test_a_sign_in_ends_with_the_browser(browser: Client, mori: User) -> None:
    answer = sign_in(browser, mori.email)
    assert answer.cookies["sessionid"]["expires"] == ""
    assert answer.cookies["sessionid"]["httponly"]


def test_a_wrong_password_is_recorded_without_what_was_typed(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email, "wrong")
    sign_in(browser, "nobody@example.org", "wrong")
    assert not is_signed_in(browser)
    known, unknown = events()
    assert {known.action, unknown.action} == {"user.sign_in_failed"}
    assert (known.actor_id, unknown.actor_id) == (str(mori.pk), "unknown")
    for event in (known, unknown):
        assert event.details == {"reason": "password"}
        assert "example.org" not in f"{event.actor_id} {event.object_id}"


def test_an_unknown_address_is_answered_like_a_wrong_password(browser: Client, mori: User) -> None:
    known = sign_in(browser, mori.email, "wrong")
    unknown = sign_in(browser, "nobody@example.org", "wrong")
    assert known.status_code == unknown.status_code == 200
    assert known.context["form"].errors == unknown.context["form"].errors
    assert known.context["form"].errors


def test_a_deactivated_person_is_kept_out(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    User.objects.filter(pk=mori.pk).update(is_active=False)
    assert browser.get(reverse("account_email")).status_code == 302
    again = Client()
    assert sign_in(again, mori.email).status_code in {200, 302}
    assert not is_signed_in(again)
    assert events()[-1].action == "user.sign_in_failed"


def test_signing_out_is_recorded(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    browser.post(reverse("account_logout"))
    assert not is_signed_in(browser)
    assert [event.action for event in events()] == ["user.signed_in", "user.signed_out"]


def test_nobody_signs_up_alone(browser: Client, db: None) -> None:
    url = reverse("account_signup")
    browser.post(url, {"email": "new@example.org", "password1": NEW_PASSWORD})
    assert not User.objects.exists()
    assert "form" not in browser.get(url).context


def test_a_password_reset_tells_nobody_who_is_registered(browser: Client, mori: User) -> None:
    url = reverse("account_reset_password")
    known, unknown = (browser.post(url, {"email": email}) for email in (mori.email, "nobody@example.org"))
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert [message.to for message in mail.outbox] == [[mori.email], ["nobody@example.org"]]


def test_a_link_resets_the_password_once_and_ends_every_session(browser: Client, mori: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere, mori.email)
    browser.post(reverse("account_reset_password"), {"email": mori.email})
    link = link_in_last_mail()
    form = browser.get(link)
    assert form.status_code == 302
    assert "set-password" in form.headers["Location"]
    answer = browser.post(form.headers["Location"], {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    assert answer.status_code == 302
    assert elsewhere.get(reverse("account_email")).status_code == 302
    assert sign_in(Client(), mori.email).status_code == 200
    assert sign_in(browser, mori.email, NEW_PASSWORD).status_code == 302
    assert [event.actor_id for event in events("password_reset")] == [str(mori.pk)]
    assert Client().get(link).status_code == 200


def test_changing_the_password_is_recorded_and_told_to_the_person(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    answer = browser.post(
        reverse("account_change_password"),
        {"oldpassword": "correct horse battery staple", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert answer.status_code == 302
    assert not is_signed_in(browser)
    assert len(events("password_changed")) == 1
    assert mail.outbox[-1].to == [mori.email]
    assert sign_in(browser, mori.email, NEW_PASSWORD).status_code == 302


def test_a_mail_server_that_is_away_does_not_undo_a_new_password(browser: Client, mori: User, settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"  # type: ignore[attr-defined]
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # type: ignore[attr-defined]
    sign_in(browser, mori.email)
    answer = browser.post(
        reverse("account_change_password"),
        {"oldpassword": "correct horse battery staple", "password1": NEW_PASSWORD, "password2": NEW_PASSWORD},
    )
    assert answer.status_code == 302
    assert sign_in(browser, mori.email, NEW_PASSWORD).status_code == 302


@pytest.mark.parametrize("password", ["short", "password1234", "mori@example.org"])
def test_a_weak_password_is_refused(browser: Client, mori: User, password: str) -> None:
    sign_in(browser, mori.email)
    answer = browser.post(
        reverse("account_change_password"),
        {"oldpassword": "correct horse battery staple", "password1": password, "password2": password},
    )
    assert answer.status_code == 200
    assert answer.context["form"].errors


def test_sessions_elsewhere_can_be_ended(mori: User) -> None:
    here, there = Client(), Client()
    for each in (here, there):
        sign_in(each, mori.email)
    assert here.get(reverse("usersessions_list")).status_code == 200
    here.post(reverse("usersessions_list"))
    assert here.get(reverse("account_email")).status_code == 200
    assert there.get(reverse("account_email")).status_code == 302
    assert [event.details for event in events("sessions_ended")] == [{"number": 1}]


def test_a_person_of_staff_without_a_verified_address_verifies_it_first(
    browser: Client, db: None, person: Callable[..., User]
) -> None:
    person("new@example.org")
    assert sign_in(browser, "new@example.org").status_code == 302
    assert not is_signed_in(browser)
    assert mail.outbox[-1].to == ["new@example.org"]
