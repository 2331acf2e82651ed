"""Passkeys, with an authenticator that Chromium plays."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from apps.facilities.models import Facility
from tests.browser.conftest import Visit
from tests.conftest import PASSWORD

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def window(clinic: Facility, visit: Callable[..., Visit]) -> Visit:
    """The owner's browser, on a device that can hold a passkey."""
    made = visit()
    device = made.context.new_cdp_session(made.page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    made.sign_in()
    return made


def add_passkey(window: Visit) -> None:
    page = window.page
    page.goto("/accounts/2fa/webauthn/add/")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("Laptop")
    page.get_by_label("passwordless", exact=False).check()
    page.get_by_role("main").get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()


def test_a_passkey_is_added_and_signs_in_without_a_password(window: Visit) -> None:
    add_passkey(window)
    window.context.clear_cookies()
    window.page.goto("/accounts/login/")
    window.page.get_by_role("button", name="Sign in with a passkey").click()
    window.page.wait_for_url("**/f/sakura/")
    assert window.faults() == []


def test_with_a_passkey_the_password_alone_no_longer_signs_in(window: Visit) -> None:
    add_passkey(window)
    window.context.clear_cookies()
    page = window.page
    page.goto("/accounts/login/")
    page.get_by_label("mail").fill("mori@example.org")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/accounts/2fa/authenticate/**")
    page.goto("/f/sakura/")
    assert "/accounts/2fa/authenticate/" in page.url
