"""Redis is stopped, or hangs: people sign in and limits hold, counted by each process for itself."""

import os
import signal
from collections.abc import Iterator

import pytest
import redis
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from medvault.cache import RedisOrMemoryCache
from medvault.embedded.redis import EmbeddedRedis, socket_path
from tests.accounts.pages import is_signed_in, sign_in
from tests.accounts.test_lockout import TOO_MANY, guess
from tests.accounts.test_second_factor import totp_code
from tests.environment import HOME

SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture(scope="module", autouse=True)
def stopped(services: None) -> Iterator[None]:
    """Redis is really stopped for the tests of this module."""
    server = EmbeddedRedis(settings.ENV.medvault_home)
    server.stop()
    with pytest.raises(redis.ConnectionError), redis.Redis(unix_socket_path=str(socket_path(HOME))) as client:
        client.ping()
    yield
    server.start()
    ask_again()


def ask_again() -> None:
    """What was found out about the server is forgotten."""
    RedisOrMemoryCache._asked_again_at.clear()


def test_people_sign_in(browser: Client, mori: User) -> None:
    assert sign_in(browser, mori.email).status_code == 302
    assert is_signed_in(browser)


def test_the_sixth_attempt_is_refused(browser: Client, mori: User) -> None:
    guess(5, mori.email)
    assert TOO_MANY in sign_in(browser, mori.email).content.decode()
    assert not is_signed_in(browser)


def test_guessing_second_factors_ends_after_five(browser: Client, mori: User) -> None:
    TOTP.activate(mori, SECRET)
    sign_in(browser, mori.email)
    for _ in range(5):
        browser.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert TOO_MANY in browser.post(reverse("mfa_authenticate"), {"code": totp_code(SECRET)}).content.decode()
    assert not is_signed_in(browser)


def test_a_code_works_once(mori: User) -> None:
    TOTP.activate(mori, SECRET)
    code, outcomes = totp_code(SECRET), []
    for client in (Client(), Client()):
        sign_in(client, mori.email)
        client.post(reverse("mfa_authenticate"), {"code": code})
        outcomes.append(is_signed_in(client))
    assert outcomes == [True, False]


def test_resets_of_one_address_are_limited(mori: User) -> None:
    asked = [Client().post(reverse("account_reset_password"), {"email": mori.email}) for _ in range(6)]
    assert [answer.status_code for answer in asked] == [302] * 5 + [429]


def test_invitations_and_share_links_are_not_guessed_by_the_thousand(db: None) -> None:
    looked = [Client().get(reverse("accept_invitation", args=[f"{number:043d}"])).status_code for number in range(31)]
    assert looked == [404] * 30 + [429]
    tried = [Client().post("/s/", {"token": "y" * 43, "code": f"{number:08d}"}) for number in range(21)]
    assert [answer.status_code for answer in tried] == [403] * 20 + [429]
    assert "Too many tries from here" in tried[-1].content.decode()


def test_a_server_that_hangs_is_waited_for_once(browser: Client, mori: User, caplog: pytest.LogCaptureFixture) -> None:
    server = EmbeddedRedis(settings.ENV.medvault_home)
    server.start()
    with redis.Redis(unix_socket_path=str(socket_path(HOME))) as client:
        process = int(client.info("server")["process_id"])
    ask_again()
    cache.clear()
    os.kill(process, signal.SIGSTOP)
    try:
        assert sign_in(browser, mori.email).status_code == 302
    finally:
        os.kill(process, signal.SIGCONT)
        server.stop()
    assert sum("Redis does not answer" in record.message for record in caplog.records) == 1
