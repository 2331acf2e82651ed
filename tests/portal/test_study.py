"""The page of a study, and the viewer of its series."""

import json
import re
from typing import Any

import numpy as np
from django.test import Client
from django.utils.html import escape

from apps.audit.models import Event
from apps.catalog.models import Series
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.portal.series import MOST_FRAMES
from apps.portal.studies import SHOWN_INSTANCES
from tests.portal.pages import dicom, document, only_study, queries_of, store, url


def page_of(facility: Facility, client: Client) -> str:
    return client.get(url("study", study_id=only_study(facility).pk)).content.decode()


def viewer_of(facility: Facility, client: Client, query: str = "") -> str:
    with as_facility(facility):
        series = Series.objects.get()
    return client.get(url("series", series_id=series.pk) + query).content.decode()


def test_facts_of_study_and_patient_are_shown(sakura: Facility, viewer: Client) -> None:
    facts: dict[str, Any] = {"StudyDescription": "Head", "AccessionNumber": "A-1", "ReferringPhysicianName": "Abe^Ren"}
    store(sakura, dicom(**facts, PatientBirthDate="19381201", PatientSex="F", InstitutionName="Sakura"))
    page = page_of(sakura, viewer)
    shown = ["Mori, Haruka", "森 遥", "P1", "1938-12-01", "female", "Head", "A-1", "Ren Abe", "2.25.1", "2026-04-01"]
    for fact in shown:
        assert fact in page


def test_markup_in_any_text_of_a_file_is_text(sakura: Facility, viewer: Client) -> None:
    evil = "<script>alert(1)</script>"
    texts = ["PatientName", "PatientID", "StudyDescription", "SeriesDescription", "AccessionNumber", "InstitutionName"]
    facts: dict[str, Any] = dict.fromkeys(texts, evil)
    store(sakura, dicom(**facts), name=f"{evil}.dcm")
    for page in (page_of(sakura, viewer), viewer_of(sakura, viewer), viewer.get(url("studies")).content.decode()):
        assert "<script>alert" not in page
        assert escape(evil) in page


def test_the_title_of_the_page_names_no_patient(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    for page in (page_of(sakura, viewer), viewer_of(sakura, viewer)):
        title = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
        assert title
        assert "Mori" not in title[1]


def test_where_the_bytes_are_is_shown(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert "Second copy is being made" in page_of(sakura, viewer)
    replicate_pending()
    with as_facility(sakura):
        pack = only_study(sakura).series.get().instances.select_related("pack").get().pack
    page = page_of(sakura, viewer)
    assert "Verified in two places" in page
    assert bytes(pack.sha256).hex() in page


def test_every_collection_that_brought_it_is_linked(sakura: Facility, viewer: Client) -> None:
    brought = [store(sakura, dicom()), store(sakura, dicom(), dicom(1, 2))]
    page = page_of(sakura, viewer)
    for collection in brought:
        assert url("collection", collection_id=collection.pk) in page


def test_every_look_is_recorded(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    page_of(sakura, viewer)
    page_of(sakura, viewer)
    with as_center():
        events = list(Event.objects.filter(action="study.viewed"))
    assert [(event.object_id, event.actor_kind) for event in events] == [(str(only_study(sakura).pk), "user")] * 2
    assert all(event.source_address and not event.details for event in events)


def test_a_look_into_a_series_is_a_look_at_its_study(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    viewer_of(sakura, viewer)
    with as_center():
        event = Event.objects.get(action="study.viewed")
        series = Series.objects.get()
    assert (event.object_id, event.details) == (str(only_study(sakura).pk), {"series": series.pk})


def test_a_long_series_shows_its_first_images_and_a_way_to_all(sakura: Facility, viewer: Client) -> None:
    store(sakura, *(dicom(1, number) for number in range(1, SHOWN_INSTANCES + 3)))
    page = page_of(sakura, viewer)
    assert page.count("/preview") == SHOWN_INSTANCES
    assert "Look through all" in page


def test_the_page_asks_as_often_for_many_series_as_for_one(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    address = url("study", study_id=only_study(sakura).pk)
    once = queries_of(viewer, address)
    more = [dicom(1, number, SeriesInstanceUID=f"2.25.1.{number}", SeriesNumber=number) for number in range(2, 8)]
    store(sakura, *more)
    assert queries_of(viewer, address) == once


def test_the_viewer_knows_every_frame(sakura: Facility, viewer: Client) -> None:
    frames = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
    store(sakura, dicom(1, 1), dicom(1, 2, frames, NumberOfFrames=3))
    page = viewer_of(sakura, viewer)
    listed = re.search(r'<script id="viewer-data"[^>]*>(.*?)</script>', page)
    assert listed
    assert [each["frame"] for each in json.loads(listed[1])["frames"]] == [1, 1, 2, 3]


def test_the_viewer_opens_where_it_is_told_and_stays_within(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1, 1), dicom(1, 2))
    for image, shown in {"2": "2 / 2", "99": "2 / 2", "0": "1 / 2", "x": "1 / 2", "9" * 5000: "1 / 2"}.items():
        assert shown in viewer_of(sakura, viewer, f"?image={image}")


def test_a_file_that_claims_a_billion_frames_is_cut_short(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(NumberOfFrames=2_000_000_000))
    assert f"1 / {MOST_FRAMES}" in viewer_of(sakura, viewer)


def test_windows_are_offered_for_ct_and_for_nothing_else(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert "Lung" in viewer_of(sakura, viewer)
    with as_center():
        Series.objects.update(modality="MR")
    assert "Lung" not in viewer_of(sakura, viewer)


def test_a_report_is_opened_like_an_image(sakura: Facility, viewer: Client) -> None:
    store(sakura, document())
    assert "1 / 1" in viewer_of(sakura, viewer)
