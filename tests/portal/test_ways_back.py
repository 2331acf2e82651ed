"""Reloading what was posted, or choosing another language there, leads back to the page and to no empty one."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from apps.facilities.models import Facility, Role
from tests.portal.pages import url

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        (url("end_plan"), url("plan")),
        (url("decide"), url("expiring")),
        (url("cancel_order", order_id=1), url("order", order_id=1)),
        (url("keep_search"), url("studies")),
        (url("forget_search", search_id=1), url("keep_search")),  # from where it leads on
        (url("ask_report"), url("accountability")),
        ("/f/sakura/members/1/role/", "/f/sakura/members/"),
    ],
)
def test_a_browser_is_led_to_the_page_above(owner: Client, asked: str, found: str) -> None:
    answer = owner.get(asked, headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (302, found)
    assert owner.get(asked, headers=BROWSER | {"HX-Request": "true"}).status_code == 405
    assert owner.get(asked).status_code == 405


def test_another_language_is_chosen_on_a_page_that_asks_first(owner: Client) -> None:
    answer = owner.post(reverse("set_language"), {"language": "ja", "next": url("end_plan")}, headers=BROWSER)
    assert owner.get(answer.headers["Location"], headers=BROWSER, follow=True).status_code == 200


def test_strangers_learn_nothing_by_it(owner: Client, stranger: Client) -> None:
    assert stranger.get(url("end_plan"), headers=BROWSER).status_code == 404
    assert Client().get(url("end_plan"), headers=BROWSER).headers["Location"].startswith("/accounts/login/")
