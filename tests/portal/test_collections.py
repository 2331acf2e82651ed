"""Collections: the list, and what became of each file."""

import re

import pytest
from django.test import Client

from apps.collection.models import Outcome
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.portal import collections
from tests.portal.pages import dicom, queries_of, store, url


def test_the_reception_record_says_who_how_and_from_what(sakura: Facility, viewer: Client) -> None:
    collection = store(sakura, dicom(), medium_serial="CD-1", source_address="192.0.2.7")
    page = viewer.get(url("collection", collection_id=collection.pk)).content.decode()
    for fact in ("K. Endo", "CD-1", "192.0.2.7", "Brought medium", "not yet"):
        assert fact in page
    replicate_pending()
    assert "not yet" not in viewer.get(url("collection", collection_id=collection.pk)).content.decode()


@pytest.mark.parametrize(
    ("outcome", "count"),
    [("", 5), (Outcome.STORED, 1), (Outcome.DUPLICATE, 1), (Outcome.CONFLICT, 1), (Outcome.QUARANTINED, 1)],
)
def test_files_are_listed_by_what_became_of_them(outcome: str, count: int, sakura: Facility, viewer: Client) -> None:
    files = [dicom(), dicom(), dicom(StudyDescription="other bytes"), dicom()[:-200], b"hello"]
    collection = store(sakura, *files)
    answer = viewer.get(url("collection", collection_id=collection.pk) + f"?outcome={outcome}")
    assert len(answer.context["files"]) == count
    assert {file.outcome for file in answer.context["files"]} == ({outcome} if outcome else set(Outcome))


def follow(client: Client, address: str, part: str = r"<tbody>(.*?)</tbody>") -> list[str]:
    """The table bodies of all pages, or another part of them."""
    base, bodies = address.partition("?")[0], []
    for _ in range(10):
        page = client.get(address).content.decode()
        bodies.append(re.findall(part, page, re.DOTALL)[-1])
        older = re.search(r'rel="next"\s+href="([^"]+)"', page)
        if not older:
            return bodies
        address = base + older[1].replace("&amp;", "&")
    raise AssertionError("The pages do not end")


def test_pages_bring_every_file_once(sakura: Facility, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "FILES", 2)
    collection = store(sakura, *(dicom(1, number) for number in range(1, 6)), b"hello")
    bodies = follow(viewer, url("collection", collection_id=collection.pk))
    assert re.findall(r"IM\d{4}", "".join(bodies)) == [f"IM{number:04d}" for number in range(1, 7)]
    stored = follow(viewer, url("collection", collection_id=collection.pk) + "?outcome=stored")
    assert len(re.findall(r"IM\d{4}", "".join(stored))) == 5


def test_pages_bring_every_collection_once(sakura: Facility, viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collections, "PAGE", 2)
    made = [store(sakura, dicom(number)).pk for number in range(1, 6)]
    lists = follow(viewer, url("collections"), r'<ol class="timeline">(.*?)</ol>')
    listed = re.findall(r'/collections/(\d+)/"', "".join(lists))
    assert [int(pk) for pk in listed] == made[::-1]


@pytest.mark.parametrize("query", ["?before=x", "?before=-1", f"?before={'9' * 30}", f"?before={'9' * 5000}"])
def test_a_made_up_page_of_the_list_is_no_error_of_ours(query: str, sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert viewer.get(url("collections") + query).status_code == 200


@pytest.mark.parametrize("query", ["?after=x", f"?after={'9' * 30}", f"?after={'9' * 5000}", "?outcome=made_up"])
def test_a_made_up_page_of_files_is_no_error_of_ours(query: str, sakura: Facility, viewer: Client) -> None:
    collection = store(sakura, dicom())
    assert viewer.get(url("collection", collection_id=collection.pk) + query).status_code == 200


def test_a_name_on_the_medium_is_text(sakura: Facility, viewer: Client) -> None:
    collection = store(sakura, dicom(), name="<script>alert(1)</script>")
    page = viewer.get(url("collection", collection_id=collection.pk)).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_list_asks_as_often_for_many_as_for_one(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    viewer.get(url("collections"))
    once = queries_of(viewer, url("collections"))
    for number in range(2, 6):
        store(sakura, dicom(number))
    assert queries_of(viewer, url("collections")) == once


def test_a_collection_asks_as_often_for_many_files_as_for_one(sakura: Facility, viewer: Client) -> None:
    one, many = store(sakura, dicom()), store(sakura, *(dicom(2, number) for number in range(1, 9)))
    once = queries_of(viewer, url("collection", collection_id=one.pk))
    assert queries_of(viewer, url("collection", collection_id=many.pk)) == once


def test_times_are_those_of_the_facilitys_wall_clock(sakura: Facility, viewer: Client) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
    collection = store(sakura, dicom())
    page = viewer.get(url("collection", collection_id=collection.pk)).content.decode()
    assert "2026-05-04 19:00:00 JST" in page  # 10:00 UTC


def test_what_needs_a_look_is_listed_alone(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    damaged = store(sakura, dicom(2)[:-200])
    replicate_pending()
    answer = viewer.get(url("collections") + "?show=attention")
    assert [collection.pk for collection in answer.context["collections"]] == [damaged.pk]
    assert 'href="?show=attention&amp;before=' not in answer.content.decode()


def test_when_nothing_needs_a_look_the_list_says_so(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    replicate_pending()
    assert "All is well" in viewer.get(url("collections") + "?show=attention").content.decode()
