"""In which language and time zone pages and letters speak."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from apps.accounts.models import User
from apps.facilities.models import Facility, Role
from apps.facilities.reading import in_words_of

JAPANESE = {"accept-language": "ja,en;q=0.5"}
SIGN_IN = {"en": "Sign in", "ja": "ログイン"}


@pytest.mark.parametrize(
    ("person", "facility", "expected"),
    [
        (("ja", "Asia/Tokyo"), ("en", "Europe/Berlin"), ("ja", "Asia/Tokyo")),
        (("", ""), ("ja", "Europe/Berlin"), ("ja", "Europe/Berlin")),
        (None, ("ja", "Asia/Tokyo"), ("ja", "Asia/Tokyo")),
        (("ja", ""), None, ("ja", "UTC")),
        (None, None, ("en", "UTC")),
    ],
)
def test_a_letter_speaks_as_its_reader_chose_or_else_as_the_facility_did(
    person: tuple[str, str] | None, facility: tuple[str, str] | None, expected: tuple[str, str]
) -> None:
    reader = User(language=person[0], time_zone=person[1]) if person else None
    place = Facility(language=facility[0], time_zone=facility[1]) if facility else None
    with translation.override("en"), in_words_of(reader, place):
        assert (translation.get_language(), timezone.get_current_timezone_name()) == expected
    assert timezone.get_current_timezone_name() == "UTC"


def test_a_choice_changes_every_page_and_no_choice_leaves_it_to_the_browser(
    sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    client = signed_in("mori@example.org", sakura=Role.MEMBER)
    overview = reverse("portal:dashboard", kwargs={"facility_slug": "sakura"})
    assert client.get(overview, headers=JAPANESE).headers["Content-Language"] == "ja"
    assert client.get(overview).headers["Content-Language"] == "en"
    assert client.post(reverse("language"), {"language": "ja", "time_zone": "Asia/Tokyo"}).status_code == 302
    person = User.objects.get()
    assert (person.language, person.time_zone) == ("ja", "Asia/Tokyo")
    for page in (overview, reverse("language"), "/no-such-page/"):
        answer = client.get(page)
        assert answer.headers["Content-Language"] == "ja"
        assert '<html lang="ja">' in answer.content.decode()


@pytest.mark.parametrize("wrong", [{"language": "tlh"}, {"time_zone": "Mars/Olympus"}, {"language": "../../etc"}])
def test_what_does_not_exist_is_not_chosen(
    wrong: dict[str, str], sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    client = signed_in("mori@example.org", sakura=Role.VIEWER)
    assert client.post(reverse("language"), wrong).status_code == 422
    assert not User.objects.exclude(language="", time_zone="").exists()


def test_the_page_is_for_people_who_signed_in(client: Client) -> None:
    assert client.get(reverse("language")).headers["Location"].startswith("/accounts/login/")


def test_who_is_not_signed_in_switches_the_language_and_stays_on_this_site(client: Client, db: None) -> None:
    page = reverse("account_login")
    assert SIGN_IN["en"] in client.get(page).content.decode()
    answer = client.post(reverse("set_language"), {"language": "ja", "next": page})
    assert answer.headers["Location"] == page
    shown = client.get(page).content.decode()
    assert SIGN_IN["ja"] in shown
    assert ">English</button>" in shown  # whoever cannot read Japanese finds the way back
    elsewhere = client.post(reverse("set_language"), {"language": "ja", "next": "https://evil.example/"})
    assert "evil" not in elsewhere.headers["Location"]
