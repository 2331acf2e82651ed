"""Authenticator apps, recovery codes, and what a password alone opens once there is a second factor."""

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.core import mail
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from tests.accounts.pages import code_in_last_mail, confirm_password, events, is_signed_in, sign_in


def totp_code(secret: str) -> str:
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30)))


def set_up_totp(client: Client) -> str:
    """Set an authenticator app up on the page; its secret."""
    confirm_password(client)
    url = reverse("mfa_activate_totp")
    secret: str = client.get(url).context["form"].secret
    assert client.post(url, {"code": totp_code(secret)}).status_code == 302
    return secret


def test_an_authenticator_app_is_set_up_and_asked_for_from_then_on(
    committed_db: None, browser: Client, mori: User
) -> None:
    sign_in(browser, mori.email)
    secret = set_up_totp(browser)
    added = [event.details["type"] for event in events("second_factor_added")]
    assert sorted(added) == ["recovery_codes", "totp"]
    assert mail.outbox[-1].to == [mori.email]

    later = Client()
    assert sign_in(later, mori.email).headers["Location"] == reverse("mfa_authenticate")
    assert not is_signed_in(later)
    later.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert not is_signed_in(later)
    assert events()[-1].details == {"reason": "second_factor", "type": "totp"}
    later.post(reverse("mfa_authenticate"), {"code": totp_code(secret)})
    assert is_signed_in(later)
    assert events()[-1].action == "user.signed_in"


def test_a_code_works_once(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    secret = set_up_totp(browser)
    code = totp_code(secret)
    outcomes = []
    for client in (Client(), Client()):
        sign_in(client, mori.email)
        client.post(reverse("mfa_authenticate"), {"code": code})
        outcomes.append(is_signed_in(client))
    assert outcomes == [True, False]


def test_guessing_codes_ends_after_five(browser: Client, mori: User) -> None:
    TOTP.activate(mori, "JBSWY3DPEHPK3PXP")
    sign_in(browser, mori.email)
    for _ in range(5):
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    answer = browser.post(reverse("mfa_authenticate"), {"code": totp_code("JBSWY3DPEHPK3PXP")})
    assert "Too many failed login attempts" in answer.content.decode()
    assert not is_signed_in(browser)


def test_a_recovery_code_stands_in_once(browser: Client, mori: User) -> None:
    TOTP.activate(mori, "JBSWY3DPEHPK3PXP")
    code = RecoveryCodes.activate(mori).get_unused_codes()[0]
    outcomes = []
    for client in (Client(), Client()):
        sign_in(client, mori.email)
        client.post(reverse("mfa_authenticate"), {"code": code})
        outcomes.append(is_signed_in(client))
    assert outcomes == [True, False]


def test_a_second_factor_is_set_up_by_who_knows_the_password(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    answer = browser.get(reverse("mfa_activate_totp"))
    assert answer.headers["Location"].startswith(reverse("account_reauthenticate"))


def test_removing_the_second_factor_is_recorded(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    set_up_totp(browser)
    browser.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=mori).exists()
    assert {event.details["type"] for event in events("second_factor_removed")} == {"recovery_codes", "totp"}


def test_recovery_codes_made_anew_void_the_old_ones(committed_db: None, browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    set_up_totp(browser)
    old = Authenticator.objects.get(user=mori, type="recovery_codes").data
    browser.post(reverse("mfa_generate_recovery_codes"))
    assert Authenticator.objects.get(user=mori, type="recovery_codes").data != old
    assert len(events("second_factor_renewed")) == 1


def test_another_address_takes_effect_once_it_is_verified(browser: Client, mori: User) -> None:
    sign_in(browser, mori.email)
    TOTP.activate(mori, "JBSWY3DPEHPK3PXP")
    confirm_password(browser)
    browser.post(reverse("account_email"), {"email": "haruka@example.org", "action_add": ""})
    assert mail.outbox[-1].to == ["haruka@example.org"]
    mori.refresh_from_db()
    assert mori.email == "mori@example.org"
    url = reverse("account_email_verification_sent")
    browser.post(url, {"code": "WRONG1"})
    mori.refresh_from_db()
    assert mori.email == "mori@example.org"
    browser.post(url, {"code": code_in_last_mail()})
    mori.refresh_from_db()
    assert mori.email == "haruka@example.org"
    assert [event.details for event in events("email_changed")] == [{}]
    assert sign_in(Client(), "mori@example.org").status_code == 200


def test_the_address_of_somebody_else_cannot_be_taken_and_is_not_betrayed(browser: Client, mori: User) -> None:
    User.objects.create_user("abe@example.org", "another battery of staples")
    sign_in(browser, mori.email)
    confirm_password(browser)
    taken = browser.post(reverse("account_email"), {"email": "abe@example.org", "action_add": ""})
    free = browser.post(reverse("account_email"), {"email": "free@example.org", "action_add": ""})
    assert (taken.status_code, taken.headers["Location"]) == (free.status_code, free.headers["Location"])
    mori.refresh_from_db()
    assert mori.email == "mori@example.org"
