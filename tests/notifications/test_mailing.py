"""Letters: in the reader's words, without patients, when they may come; a mail server that is away loses nothing."""

from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.facilities.members import remove_member
from apps.facilities.models import Facility, Membership, Role
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.mailing import GIVEN_UP_AFTER, mail_letters
from apps.notifications.models import Letter
from apps.notifications.preferences import choose_hours
from tests.environment import HOME
from tests.forked import Forked
from tests.notifications.told import handed_on, told

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.fixture
def owner(sakura: Facility, person: Callable[..., User]) -> User:
    return person("owner@sakura.example", sakura=Role.OWNER)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The mail server is away until this is undone."""

    def refused(_backend: object, _messages: object) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailBackend, "send_messages", refused)
    return monkeypatch


def test_a_letter_says_what_happened_what_to_do_and_by_when(sakura: Facility, owner: User) -> None:
    told(sakura, Kind.DECISIONS_WANTED, facts={"count": 3}, due_on=timezone.now().date().replace(2027, 1, 15))
    handed_on()
    assert mail_letters(now=timezone.now()) == 1
    assert mail_letters(now=timezone.now()) == 0
    [letter] = mail.outbox
    assert letter.to == ["owner@sakura.example"]
    assert letter.subject == "Images whose storage period has ended: Sakura Clinic"
    html = str(letter.alternatives[0][0])  # type: ignore[attr-defined]
    for words in ("The storage periods of 3 studies have ended", "Approve, object or extend", "2027"):
        assert words in letter.body
        assert words in html
    assert "http://localhost:8000/f/sakura/collections/" in letter.body
    assert "/accounts/notifications/" in letter.body


def test_names_in_letters_neither_add_headers_nor_markup(sakura: Facility, owner: User) -> None:
    with as_center():
        sakura.name = "<script>alert(1)</script>\nBcc: thief@example.org"
        sakura.save()
    told(sakura, Kind.TERMINAL_FILLING, facts={"terminal": "<b>X-ray</b>", "percent": 91})
    handed_on()
    mail_letters(now=timezone.now())
    [letter] = mail.outbox
    assert letter.to == letter.recipients() == ["owner@sakura.example"]
    assert "\n" not in letter.subject
    html = str(letter.alternatives[0][0])  # type: ignore[attr-defined]
    assert "<script>" not in html
    assert "<b>X-ray" not in html
    assert "<b>X-ray</b> is 91% full" in letter.body


def test_a_day_without_a_mail_server_ends_in_one_letter(
    sakura: Facility, owner: User, person: Callable[..., User], away: pytest.MonkeyPatch
) -> None:
    person("member@sakura.example", sakura=Role.MEMBER)
    began = timezone.now()
    for hour in range(24):
        told(sakura, occasion=hour)
        handed_on(began + hour * HOUR)
        assert mail_letters(now=began + hour * HOUR) == 0
    away.undo()
    assert mail_letters(now=began + 25 * HOUR) == 48
    assert [letter.to for letter in mail.outbox] == [["owner@sakura.example"], ["member@sakura.example"]]
    assert mail.outbox[0].subject == "24 notifications: Sakura Clinic"
    assert mail_letters(now=began + 30 * HOUR) == 0


def test_tries_are_made_at_growing_intervals(sakura: Facility, owner: User, away: pytest.MonkeyPatch) -> None:
    told(sakura)
    now = timezone.now()
    handed_on(now)
    waits = []
    for _ in range(7):
        mail_letters(now=now)
        with as_center():
            letter = Letter.objects.get()
        assert letter.due_at
        waits.append(round((letter.due_at - now) / timedelta(minutes=1)))
        now = letter.due_at
    assert waits == [2, 4, 8, 16, 32, 60, 60]


@pytest.mark.parametrize(("kind", "is_given_up"), [(Kind.COLLECTION_FAILED, True), (Kind.DELETION_AHEAD, False)])
def test_only_what_the_contract_wants_is_tried_for_ever(
    kind: Kind, sakura: Facility, owner: User, away: pytest.MonkeyPatch, *, is_given_up: bool
) -> None:
    told(sakura, kind)
    handed_on()
    mail_letters(now=timezone.now() + GIVEN_UP_AFTER + HOUR)
    with as_center():
        letter = Letter.objects.get()
    assert (letter.due_at is None, letter.sent_at, letter.problem) == (is_given_up, None, "ConnectionRefusedError")


def test_one_refused_address_keeps_no_other_reader_waiting(
    sakura: Facility, owner: User, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    person("member@sakura.example", sakura=Role.MEMBER)
    sent = EmailBackend.send_messages

    def picky(backend: Any, messages: Any) -> int:
        if messages[0].to == ["owner@sakura.example"]:
            raise SMTPRecipientsRefused({})
        return sent(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", picky)
    told(sakura)
    handed_on()
    assert mail_letters(now=timezone.now()) == 1
    assert mail.outbox[0].to == ["member@sakura.example"]


def test_whoever_left_meanwhile_is_told_no_more(sakura: Facility, owner: User, person: Callable[..., User]) -> None:
    person("member@sakura.example", sakura=Role.MEMBER)
    told(sakura)
    handed_on()
    with as_center():
        membership = Membership.objects.get(user__email="member@sakura.example")
    remove_member(membership=membership, actor=SYSTEM)
    User.objects.filter(pk=owner.pk).update(is_active=False)
    assert mail_letters(now=timezone.now()) == 0
    assert mail.outbox == []
    with as_center():
        assert not Letter.objects.exclude(due_at=None).exists()


def test_a_digest_comes_in_the_morning_and_what_is_urgent_at_once(sakura: Facility, owner: User) -> None:
    with as_center():
        sakura.time_zone = "Asia/Tokyo"
        sakura.save()
    choose_hours(owner, digest_at=timezone.now().time().replace(7, 0, 0, 0), quiet_from=None, quiet_until=None)
    noon = timezone.now().replace(hour=3, minute=0, second=0, microsecond=0)  # 12:00 in Tokyo
    for occasion in ("first", "second"):
        told(sakura, occasion=occasion)
    told(sakura, Kind.TERMINAL_FILLING, facts={"terminal": "CT", "percent": 95})
    handed_on(noon)
    assert mail_letters(now=noon) == 1
    assert mail.outbox[0].subject.startswith("A terminal fills up")
    assert mail_letters(now=noon + 18 * HOUR) == 0
    assert mail_letters(now=noon + 19 * HOUR) == 2
    assert mail.outbox[1].subject == "2 notifications: Sakura Clinic"


def test_a_worker_that_dies_sends_twice_under_one_id(
    committed_db: None, sakura: Facility, person: Callable[..., User]
) -> None:
    person("owner@sakura.example", sakura=Role.OWNER)
    told(sakura)
    handed_on()
    assert Forked("tests.notifications.sending_process", "letters").wait() == 9
    [first] = (message_from_bytes(file.read_bytes()) for file in Path(HOME / "mail").iterdir())
    assert mail_letters(now=timezone.now()) == 0  # not at once: the other might be alive
    assert mail_letters(now=timezone.now() + HOUR) == 1
    assert mail.outbox[0].message()["Message-ID"] == first["Message-ID"]
