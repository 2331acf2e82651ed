"""The operators' pages: who reads them, what they say, and how often they ask the database."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from joserfc.jwk import OKPKey

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM, Actor
from apps.collection.capacity import report_capacity
from apps.collection.enrolment import UnknownCode, enrol, issue_code
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Collector, CollectorFacility, Method, Reason, Terminal
from apps.collection.reception import Reception
from apps.collection.requests import request_collection
from apps.collection.schedule import outlooks
from apps.collection.terminals import Caller, UnknownTerminal
from apps.collection.terminals import terminal_of as caller_of
from apps.collection.watching import watch_terminals
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import UnknownToken
from apps.vault.spool import Batch
from tests.contracts.stories import drafted, in_force, price_list, tier_version
from tests.facilities.known import recognized
from tests.portal.pages import dicom

PAGES = ["worklist", "calendar", "overdue"]
GIB = 2**30


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def operator(db: None, signed_in: Callable[..., Client]) -> Client:
    client = signed_in("endo@center.example", is_staff=True)
    User.objects.get(email="endo@center.example").groups.add(Group.objects.get(name="operator"))
    return client


def terminal_of(facility: Facility, name: str = "X-ray room", *, days_ago: int = 5, **facts: Any) -> Terminal:
    """A terminal that was registered so many days ago."""
    with as_center():
        made = Terminal.objects.create(facility=facility, name=name, **facts)
        Terminal.objects.filter(pk=made.pk).update(created_at=timezone.now() - timedelta(days=days_ago))
        return Terminal.objects.select_related("facility").get(pk=made.pk)


def report(terminal: Terminal, *used: int, unmarked: int = 0, last: int = 0) -> None:
    """Readings in GiB of 100, a day apart, the last of them so many days ago."""
    now = timezone.now()
    with as_facility(terminal.facility):
        for days_ago, each in zip(range(len(used) - 1, -1, -1), used, strict=True):
            at = now - timedelta(days=days_ago + last)
            report_capacity(
                terminal, measured_at=at, used_bytes=each * GIB, total_bytes=100 * GIB, waiting_sets=0,
                waiting_bytes=0, unmarked_sets=unmarked, now=at,
            )  # fmt: skip


def collect(terminal: Terminal, at: datetime, method: Method = Method.VISIT, number: int = 1) -> Collection:
    reception = Reception(method=method, actor=Actor("operator", "endo"), operator="K. Endo", terminal=terminal)
    with Batch(terminal.facility_id) as batch:
        intake = Intake(batch)
        intake.add([dicom(number)], "IM0001")
        collection = new_collection(terminal.facility, reception, now=at)
        return store_batch(collection, reception, intake, now=at, is_last=True).collection


def ask(terminal: Terminal, reason: Reason = Reason.IMPORTANT, **facts: Any) -> None:
    known: dict[str, Any] = {"note": "", "due_at": None, "actor": SYSTEM, "now": timezone.now()}
    with as_facility(terminal.facility):
        request_collection(terminal, reason=reason, **(known | facts))


def page(client: Client, name: str, **query: Any) -> Any:
    answer = client.get(reverse(f"admin:collection_{name}"), query)
    assert answer.status_code == 200
    return answer


def stops_of(answer: Any) -> list[Any]:
    return [stop for _day, stops in answer.context["days"] for stop in stops]


def names_on(answer: Any) -> list[str]:
    """The terminals of a worklist, in its order."""
    return [stop.outlook.terminal.name for stop in stops_of(answer)]


@pytest.mark.parametrize("name", PAGES)
def test_only_staff_who_may_read_terminals_read_them(
    name: str, operator: Client, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    address = reverse(f"admin:collection_{name}")
    assert signed_in("owner@sakura.example", sakura=Role.OWNER).get(address).status_code == 302
    assert Client().get(address).status_code == 302
    newcomer = signed_in("new@center.example", is_staff=True)
    assert newcomer.get(address).status_code == 403
    assert address.encode() not in newcomer.get(reverse("admin:index")).content
    assert operator.get(address).status_code == 200
    assert address.encode() in operator.get(reverse("admin:index")).content


@pytest.mark.parametrize("name", PAGES)
def test_an_empty_center_has_empty_pages(name: str, operator: Client) -> None:
    page(operator, name)


def test_a_stop_says_all_that_the_operator_needs(operator: Client, sakura: Facility) -> None:
    terminal = terminal_of(sakura, visit_every_days=30, agreed_instances=4000, agreed_bytes=60 * GIB)
    collect(terminal, timezone.now() - timedelta(days=2))
    report(terminal, 40, 50, 60)
    ask(terminal, Reason.CLOSURE, note="Ring twice", due_at=timezone.now() + timedelta(hours=1))
    with as_center():
        bag = Collector.objects.create(name="Bag 7")
        CollectorFacility.objects.create(facility=sakura, collector=bag)
    content = page(operator, "worklist").content.decode().replace("\xa0", " ")
    for fact in (
        "Sakura Clinic", "JP · UTC", "X-ray room", "A long closure", "Ring twice", "4,000 images", "60.0 GB", "60 %",
        "K. Endo", "Bag 7", "Full before the next visit", "instead of every 30",
    ):  # fmt: skip
        assert fact in content, fact


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_no_facility_ends_the_operators_list_by_a_time_that_is_none(
    zone: str, operator: Client, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone=zone)
    terminal = terminal_of(sakura, "X-ray room")
    owner = signed_in("owner@example.org", sakura=Role.OWNER)
    asked = reverse("portal:ask_for_collection", args=["sakura", terminal.pk])
    for due_on in ("9999-12-31", "9999-12-30"):
        assert owner.post(asked, {"reason": Reason.CLOSURE, "due_on": due_on, "note": ""}).status_code == 422
    for name in PAGES:
        page(operator, name)
    watch_terminals(now=timezone.now())


def test_visits_count_from_visits_and_not_from_what_was_sent(operator: Client, sakura: Facility) -> None:
    now = timezone.now()
    terminal = terminal_of(sakura, days_ago=90, visit_every_days=30, push_every_hours=24)
    collect(terminal, now - timedelta(days=31))
    collect(terminal, now - timedelta(hours=1), Method.PUSH, 2)
    with as_center():
        [outlook] = outlooks([terminal], as_of=now)
    assert outlook.is_overdue
    assert outlook.last_transfer_at == outlook.last_collected_at == now - timedelta(hours=1)
    [late] = page(operator, "overdue").context["neglected"]
    assert (late.visit_late_days, late.transfer_late_hours) == (1, 0)


def test_a_contract_in_force_says_how_often_and_how_much(
    operator: Client, sakura: Facility, lindenhof: Facility
) -> None:
    today = timezone.now().date()
    weekly = price_list(tier_version("weekly", frequency="weekly", agreed_instances=77))
    in_force(sakura, today - timedelta(days=90), weekly)
    drafted(lindenhof, today - timedelta(days=90), weekly)
    for facility in (sakura, lindenhof):
        terminal = terminal_of(facility, visit_every_days=30, push_every_hours=24, agreed_instances=4000)
        collect(terminal, timezone.now() - timedelta(days=8))
    [transfer, late] = page(operator, "overdue").context["neglected"]
    assert (late.outlook.terminal.facility, late.visit_late_days, late.transfer_late_hours) == (sakura, 1, 0)
    assert (transfer.outlook.terminal.facility, transfer.visit_late_days) == (lindenhof, 0)
    [stop] = stops_of(page(operator, "worklist", days=1))
    assert (stop.outlook.terminal.facility, stop.is_overdue) == (sakura, True)
    assert "77 images" in page(operator, "worklist").content.decode().replace("\xa0", " ")


def test_a_collection_answers_what_was_asked_for(operator: Client, sakura: Facility) -> None:
    terminal = terminal_of(sakura)
    ask(terminal, now=timezone.now() - timedelta(hours=2))
    assert names_on(page(operator, "worklist")) == ["X-ray room"]
    collect(terminal, timezone.now() - timedelta(hours=1))
    assert names_on(page(operator, "worklist")) == []


def test_the_worklist_is_narrowed_down(operator: Client, sakura: Facility, lindenhof: Facility) -> None:
    now = timezone.now()
    ask(terminal_of(sakura, "today"))
    ask(terminal_of(lindenhof, "in three days"), due_at=now + timedelta(days=3))
    ask(terminal_of(lindenhof, "in ten days"), due_at=now + timedelta(days=10))
    with as_center():
        ask(terminal_of(lindenhof, "retired"))
        Terminal.objects.filter(name="retired").update(retired_at=now)
        bag = Collector.objects.create(name="Bag 1")
        CollectorFacility.objects.create(facility=lindenhof, collector=bag)
        lost = Collector.objects.create(name="Bag 2", revoked_at=now)
    day = timezone.localdate(now)
    assert names_on(page(operator, "worklist")) == ["today", "in three days"]
    assert names_on(page(operator, "worklist", days=14)) == ["today", "in three days", "in ten days"]
    assert names_on(page(operator, "worklist", days=1)) == ["today"]
    assert names_on(page(operator, "worklist", day=day + timedelta(days=2), days=7)) == ["in three days"]
    assert names_on(page(operator, "worklist", collector=bag.pk, days=28)) == ["in three days", "in ten days"]
    assert names_on(page(operator, "worklist", collector=lost.pk, days=1)) == ["today"]


@pytest.mark.parametrize(
    "query",
    [{"day": "x", "days": "y", "collector": "z"}, {"days": 10**9}, {"day": "0001-01-01"}, {"day": "9999-12-31"}],
)
def test_a_made_up_filter_is_no_error_of_ours(query: dict[str, Any], operator: Client, sakura: Facility) -> None:
    terminal_of(sakura, visit_every_days=1)
    page(operator, "worklist", **query)


@pytest.mark.parametrize("month", ["x", "2026-13", "0001-01", "9999-12", "1999-12", "2026-W1", "-"])
def test_a_made_up_month_is_this_one(month: str, operator: Client) -> None:
    assert page(operator, "calendar", month=month).context["month"] == timezone.localdate().replace(day=1)


def test_the_calendar_shows_visits_made_and_to_make(operator: Client, sakura: Facility) -> None:
    now = timezone.now()
    terminal = terminal_of(sakura, days_ago=90, visit_every_days=40)
    visited = now - timedelta(days=35)
    made = collect(terminal, visited)
    then = page(operator, "calendar", month=f"{visited:%Y-%m}")
    assert reverse("admin:collection_collection_change", args=[made.pk]) in then.content.decode()
    assert "K. Endo" in then.content.decode()
    due = now + timedelta(days=5)
    cells = [cell for week in page(operator, "calendar", month=f"{due:%Y-%m}").context["weeks"] for cell in week]
    planned = [day for day, _made, stops in cells if stops]
    assert due.date() in planned


def test_the_report_names_what_is_wrong(operator: Client, sakura: Facility) -> None:
    terminal = terminal_of(sakura, days_ago=50, push_every_hours=24)
    report(terminal, 10, unmarked=23, last=9)
    content = page(operator, "overdue").content.decode()
    for fact in ("nothing for", "silent for 9 days", "23"):
        assert fact in content
    assert "X-ray room" not in page(operator, "worklist").content.decode()


def test_a_terminals_page_shows_its_outlook(operator: Client, sakura: Facility) -> None:
    terminal = terminal_of(sakura, visit_every_days=30)
    report(terminal, 40, 50, 60)
    content = operator.get(reverse("admin:collection_terminal_change", args=[terminal.pk])).content.decode()
    assert "Outlook" in content
    assert "a visit every 4 days" in content  # 60 GB were free and 10 come in a day: 80 % of six days


def test_a_retired_terminal_is_nobody_and_its_successor_takes_its_place(
    operator: Client, sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    called: dict[str, Any] = {"ae_title": "CT1", "address": "192.0.2.1", "certificate_sha256": b"\1" * 32}
    terminal = terminal_of(sakura, "Old CT", **called)
    jwk = OKPKey.generate_key("Ed25519").as_dict(private=False)
    enrolled = enrol(code=issue_code(terminal, actor=SYSTEM, now=timezone.now()), jwk=jwk, actor=SYSTEM,
                     now=timezone.now())  # fmt: skip
    code = issue_code(terminal, actor=SYSTEM, now=timezone.now())
    address = reverse("admin:collection_terminal_retire", args=[terminal.pk])
    newcomer = signed_in("new@center.example", is_staff=True)
    assert newcomer.post(address, {"_form_submitted": "on"}).status_code == 403
    recognized(enrolled.places[0].token)
    for _ in range(2):
        operator.post(address, {"_form_submitted": "on"})
    with pytest.raises(UnknownToken):
        recognized(enrolled.places[0].token)
    with pytest.raises(UnknownCode):
        enrol(code=code, jwk=jwk, actor=SYSTEM, now=timezone.now())
    with pytest.raises(UnknownTerminal):
        caller_of(Caller("CT1", "192.0.2.1", b"\1" * 32))
    successor = terminal_of(sakura, "New CT", **called)
    assert caller_of(Caller("CT1", "192.0.2.1", b"\1" * 32)) == successor
    with as_center():
        assert Event.objects.filter(action="terminal.retired").count() == 1


@pytest.mark.usefixtures("no_badges")
@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_as_often_for_many_terminals_as_for_one(
    name: str, operator: Client, sakura: Facility, lindenhof: Facility
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            page(operator, name)
        return len(asked)

    def fill(facility: Facility, number: int) -> None:
        terminal = terminal_of(facility, f"Room {number}", days_ago=60, visit_every_days=20, push_every_hours=6)
        collect(terminal, timezone.now() - timedelta(days=3), number=number)
        report(terminal, 10, 20, 30, unmarked=2)
        ask(terminal)

    fill(sakura, 1)
    queries()
    once = queries()
    for number in range(2, 5):
        fill(sakura, number)
        fill(lindenhof, number)
    assert queries() == once
    assert once <= 20
