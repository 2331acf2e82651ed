"""Guessing passwords ends after five attempts; test_without_redis.py: without Redis, too."""

import redis
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from medvault.embedded.redis import socket_path
from tests.accounts.pages import events, is_signed_in, sign_in
from tests.environment import HOME
from tests.forked import Forked

TOO_MANY = "Too many failed login attempts"


def guess(times: int, email: str) -> None:
    for _ in range(times):
        assert TOO_MANY not in sign_in(Client(), email, "wrong").content.decode()


def test_the_sixth_attempt_is_refused_even_with_the_right_password(browser: Client, mori: User) -> None:
    guess(5, mori.email)
    answer = sign_in(browser, mori.email)
    assert TOO_MANY in answer.content.decode()
    assert not is_signed_in(browser)
    assert events()[-1].details == {"reason": "too_many_attempts"}


def test_a_locked_out_address_keeps_nobody_else_out(browser: Client, mori: User) -> None:
    guess(5, "nobody@example.org")
    assert sign_in(browser, mori.email).status_code == 302


def test_an_unknown_address_is_locked_out_as_well(browser: Client, mori: User) -> None:
    guess(5, "nobody@example.org")
    assert TOO_MANY in sign_in(browser, "nobody@example.org", "wrong").content.decode()


def test_signing_in_does_not_use_attempts_up(mori: User) -> None:
    guess(4, mori.email)
    for _ in range(3):
        assert sign_in(Client(), mori.email).status_code == 302
    guess(1, mori.email)
    assert TOO_MANY in sign_in(Client(), mori.email).content.decode()


def test_attempts_are_counted_in_redis_where_every_process_sees_them(mori: User) -> None:
    guess(1, mori.email)
    with redis.Redis(unix_socket_path=str(socket_path(HOME)), db=1) as server:
        assert any(b"login_failed" in key for key in server.scan_iter())


def test_processes_count_together(committed_db: None, mori: User) -> None:
    guessing = [Forked("tests.accounts.guessing_process", mori.email, 4) for _ in range(3)]
    assert sum(int(each.communicate()[0]) for each in guessing) == 5


def test_invitations_are_not_guessed_by_the_thousand(db: None) -> None:
    answers = [Client().get(reverse("accept_invitation", args=[f"{number:043d}"])) for number in range(31)]
    assert [answer.status_code for answer in answers] == [404] * 30 + [429]
    assert "Too many tries" in answers[-1].content.decode()


def test_resets_of_one_address_are_limited(db: None) -> None:
    asked = [Client().post(reverse("account_reset_password"), {"email": "a@example.org"}) for _ in range(6)]
    assert [answer.status_code for answer in asked] == [302] * 5 + [429]


def test_many_addresses_from_one_place_are_limited_too(mori: User) -> None:
    for number in range(20):
        sign_in(Client(), f"guess{number}@example.org", "wrong")
    assert TOO_MANY in sign_in(Client(), mori.email).content.decode()
