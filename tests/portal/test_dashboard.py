"""The first page of a facility: is everything safe, what waits, how full, what does it cost."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.models import StorageDay
from apps.billing.months import last_day, month_before
from apps.catalog.conflicts import resolve_conflict
from apps.catalog.models import Conflict, ConflictDecision, Study
from apps.collection.capacity import report_capacity
from apps.collection.models import Collection, Terminal
from apps.collection.replication import replicate_pending
from apps.contracts.agreeing import give_notice
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification
from apps.portal.chart import stacked_bars
from apps.portal.dashboard import Ahead
from apps.portal.expiry_calendar import expiry_calendar
from tests.billing.stories import invoice_of
from tests.orders.shares import share_order
from tests.orders.stories import dispatched, may_order
from tests.portal.pages import dicom, queries_of, store, url
from tests.portal.plans import sell, serve

GB = 10**9


def page_of(client: Client) -> str:
    return client.get(url("dashboard")).content.decode()


def needs_of(client: Client) -> list[str]:
    return [need.title for need in client.get(url("dashboard")).context["needs"]]


def stored_today(facility: Facility, *files: bytes) -> None:
    store(facility, *files)
    with as_center():
        Collection.objects.update(received_at=timezone.now(), opened_at=timezone.now())


@pytest.fixture
def owner(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("mori@example.org", sakura=Role.OWNER)


def test_an_empty_facility_is_told_how_images_come(viewer: Client, owner: Client) -> None:
    page = page_of(viewer)
    assert f'href="{url("terminals")}">terminal</a>' in page
    assert "device token" not in page
    assert ">device token</a>" in page_of(owner)
    assert needs_of(owner) == ["No contract is in force"]
    assert "Nothing is stored yet" in page
    assert "Nothing waits for you" in page
    assert "This month" not in page


def test_the_sentence_goes_from_copying_to_safe(sakura: Facility, viewer: Client, lindenhof: Facility) -> None:
    stored_today(lindenhof, dicom(3))
    assert "Nothing is stored yet" in page_of(viewer)
    stored_today(sakura, dicom(1), dicom(1, 2), dicom(2))
    assert "being copied to the second place" in page_of(viewer)
    replicate_pending()
    page = re.sub(r"\s+", " ", page_of(viewer))
    assert "Everything is safe: all 2 studies are stored and verified in two places." in page
    assert "3 images" in page
    answer = viewer.get(url("dashboard"))
    with as_facility(sakura):
        assert answer.context["holdings"].size_bytes == sum(Study.objects.values_list("size_bytes", flat=True))
    assert answer.context["needs"] == []


def test_what_is_late_broken_or_contradicts_is_told(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert needs_of(viewer) == ["Second copy is late"]  # received in May, as the clock of these tests has it
    stored_today(sakura, dicom(), dicom(StudyDescription="other bytes"), dicom()[:-200])
    with as_center():
        Collection.objects.filter(conflict_count=0).update(state="partial")
    assert needs_of(viewer) == ["Interrupted collections", "In quarantine", "Images in conflict"]


def test_what_staff_decided_about_a_conflict_is_told(
    sakura: Facility, viewer: Client, stranger: Client, person: Callable[..., User]
) -> None:
    """What it was, when, and why: on the first page for a month, on the study's, in the list, and beside the file."""
    stored_today(sakura, dicom(), dicom(2))
    brought = store(sakura, dicom(StudyDescription="other bytes"), dicom(2, StudyDescription="other bytes"))
    with as_center():
        sent_again, same = Conflict.objects.order_by("pk")
    staff = person("worker@center.example", is_staff=True)
    decided: dict[str, Any] = {"by": staff, "actor": SYSTEM, "now": timezone.now()}
    assert "The center compares them" in viewer.get(url("study", study_id=same.study_id)).content.decode()
    resolve_conflict(sent_again, decision=ConflictDecision.OTHER, reason="It is another slice", **decided)
    assert {"Images in conflict", "Images to send again"} <= set(needs_of(viewer))
    resolve_conflict(same, decision=ConflictDecision.SAME, **decided)
    needs = needs_of(viewer)
    assert {"Images to send again", "Conflicts were decided"} <= set(needs)
    assert "Images in conflict" not in needs
    for where in (
        url("conflicts"), url("study", study_id=sent_again.study_id), url("collection", collection_id=brought.pk),
    ):  # fmt: skip
        page = viewer.get(where).content.decode()
        assert "the facility is to send it under a UID of its own" in page, where
        assert "It is another slice" in page, where
    assert "decided on" in viewer.get(url("conflicts") + f"?study={same.study_id}").content.decode()
    assert "It is another slice" not in viewer.get(url("conflicts") + f"?study={same.study_id}").content.decode()
    assert "All are decided" in viewer.get(url("conflicts") + "?show=open").content.decode()
    assert stranger.get(url("conflicts")).status_code == 404
    assert "It is another slice" not in stranger.get(url("conflicts", "lindenhof")).content.decode()
    with as_center():
        assert Notification.objects.filter(kind=Kind.CONFLICT_DECIDED).count() == 2
        Conflict.objects.update(resolved_at=timezone.now() - timedelta(days=31))
    assert not {"Images to send again", "Conflicts were decided"} & set(needs_of(viewer))


