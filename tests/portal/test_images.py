"""Previews and originals."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.test import Client
from PIL import Image

from apps.audit.models import Event
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.models import Pack
from apps.vault.places import place
from tests.portal.pages import COLOURS, dicom, document, only_image, store, url


def preview(facility: Facility, client: Client, query: str = "", **headers: str) -> Any:
    return client.get(url("preview", instance_id=only_image(facility).pk) + query, headers=headers)


def test_a_preview_is_kept_by_the_browser_and_shown_to_who_may_see_it(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    answer = preview(sakura, viewer)
    assert Image.open(BytesIO(answer.content)).format == "JPEG"
    assert answer["Cache-Control"] == "private, no-cache"
    again = preview(sakura, viewer, **{"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", answer["ETag"])


def test_a_preview_is_rendered_once(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    first = preview(sakura, viewer).content
    with as_facility(sakura):
        place("primary").remove(Pack.objects.get().name)
    assert preview(sakura, viewer).content == first


def test_sizes_frames_and_windows_are_kept_apart(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    answers = [preview(sakura, viewer, query) for query in ("", "?size=view", "?window=bone", "?window=lung")]
    assert len({answer["ETag"] for answer in answers}) == 4
    assert answers[2].content != answers[3].content


def test_colours_come_through(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(pixels=COLOURS))
    assert Image.open(BytesIO(preview(sakura, viewer).content)).mode == "RGB"


def test_a_report_has_a_tile_instead_of_a_picture(sakura: Facility, viewer: Client) -> None:
    store(sakura, document())
    answer = preview(sakura, viewer)
    assert answer["Content-Type"] == "image/svg+xml"
    assert ">SR<" in answer.content.decode()


def test_markup_in_a_modality_is_text_on_the_tile(sakura: Facility, viewer: Client) -> None:
    broken = dicom(Modality="<a/>", Rows=0)
    store(sakura, broken)
    answer = preview(sakura, viewer)
    assert "<a/>" not in answer.content.decode()


@pytest.mark.parametrize(
    "query", ["?size=huge", "?window=none", "?frame=0x1", "?frame=", "?frame=-1", f"?frame={'9' * 5000}"]
)
def test_a_preview_that_cannot_be_is_unknown(query: str, sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert preview(sakura, viewer, query).status_code == 404


def test_a_frame_beyond_the_last_has_no_picture(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    answer = preview(sakura, viewer, "?frame=2")
    assert answer["Content-Type"] == "image/svg+xml"
    assert "immutable" not in answer.get("Cache-Control", "")


def test_nothing_but_the_whole_preview_is_kept(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    preview(sakura, viewer)
    folder = f"{sakura.pk}/{only_image(sakura).pk % 1000:03d}"
    kept = storages["previews"].listdir(folder)[1]
    assert [Path(name).suffix for name in kept] == [".jpg"]


def test_the_original_comes_back_byte_for_byte(sakura: Facility, viewer: Client) -> None:
    content = dicom()
    store(sakura, content)
    answer: Any = viewer.get(url("download", instance_id=only_image(sakura).pk))
    assert b"".join(answer.streaming_content) == content
    assert answer["Content-Type"] == "application/dicom"
    assert int(answer["Content-Length"]) == len(content)


def test_a_file_name_of_a_download_names_no_patient(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(), name="Mori.dcm")
    instance = only_image(sakura)
    answer = viewer.get(url("download", instance_id=instance.pk))
    assert answer["Content-Disposition"] == f'attachment; filename="{instance.pk}.dcm"'


def test_every_download_is_recorded_and_no_preview(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    preview(sakura, viewer)
    viewer.get(url("download", instance_id=only_image(sakura).pk))
    with as_center():
        events = Event.objects.filter(action__startswith="image.")
        assert [(event.action, event.object_id) for event in events] == [
            ("image.downloaded", str(only_image(sakura).pk))
        ]


def test_an_image_that_is_looked_at_without_its_page_is_on_record_once(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    for _ in range(2):
        preview(sakura, viewer, "?size=view")
    preview(sakura, viewer)
    with as_facility(sakura):
        assert Event.objects.filter(action="study.viewed").count() == 1
