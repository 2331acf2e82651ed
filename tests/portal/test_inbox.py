"""The inbox of a person at a facility: what is theirs, what is read, and a bell that knows without a reload."""

from collections.abc import Callable

import pytest
from django.test import Client

from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.models import Entry, Notification, Preference, ReadingHours
from tests.notifications.told import handed_on, told
from tests.portal.pages import url

PREFERENCES = "/accounts/notifications/"


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("owner@sakura.example", sakura=Role.OWNER)


def entry_of(address: str) -> Entry:
    with as_center():
        return Entry.objects.get(user__email=address)


def test_an_empty_inbox_says_what_will_come(owner: Client) -> None:
    assert b"When something needs you" in owner.get(url("inbox")).content
    assert b"You have read everything" in owner.get(url("inbox"), {"show": "unread"}).content


def test_each_reads_their_own_and_the_bell_counts_it(
    sakura: Facility, owner: Client, viewer: Client, stranger: Client
) -> None:
    told(sakura, Kind.DECISIONS_WANTED, facts={"count": 3})
    handed_on()
    page = owner.get(url("inbox"))
    assert b"The storage periods of 3 studies have ended" in page.content
    assert b'bell-count">1<' in page.content
    assert b"The storage periods" not in viewer.get(url("inbox")).content
    entry = entry_of("owner@sakura.example")
    assert viewer.get(url("open_entry", entry_id=entry.pk)).status_code == 404
    assert stranger.get(url("open_entry", "lindenhof", entry_id=entry.pk)).status_code == 404
    assert entry_of("owner@sakura.example").read_at is None
    opened = owner.get(url("open_entry", entry_id=entry.pk))
    assert (opened.status_code, opened["Location"]) == (302, "/f/sakura/collections/")
    assert b"bell-count" not in owner.get(url("inbox")).content
    assert b"The storage periods" not in owner.get(url("inbox"), {"show": "unread"}).content


def test_the_bell_is_quiet_until_something_happens(sakura: Facility, owner: Client) -> None:
    mark = owner.get(url("inbox")).context["bell"].mark
    assert owner.get(url("bell"), {"seen": mark}).status_code == 204
    told(sakura)
    handed_on()
    rung = owner.get(url("bell"), {"seen": mark})
    assert (rung.status_code, rung["HX-Trigger"]) == (200, '{"inbox-changed": {}}')
    assert owner.get(url("bell"), {"seen": rung.context["bell"].mark}).status_code == 204
    owner.post(url("read_all"))
    assert b"bell-count" not in owner.get(url("bell"), {"seen": rung.context["bell"].mark}).content


def test_a_path_that_leads_elsewhere_is_not_followed(sakura: Facility, owner: Client) -> None:
    told(sakura, path="//evil.example/")
    handed_on()
    opened = owner.get(url("open_entry", entry_id=entry_of("owner@sakura.example").pk))
    assert opened["Location"] == url("inbox")


def test_facts_are_text_on_pages(sakura: Facility, owner: Client) -> None:
    told(sakura, Kind.TERMINAL_FILLING, facts={"terminal": "<img src=x onerror=alert(1)>", "percent": 91})
    handed_on()
    page = owner.get(url("inbox")).content
    assert b"<img src=x" not in page
    assert b"&lt;img src=x" in page


def test_long_inboxes_have_pages(sakura: Facility, owner: Client) -> None:
    for number in range(30):
        told(sakura, occasion=number)
    handed_on()
    first = owner.get(url("inbox"))
    assert len(first.context["entries"]) == 25
    older = owner.get(url("inbox"), {"before": first.context["older"]})
    assert len(older.context["entries"]) == 5


def test_people_choose_what_they_hear_and_when(owner: Client) -> None:
    page = owner.get(PREFERENCES)
    assert b"collection.failed" in page.content
    assert b"staff." not in page.content
    chosen = {"inbox-collection.failed": "on", "digest_at": "07:00", "quiet_from": "", "quiet_until": ""}
    assert owner.post(PREFERENCES, chosen).status_code == 302
    [hours] = ReadingHours.objects.all()
    assert f"{hours.digest_at:%H:%M}" == "07:00"
    by_kind = {each.kind: (each.in_inbox, each.by_email) for each in Preference.objects.all()}
    assert by_kind[Kind.COLLECTION_FAILED] == (True, False)
    assert by_kind[Kind.DELETION_AHEAD] == (False, True)  # the contract wants the letter
    assert Kind.COLLECTION_STORED not in by_kind  # as it is by default
    refused = owner.post(PREFERENCES, {"quiet_from": "21:00"})
    assert refused.status_code == 422
    assert b"both a beginning and an end" in refused.content


def test_staff_choose_among_their_own(signed_in: Callable[..., Client], db: None) -> None:
    assert b"Nothing to choose yet" in signed_in("new@center.example", is_staff=True).get(PREFERENCES).content
    assert Client().get(PREFERENCES).status_code == 302


def test_a_notification_of_a_kind_that_is_no_more_breaks_no_page(sakura: Facility, owner: Client) -> None:
    told(sakura)
    handed_on()
    with as_center():
        Notification.objects.update(kind="of.another.release")
    assert owner.get(url("inbox")).status_code == 200