def test_each_sees_what_waits_for_them_alone_the_most_urgent_first(
    sakura: Facility, viewer: Client, owner: Client
) -> None:
    today = timezone.localdate()
    contract = serve(sakura, sell()["weekly"], starts_on=today)
    late = invoice_of(sakura, contract=contract, due_on=today - timedelta(days=3), state="overdue")
    stored_today(sakura, dicom())
    replicate_pending()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
    assert needs_of(viewer) == []
    titles = needs_of(owner)
    assert titles[0] == f"Invoice {late.number} is overdue"
    assert {"A contract to be signed", "X-ray room is not set up"} <= set(titles)
    page = page_of(owner)
    for where in (url("invoice", invoice_id=late.pk), url("terminal", terminal_id=terminal.pk)):
        assert f'href="{where}"' in page


def test_an_end_of_the_contract_is_to_be_confirmed(sakura: Facility, owner: Client) -> None:
    today = timezone.localdate()
    contract = serve(sakura, sell()["weekly"], starts_on=today)
    assert "The contract ends" not in needs_of(owner)
    with as_center():
        give_notice(contract, on=today, actor=SYSTEM, now=timezone.now())
    assert "The contract ends" in needs_of(owner)


def test_the_month_is_told_to_those_who_may_see_money(sakura: Facility, viewer: Client, owner: Client) -> None:
    today = timezone.localdate()
    serve(sakura, sell()["weekly"], starts_on=today)
    month = owner.get(url("dashboard")).context["month"]
    days = last_day(today).day
    assert month.charged == (Decimal(24000) / days).quantize(Decimal(1))
    assert month.total > month.charged or days == today.day
    page = page_of(owner)
    assert "This month by kind, before tax" in page
    assert "expected" in page
    assert "This month" not in page_of(viewer)


def test_terminals_tell_how_full_they_get(sakura: Facility, viewer: Client) -> None:
    with as_center():
        made = Terminal.objects.create(facility=sakura, name="X-ray room", visit_every_days=30)
        terminal = Terminal.objects.select_related("facility").get(pk=made.pk)
    now = timezone.now()
    with as_facility(sakura):
        for days_ago, used in ((2, 40), (1, 50), (0, 60)):
            report_capacity(
                terminal, measured_at=now, used_bytes=used * GB, total_bytes=100 * GB, waiting_sets=0,
                waiting_bytes=0, unmarked_sets=0, now=now - timedelta(days=days_ago),
            )  # fmt: skip
    answer = viewer.get(url("dashboard"))
    page = answer.content.decode()
    assert f"Full about <strong>{now + timedelta(days=4):%Y-%m-%d}</strong>" in page
    assert 'class="chart-ahead"' in page
    assert "X-ray room will be full" in [need.title for need in answer.context["needs"]]
    assert answer.context["next"] == Ahead(
        terminal.created_at.date() + timedelta(days=30), is_visit=True, is_late=False
    )


