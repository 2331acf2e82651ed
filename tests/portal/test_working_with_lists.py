"""Searches that are kept, all of a search into an order, the timeline, and the guide that sets a terminal up."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.models import SavedSearch
from apps.collection.capacity import note_seen, report_capacity
from apps.collection.models import Collection, Reason, Terminal
from apps.collection.receipts import issue_receipts
from apps.collection.replication import replicate_pending
from apps.collection.requests import request_collection
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.portal import cart, saved_searches
from tests.portal.pages import dicom, store, url


@pytest.fixture
def member(sakura: Facility, signed_in: Callable[..., Client]) -> Client:
    return signed_in("tanaka@example.org", sakura=Role.MEMBER)


def searched(client: Client, **criteria: str) -> str:
    """The key of a search."""
    return client.post(url("studies"), criteria)["Location"].partition("?search=")[2]


def test_a_search_is_kept_under_a_name_and_its_address_has_no_patient(
    sakura: Facility, member: Client, viewer: Client
) -> None:
    store(sakura, dicom(1), dicom(2, PatientName="Abe^Ren"))
    key = searched(member, text="Abe")
    answer = member.post(url("keep_search"), {"name": "=Abe <b>", "search": key})
    with as_facility(sakura):
        saved = SavedSearch.objects.get()
    assert answer["Location"] == url("studies") + f"?saved={saved.pk}"
    session = member.session
    del session["study_searches"]  # as in another session of the same person
    session.save()
    page = member.get(answer["Location"])
    assert [study.patient.patient_id for study in page.context["page"].studies] == ["P2"]
    assert "=Abe &lt;b&gt;" in page.content.decode()
    assert viewer.get(answer["Location"]).status_code == 404
    assert viewer.post(url("forget_search", search_id=saved.pk)).status_code == 404
    assert "Abe" not in viewer.get(url("studies")).content.decode().split('id="results"')[0]
    member.post(url("keep_search"), {"name": "=Abe <b>", "search": searched(member, text="Mori")})
    with as_facility(sakura):
        assert SavedSearch.objects.get().criteria == {"text": ["Mori"]}
    member.post(url("forget_search", search_id=saved.pk))
    with as_facility(sakura):
        assert not SavedSearch.objects.exists()


def test_what_cannot_be_kept_is_not(sakura: Facility, member: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST", 1)
    key = searched(member, text="Abe")
    for name, known in (("", key), ("x" * 61, key), ("nothing", ""), ("made up", "AAAAAAAA")):
        member.post(url("keep_search"), {"name": name, "search": known})
    with as_facility(sakura):
        assert not SavedSearch.objects.exists()
    for name in ("first", "one too many", "first"):
        member.post(url("keep_search"), {"name": name, "search": key})
    with as_facility(sakura):
        assert [saved.name for saved in SavedSearch.objects.all()] == ["first"]


def test_all_that_a_search_finds_is_ordered_up_to_the_most(
    sakura: Facility, lindenhof: Facility, member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(lindenhof, dicom(9))
    store(sakura, *(dicom(number) for number in range(1, 5)), dicom(5, PatientName="Abe^Ren"))
    member.post(url("choose"), {"all_found": searched(member, text="Mori")})
    assert len(member.get(url("cart")).context["chosen"]) == 4
    member.post(url("take_away"), {})
    member.post(url("choose"), {"all_found": ""})
    assert len(member.get(url("cart")).context["chosen"]) == 5
    member.post(url("take_away"), {})
    monkeypatch.setattr(cart, "MOST_CHOSEN", 3)
    answer = member.post(url("choose"), {"all_found": ""}, follow=True)
    assert "too much for one order" in answer.content.decode()


def test_the_timeline_tells_what_was_and_what_is_ahead(sakura: Facility, member: Client) -> None:
    collection = store(sakura, dicom())
    replicate_pending()
    now = timezone.now()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room", visit_every_days=30)
    with as_facility(sakura):
        collection.refresh_from_db()
        issue_receipts(collection, now=now)
        request_collection(terminal, reason=Reason.CLOSURE, note="", due_at=None, actor=SYSTEM, now=now)
    page = member.get(url("collections")).content.decode()
    ahead, happened = page.split('class="months"', 1)
    assert "Visit due" in ahead
    assert f"{now.date() + timedelta(days=30)}" in ahead
    assert "Collection asked for" in ahead
    assert url("shown_receipt", collection_id=collection.pk, kind="stored") in happened
    assert happened.index("A long closure") < happened.index("K. Endo")
    with as_center():
        Terminal.objects.update(created_at=now - timedelta(days=40))
    assert "Visit overdue" in member.get(url("collections")).content.decode()


def steps(client: Client, terminal: Terminal) -> tuple[str, int, int]:
    page = client.get(url("terminal", terminal_id=terminal.pk)).content.decode()
    guide = page.split('id="set-up"', 1)[1].split("</section>", 1)[0]
    now = re.search(r'aria-current="step">.*?<h3>\s*(.*?)\s*</h3>', guide, re.DOTALL)
    return now[1] if now else "", guide.count("is-done"), guide.count('class="guide-step ')


def test_steps_tick_themselves_when_the_center_has_seen_them(sakura: Facility, viewer: Client) -> None:
    now = timezone.now()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
        modality = Terminal.objects.create(facility=sakura, name="CT", ae_title="CT1", address="192.0.2.1")
    assert steps(viewer, terminal)[:2] == ("Install the program", 0)
    with as_center():
        Terminal.objects.filter(pk=terminal.pk).update(enrolled_at=now)
    assert steps(viewer, terminal)[:2] == ("Choose what it watches", 2)
    with as_facility(sakura):
        report_capacity(terminal, measured_at=now, used_bytes=1, total_bytes=9, waiting_sets=0, waiting_bytes=0,
                        unmarked_sets=0, now=now)  # fmt: skip
    assert steps(viewer, terminal)[:2] == ("The first images arrive", 3)
    store(sakura, dicom())
    with as_center():
        Collection.objects.update(terminal=terminal)
    assert steps(viewer, terminal)[:2] == ("Stored and verified in two places", 4)
    replicate_pending()
    assert steps(viewer, terminal)[:2] == ("", 5)
    assert steps(viewer, modality)[:2] == ("Enter the center in your device", 1)
    with as_facility(sakura):
        note_seen(modality, now=now)
    assert steps(viewer, modality)[:2] == ("The first images arrive", 3)


def test_owners_alone_give_out_the_code(sakura: Facility, viewer: Client, signed_in: Callable[..., Client]) -> None:
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
    page = url("terminal", terminal_id=terminal.pk)
    assert "Give out a code" not in viewer.get(page).content.decode()
    assert "Give out a code" in signed_in("mori@example.org", sakura=Role.OWNER).get(page).content.decode()
