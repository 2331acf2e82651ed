"""Terminals: how full they are, what is asked of the center, and codes for their owners alone."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.collection.capacity import report_capacity
from apps.collection.enrolment import enrol
from apps.collection.models import Capacity, CollectionRequest, Reason, Terminal
from apps.collection.replication import replicate_pending
from apps.collection.requests import request_collection
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from tests.portal.pages import NOW, dicom, queries_of, store, url

GIB = 2**30
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}  # RFC 8037, A.2


@pytest.fixture
def terminal(sakura: Facility) -> Terminal:
    with as_center():
        made = Terminal.objects.create(facility=sakura, name="X-ray room", visit_every_days=30)
        Terminal.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=5))
        return Terminal.objects.select_related("facility").get(pk=made.pk)


@pytest.fixture
def member(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("tanaka@example.org", sakura=Role.MEMBER)


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


def report(terminal: Terminal, *used: int, total: int = 100, unmarked: int = 0) -> None:
    """Readings in GiB, a day apart, the last of them now."""
    now = timezone.now()
    with as_facility(terminal.facility):
        for days_ago, each in zip(range(len(used) - 1, -1, -1), used, strict=True):
            report_capacity(
                terminal, measured_at=now, used_bytes=each * GIB, total_bytes=total * GIB, waiting_sets=3,
                waiting_bytes=GIB, unmarked_sets=unmarked, now=now - timedelta(days=days_ago),
            )  # fmt: skip


def page_of(client: Client, terminal: Terminal) -> str:
    return client.get(url("terminal", terminal_id=terminal.pk)).content.decode()


def wishes(facility: Facility) -> list[CollectionRequest]:
    with as_facility(facility):
        return list(CollectionRequest.objects.order_by("pk"))


def ask(client: Client, terminal: Terminal, **fields: Any) -> Any:
    facts = {"reason": Reason.CLOSURE, "note": "Ring twice", "due_on": ""} | fields
    return client.post(url("ask_for_collection", terminal_id=terminal.pk), facts)


def test_a_page_says_how_full_the_disk_is_and_when_it_will_be_full(terminal: Terminal, viewer: Client) -> None:
    report(terminal, 40, 45, 50, unmarked=7)
    page = page_of(viewer, terminal).replace("\xa0", " ")
    full_on = timezone.now() + timedelta(days=10)
    for fact in ("50.0 GB of 100.0 GB used (50 %)", f"about {full_on:%Y-%m-%d}", "3 image sets", "Without a mark"):
        assert fact in page
    assert re.search(r'<polyline class="chart-line" points="0.0,96.0 180.0,88.0 360.0,80.0" />', page)


def test_more_visits_are_proposed_where_the_disk_fills_before_the_next(terminal: Terminal, viewer: Client) -> None:
    report(terminal, 40, 41, 42)
    assert "The disk fills up" not in page_of(viewer, terminal)
    report(terminal, 40, 50, 60)
    page = page_of(viewer, terminal)
    assert "Agreed is a visit every 30 days; one every" in page
    assert "Full before the next visit" in page


def test_a_terminal_that_never_reported_says_so(terminal: Terminal, viewer: Client) -> None:
    page = page_of(viewer, terminal)
    assert "It has not reported yet" in page
    assert "<polyline" not in page
    assert "not reported" in viewer.get(url("terminals")).content.decode()


def test_a_visit_that_was_not_made_is_overdue(terminal: Terminal, viewer: Client) -> None:
    assert "Visit overdue" not in page_of(viewer, terminal)
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(created_at=timezone.now() - timedelta(days=32))
    assert "Visit overdue" in page_of(viewer, terminal)


def test_days_are_those_of_the_facilitys_calendar(terminal: Terminal, viewer: Client) -> None:
    with as_center():
        Facility.objects.filter(pk=terminal.facility_id).update(time_zone="Asia/Tokyo")
        Terminal.objects.filter(pk=terminal.pk).update(created_at=datetime.fromisoformat("2099-01-01T20:00Z"))
    assert "2099-02-01" in page_of(viewer, terminal)  # there it was 2 January already


def test_a_facility_without_terminals_is_told_who_registers_them(viewer: Client) -> None:
    assert "Ask the center to register the terminal" in viewer.get(url("terminals")).content.decode()


def test_a_retired_terminal_is_gone(terminal: Terminal, viewer: Client, member: Client) -> None:
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(retired_at=timezone.now())
    assert "X-ray room" not in viewer.get(url("terminals")).content.decode()
    assert viewer.get(url("terminal", terminal_id=terminal.pk)).status_code == 404
    assert ask(member, terminal).status_code == 404


def test_a_collection_is_asked_for(terminal: Terminal, sakura: Facility, member: Client) -> None:
    due_on = timezone.localdate() + timedelta(days=3)
    answer = ask(member, terminal, due_on=str(due_on))
    assert answer["Location"] == url("terminal", terminal_id=terminal.pk)
    [wish] = wishes(sakura)
    assert (wish.reason, wish.note, wish.due_at and wish.due_at.date()) == (Reason.CLOSURE, "Ring twice", due_on)
    assert wish.requested_by
    assert wish.requested_by.email == "tanaka@example.org"
    page = page_of(member, terminal)
    assert f"by {due_on}" in page
    assert "Collection asked for" in page
    with as_facility(sakura):
        event = Event.objects.get(action="collection.requested")
    assert (event.object_id, event.details) == (str(wish.pk), {"reason": "closure"})


def test_the_day_that_is_due_ends_where_the_facility_is(terminal: Terminal, sakura: Facility, member: Client) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
    ask(member, terminal, due_on="2099-05-01")
    assert str(wishes(sakura)[0].due_at) == "2099-05-01 14:59:59.999999+00:00"


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "made up"},
        {"due_on": str(date(2020, 1, 1))},
        {"due_on": "9999-12-31"},
        {"due_on": "soon"},
        {"note": "x" * 501},
    ],
)
def test_what_cannot_be_asked_for_is_told_in_place(
    wrong: dict[str, str], terminal: Terminal, sakura: Facility, member: Client
) -> None:
    answer = ask(member, terminal, **wrong)
    assert answer.status_code == 422
    assert b'class="field-error"' in answer.content
    assert wishes(sakura) == []


def test_a_note_is_text(terminal: Terminal, member: Client) -> None:
    ask(member, terminal, note="<script>alert(1)</script>")
    assert "<script>alert" not in page_of(member, terminal)


def test_a_request_is_withdrawn_once(terminal: Terminal, sakura: Facility, member: Client) -> None:
    ask(member, terminal)
    [wish] = wishes(sakura)
    assert "Withdraw" in page_of(member, terminal)
    member.post(url("withdraw_request", request_id=wish.pk))
    first = wishes(sakura)[0].withdrawn_at
    assert first
    member.post(url("withdraw_request", request_id=wish.pk))
    assert wishes(sakura)[0].withdrawn_at == first
    with as_facility(sakura):
        assert Event.objects.filter(action="collection.request_withdrawn").count() == 1
    assert "Withdraw" not in page_of(member, terminal)


def test_an_answered_request_stays_answered(terminal: Terminal, sakura: Facility, member: Client) -> None:
    with as_facility(sakura):
        wish = request_collection(terminal, reason=Reason.DISK, note="", due_at=None, actor=SYSTEM, now=NOW)
        CollectionRequest.objects.filter(pk=wish.pk).update(answered_at=NOW)
    answer = member.post(url("withdraw_request", request_id=wish.pk), follow=True)
    assert b"It was collected meanwhile" in answer.content
    assert wishes(sakura)[0].withdrawn_at is None


def test_viewers_see_what_is_asked_for_and_ask_for_nothing(
    terminal: Terminal, sakura: Facility, member: Client, viewer: Client
) -> None:
    assert "Nothing is asked for" in page_of(viewer, terminal)
    ask(member, terminal)
    page = page_of(viewer, terminal)
    assert "Ring twice" in page
    assert "<form" not in page.partition("<main")[2]
    assert ask(viewer, terminal).status_code == 403
    assert viewer.post(url("withdraw_request", request_id=wishes(sakura)[0].pk)).status_code == 403
    [wish] = wishes(sakura)
    assert wish.withdrawn_at is None


def test_another_facilitys_terminal_is_unknown(terminal: Terminal, sakura: Facility, stranger: Client) -> None:
    with as_facility(sakura):
        wish = request_collection(terminal, reason=Reason.DISK, note="", due_at=None, actor=SYSTEM, now=NOW)
    assert "X-ray room" not in stranger.get(url("terminals", "lindenhof")).content.decode()
    tried = [
        stranger.get(url("terminal", "lindenhof", terminal_id=terminal.pk)),
        stranger.post(url("ask_for_collection", "lindenhof", terminal_id=terminal.pk), {"reason": Reason.DISK}),
        stranger.post(url("enrolment_code", "lindenhof", terminal_id=terminal.pk)),
        stranger.post(url("withdraw_request", "lindenhof", request_id=wish.pk)),
    ]
    assert [answer.status_code for answer in tried] == [404] * 4
    [same] = wishes(sakura)
    assert same.withdrawn_at is None


def test_a_code_is_shown_once_and_enrols_the_terminal(terminal: Terminal, sakura: Facility, owner: Client) -> None:
    answer = owner.post(url("enrolment_code", terminal_id=terminal.pk))
    [code] = re.findall(r">((?:[A-Z2-9]{4}-){3}[A-Z2-9]{4})</code>", answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert code not in page_of(owner, terminal)
    enrolled = enrol(code=code, jwk=KEY, actor=SYSTEM, now=timezone.now())
    assert enrolled.device == terminal
    assert "Enrolled on" in page_of(owner, terminal)
    with as_facility(sakura):
        assert Event.objects.get(action="terminal.code_issued").facility_id == sakura.pk


def test_an_owner_lets_a_terminal_that_enrolled_long_ago_fetch_restores(
    terminal: Terminal, sakura: Facility, owner: Client, member: Client
) -> None:
    token, secret = issue_token(sakura, label="X-ray room", scopes=[Scope.HANDOVER, Scope.REPORT], actor=SYSTEM)
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(device_token=token, enrolled_at=timezone.now())
    address, bearer = f"/api/v1/f/{sakura.slug}/restores/", {"authorization": f"Bearer {secret}"}
    assert owner.get(address, headers=bearer).status_code == 403
    assert "Let it fetch restores" in page_of(owner, terminal)
    assert member.post(url("let_restore", terminal_id=terminal.pk)).status_code == 403
    for _again in range(2):
        owner.post(url("let_restore", terminal_id=terminal.pk))
    assert owner.get(address, headers=bearer).status_code == 200
    assert "Let it fetch restores" not in page_of(owner, terminal)
    with as_facility(sakura):
        [event] = Event.objects.filter(action="token.widened")
        assert event.details["scopes"] == ["collections:handover", "terminal:report", "images:restore"]


def test_codes_are_the_owners(terminal: Terminal, member: Client, viewer: Client) -> None:
    for person in (member, viewer):
        assert "Give out a code" not in page_of(person, terminal)
        assert person.post(url("enrolment_code", terminal_id=terminal.pk)).status_code == 403
    with as_center():
        assert Terminal.objects.get(pk=terminal.pk).code_sha256 is None


def test_a_page_asks_as_often_for_many_as_for_one(terminal: Terminal, sakura: Facility, viewer: Client) -> None:
    report(terminal, 10, 20)
    addresses = [url("terminals"), url("terminal", terminal_id=terminal.pk)]
    viewer.get(addresses[0])
    once = [queries_of(viewer, each) for each in addresses]
    report(terminal, 10, 20, 30, 40, 90)
    with as_facility(sakura):
        for _ in range(3):
            request_collection(terminal, reason=Reason.DISK, note="", due_at=None, actor=SYSTEM, now=timezone.now())
    with as_center():
        others = [Terminal.objects.create(facility=sakura, name=f"Room {number}") for number in range(4)]
    for each in others:
        report(each, 10, 20)
    assert [queries_of(viewer, each) for each in addresses] == once


def test_the_last_report_of_a_day_stands_for_it(terminal: Terminal, viewer: Client) -> None:
    now = timezone.now()
    with as_facility(terminal.facility):
        Capacity.objects.bulk_create(
            Capacity(
                facility=terminal.facility, terminal=terminal, measured_at=now, used_bytes=50, total_bytes=100,
                reported_at=now - timedelta(minutes=minutes),
            )
            for minutes in range(30 * 24 * 60, -1, -60)
        )  # fmt: skip
    answer = viewer.get(url("terminal", terminal_id=terminal.pk))
    assert len(answer.context["outlook"].readings) == 31


def test_receipts_are_downloaded_as_they_were_signed(sakura: Facility, viewer: Client, stranger: Client) -> None:
    collection = store(sakura, dicom())
    page = viewer.get(url("collection", collection_id=collection.pk)).content.decode()
    assert "The center signs a receipt when" in page
    replicate_pending()
    page = viewer.get(url("collection", collection_id=collection.pk)).content.decode()
    for kind in ("received", "stored"):
        address = url("receipt", collection_id=collection.pk, kind=kind)
        assert address in page
        answer = viewer.get(address)
        with as_facility(sakura):
            assert answer.content.decode() == collection.receipts.get(kind=kind).jws
        assert answer["Content-Type"] == "application/jose"
        assert answer["Content-Disposition"] == f'attachment; filename="sakura-{collection.uid}-{kind}.jws"'
        assert stranger.get(url("receipt", "lindenhof", collection_id=collection.pk, kind=kind)).status_code == 404
    assert viewer.get(url("receipt", collection_id=collection.pk, kind="made-up")).status_code == 404