def test_what_comes_next_is_the_visit_that_is_overdue_and_never_a_word_of_asking(
    sakura: Facility, viewer: Client
) -> None:
    assert "none is planned" in page_of(viewer)
    today = timezone.localdate()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room", visit_every_days=30)
        Terminal.objects.create(facility=sakura, name="CT room", visit_every_days=90)
        Terminal.objects.update(created_at=timezone.now() - timedelta(days=31))
    answer = viewer.get(url("dashboard"))
    assert answer.context["next"] == Ahead(today - timedelta(days=1), is_visit=True, is_late=True)
    assert "overdue</span>" in answer.content.decode()
    with as_center():
        Terminal.objects.update(visit_every_days=None)
    assert "when you ask for it" in page_of(viewer)
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(push_every_hours=1)
    assert "as soon as a terminal sends" in page_of(viewer)


def test_an_order_that_was_dispatched_says_what_is_to_be_done_with_it(
    sakura: Facility, owner: Client, person: Callable[..., User]
) -> None:
    store(sakura, dicom(1))
    may_order(sakura, base_fee="20000", download="500", share="300")
    staff = person("endo@center.example", is_staff=True)
    orders = {share_order(sakura, staff): "give the link to its receiver", dispatched(sakura, staff): "fetch it"}
    needs = {need.title: need.text for need in owner.get(url("dashboard")).context["needs"]}
    for order, words in orders.items():
        assert words in needs[f"{order} is ready"]


def test_growth_is_what_was_stored_at_the_end_of_each_month(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    end = last_day(month_before(timezone.localdate()))
    with as_center():
        StorageDay.objects.create(facility=sakura, day=end, ends_at=timezone.now(), stored_bytes=5, studies=7)
    growth = viewer.get(url("dashboard")).context["growth"]
    assert [values for _month, [*values] in growth.rows][-2:] == [[7], [1]]
    assert "<caption>Studies stored, at the end of each month</caption>" in page_of(viewer)


def test_a_calendar_of_ends_shades_months_and_counts_the_rest() -> None:
    ends = {"2026-01-01": 5, "2026-11-01": 1, "2027-03-01": 8, "2040-01-01": 3}
    calendar = expiry_calendar(ends, today=date(2026, 11, 26))
    assert calendar
    assert [(year, total) for year, _cells, total in calendar.years] == [(2026, 1), (2027, 8)]
    assert (calendar.before, calendar.later) == (5, 3)
    cells = {cell.month: cell for _year, row, _total in calendar.years for cell in row}
    assert [cells[date(2026, 11, 1)].shade, cells[date(2027, 3, 1)].shade, cells[date(2027, 4, 1)].shade] == [1, 4, 0]
    assert cells[date(2026, 10, 1)].is_past
    assert expiry_calendar({}, today=date(2026, 11, 26)) is None


def test_bars_stand_on_one_another_and_fill_the_height() -> None:
    months = [date(2026, month, 1) for month in range(1, 13)]
    chart = stacked_bars(months, {"CT": [0] * 11 + [30], "MR": [0] * 11 + [10]})
    lower, upper = chart.bars
    assert (upper.y, upper.y + upper.height, lower.y + lower.height) == (0, lower.y, chart.height)


def test_it_asks_as_often_for_many_studies_as_for_one(sakura: Facility, owner: Client) -> None:
    serve(sakura, sell()["weekly"], starts_on=timezone.localdate())
    store(sakura, dicom())
    page_of(owner)
    once = queries_of(owner, url("dashboard"))
    for number in range(2, 6):
        store(sakura, dicom(number))
    assert queries_of(owner, url("dashboard")) == once
    assert once < 75
