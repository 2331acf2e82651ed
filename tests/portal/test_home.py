"""Where people start after signing in."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from apps.facilities.models import Facility, Role
from tests.portal.pages import url


def test_the_only_facility_opens_at_once(viewer: Client) -> None:
    answer = viewer.get(reverse("home"))
    assert (answer.status_code, answer["Location"]) == (302, url("dashboard"))


def test_several_facilities_are_a_choice(
    sakura: Facility, lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    page = signed_in("m@example.org", sakura=Role.MEMBER, lindenhof=Role.VIEWER).get(reverse("home")).content.decode()
    assert f'href="{url("dashboard")}"' in page
    assert f'href="{url("dashboard", "lindenhof")}"' in page


def test_facilities_can_be_switched_on_every_page(
    sakura: Facility, lindenhof: Facility, signed_in: Callable[..., Client]
) -> None:
    page = signed_in("m@example.org", sakura=Role.MEMBER, lindenhof=Role.VIEWER).get(url("studies")).content.decode()
    assert f'href="{url("dashboard", "lindenhof")}"' in page


def test_a_person_without_a_facility_is_told_what_to_do(sakura: Facility, signed_in: Callable[..., Client]) -> None:
    page = signed_in("new@example.org").get(reverse("home")).content.decode()
    assert "invitation" in page
    assert "Sakura" not in page


def test_staff_of_the_center_start_in_the_admin(db: None, signed_in: Callable[..., Client]) -> None:
    answer = signed_in("robin@center.example", is_staff=True).get(reverse("home"))
    assert (answer.status_code, answer["Location"]) == (302, reverse("admin:index"))


def test_whoever_is_not_signed_in_is_asked_to(client: Client) -> None:
    assert client.get(reverse("home"))["Location"].startswith(reverse("account_login"))
