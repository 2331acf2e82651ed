"""The list of studies and its search: what is found, and that addresses name no patient."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.test import Client
from django.utils.html import escape

from apps.facilities.models import Facility, Role
from apps.portal import studies
from tests.portal.pages import dicom, queries_of, store, url

HTMX = {"HX-Request": "true"}


def search(client: Client, **criteria: Any) -> str:
    return client.post(url("studies"), criteria, follow=True).content.decode()


def patients(page: str) -> list[str]:
    """The patient IDs on the page, in its order."""
    return re.findall(r"\bP\d+\b", re.sub(r"<form.*?</form>", "", page, flags=re.DOTALL))


def test_a_name_in_three_scripts_is_shown_in_two(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    page = viewer.get(url("studies")).content.decode()
    assert "Mori, Haruka" in page
    assert "森 遥" in page


def test_a_patient_without_a_name_has_a_link_all_the_same(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(PatientName=""))
    assert "Without a name" in viewer.get(url("studies")).content.decode()


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"text": "Mori"}, ["P1"]),
        ({"text": "P2"}, ["P2"]),
        ({"patient_name": "Abe*"}, ["P2"]),
        ({"patient_id": "P1"}, ["P1"]),
        ({"accession_number": "A-2"}, ["P2"]),
        ({"modalities": "MR"}, ["P2"]),
        ({"study_date_from": "2026-04-02"}, ["P2"]),
        ({"study_date_to": "2026-04-01"}, ["P1"]),
        ({"patient_birth_date": "1950-01-02"}, ["P2"]),
        ({"study_description": "*knee*"}, ["P2"]),
        ({"body_part": "KNEE"}, ["P2"]),
        ({"image_number": "77"}, ["P2"]),
        ({"received_from": "0001-01-01", "received_to": "9999-12-31"}, ["P2", "P1"]),
        ({"received_to": "0001-01-01"}, []),
        ({"text": "nobody"}, []),
    ],
)
def test_studies_are_found_by(criteria: dict[str, str], found: list[str], sakura: Facility, viewer: Client) -> None:
    second = {"PatientName": "Abe^Ren", "AccessionNumber": "A-2", "Modality": "MR", "StudyDate": "20260402"}
    second |= {"PatientBirthDate": "19500102", "StudyDescription": "left knee", "BodyPartExamined": "KNEE"}
    store(sakura, dicom(1), dicom(2, 77, **second))
    assert patients(search(viewer, **criteria)) == found


def test_images_of_another_facility_are_not_found(sakura: Facility, lindenhof: Facility, viewer: Client) -> None:
    store(lindenhof, dicom())
    assert patients(search(viewer, text="Mori")) == []


def test_addresses_and_headers_name_no_patient(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    posted = {"text": "Mori", "patient_id": "P1", "patient_birth_date": "1950-01-02"}
    plain = viewer.post(url("studies"), posted)
    live = viewer.post(url("studies"), posted, headers=HTMX)
    for header in (plain["Location"], live["HX-Push-Url"], str(live.headers), str(plain.headers)):
        assert not re.search("Mori|P1|1950", unquote(header))


def test_a_live_search_answers_with_the_results_alone(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    page = viewer.post(url("studies"), {"text": "Mori"}, headers=HTMX).content.decode()
    assert page.lstrip().startswith("<section")
    assert "Mori, Haruka" in page


def test_the_address_of_a_live_search_shows_the_same_again(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1), dicom(2, PatientName="Abe^Ren"))
    address = viewer.post(url("studies"), {"text": "Abe"}, headers=HTMX)["HX-Push-Url"]
    page = viewer.get(address).content.decode()
    assert patients(page) == ["P2"]
    assert 'value="Abe"' in page


def test_a_live_search_with_a_fault_says_which(viewer: Client) -> None:
    answer = viewer.post(url("studies"), {"study_date_from": "2026-05-01", "study_date_to": "2026-04-01"}, headers=HTMX)
    assert answer.status_code == 200  # htmx throws away what comes with another status
    assert answer.content.decode().lstrip().startswith("<section")
    assert "The end is before the beginning" in answer.content.decode()


def test_every_criterion_in_use_can_be_taken_away(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1), dicom(2, PatientName="Abe^Ren"))
    page = search(viewer, text="Abe", modalities=["CT"])
    assert page.count('name="remove"') == 2
    assert patients(search(viewer, text="Abe", modalities=["CT"], remove="text")) == ["P2", "P1"]


def test_criteria_are_told_in_the_readers_words(sakura: Facility, viewer: Client) -> None:
    viewer.cookies["django_language"] = "ja"
    page = search(viewer, patient_sex="F", study_date_from="2026-04-01", modalities=["CT", "MR"])
    chips = re.findall(r'class="chip".*?<strong>(.*?)</strong>', page, re.DOTALL)
    assert chips == ["女性", "2026/04/01", "CT, MR"]


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "PAGE", 2)


def pages_from(client: Client, address: str) -> list[str]:
    """Patient IDs of all pages, following "Older"."""
    found = []
    for _ in range(10):
        page = client.get(address).content.decode()
        found += patients(page)
        older = re.search(r'rel="next"\s+href="([^"]+)"|href="([^"]+)"\s+rel="next"', page)
        if not older:
            return found
        address = (older[1] or older[2]).replace("&amp;", "&")
    raise AssertionError("The pages do not end")


def test_older_pages_bring_every_study_once(sakura: Facility, viewer: Client, short_pages: None) -> None:
    store(sakura, *(dicom(number) for number in range(1, 6)))
    assert sorted(pages_from(viewer, url("studies"))) == ["P1", "P2", "P3", "P4", "P5"]


def test_older_pages_keep_the_search(sakura: Facility, viewer: Client, short_pages: None) -> None:
    names = ["Mori^A", "Abe^B", "Mori^C", "Mori^D", "Abe^E", "Mori^F"]
    store(sakura, *(dicom(number, PatientName=name) for number, name in enumerate(names, 1)))
    address = viewer.post(url("studies"), {"text": "Mori"})["Location"]
    assert sorted(pages_from(viewer, address)) == ["P1", "P3", "P4", "P6"]


@pytest.mark.parametrize("after", ["nonsense", "9" * 5000, "%00", "-1"])
def test_a_made_up_page_is_no_error_of_ours(after: str, sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    answer = viewer.get(f"{url('studies')}?after={after}")
    assert answer.status_code in {200, 400, 404}


def test_a_forgotten_search_shows_every_study(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    page = viewer.get(f"{url('studies')}?search=unknown").content.decode()
    assert patients(page) == ["P1"]
    assert "That search is not known any more" in page
    assert "That search" not in viewer.get(url("studies")).content.decode()


def test_markup_in_what_was_searched_for_is_text(sakura: Facility, viewer: Client) -> None:
    evil = '"><script>alert(1)</script>'
    page = search(viewer, text=evil)
    assert "<script>alert" not in page
    assert escape(evil) in page


def test_the_list_asks_as_often_for_many_studies_as_for_one(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    viewer.get(url("studies"))
    once = queries_of(viewer, url("studies"))
    store(sakura, *(dicom(number) for number in range(2, 8)))
    assert queries_of(viewer, url("studies")) == once


def test_the_search_of_another_person_is_not_found_by_its_key(
    sakura: Facility, viewer: Client, signed_in: Callable[..., Client]
) -> None:
    store(sakura, dicom(1), dicom(2))
    address = viewer.post(url("studies"), {"patient_id": "P1"}).headers["Location"]
    other = signed_in("other@example.org", sakura=Role.VIEWER)
    assert "Remove" in viewer.get(address).content.decode()
    assert "Remove" not in other.get(address).content.decode()
