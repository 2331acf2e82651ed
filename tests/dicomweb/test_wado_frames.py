"""Frames as a viewer that decodes them itself takes them, and as one that does not."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRBigEndian

from apps.audit.models import Event
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.catalog.preview_objects import changed, image, reference_file
from tests.dicomweb.answers import content, parts_of
from tests.dicomweb.conftest import of_its_own, paths

OCTETS = "application/octet-stream"
CT, JPEG_2000, RLE = "CT_small.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm"
DECODABLE = [JPEG_2000, RLE, "SC_rgb_jpeg_gdcm.dcm", "emri_small_jpeg_ls_lossless.dcm", "emri_small_RLE.dcm"]


def in_parts(media_type: str, syntax: str = "") -> str:
    return f'multipart/related; type="{media_type}"' + (f"; transfer-syntax={syntax}" if syntax else "")


def test_uncompressed_frames_are_the_stored_values_in_little_endian(get: Any, store: Any, sakura: Facility) -> None:
    pixels = np.arange(3 * 16 * 16, dtype=np.uint16).reshape(3, 16, 16)
    uids = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
    for number, syntax in enumerate(("1.2.840.10008.1.2.1", ExplicitVRBigEndian)):
        file = image(pixels, syntax, NumberOfFrames=3, SOPInstanceUID=f"1.2.5.{number}", **uids)
        store(sakura, file)
        path = paths(sakura)[-1]
        for accept in ("*/*", in_parts("*/*"), in_parts(OCTETS), in_parts(OCTETS, "*")):
            answer = get(f"{path}/frames/3,1", Accept=accept)
            assert parts_of(answer) == [pixels[2].tobytes(), pixels[0].tobytes()]
        alone = get(f"{path}/frames/2", Accept=OCTETS)
        assert alone.content == pixels[1].tobytes()
        assert alone["Content-Type"] == f"{OCTETS}; transfer-syntax=1.2.840.10008.1.2.1"
        assert get(f"{path}/frames/2", Accept=OCTETS, If_None_Match=alone["ETag"]).status_code == 304


def test_a_look_at_a_study_is_on_record_once_and_not_for_each_frame(
    get: Any, store: Any, sakura: Facility, django_capture_on_commit_callbacks: Any
) -> None:
    store(sakura, reference_file(CT))
    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            assert get(f"{paths(sakura)[0]}/frames/1").status_code == 200
    with as_center():
        assert Event.objects.filter(action="study.viewed").count() == 1


def test_compressed_frames_come_as_stored_or_decoded(get: Any, store: Any, sakura: Facility) -> None:
    for number, name in enumerate(DECODABLE):
        file = changed(name, of_its_own(number))
        store(sakura, file)
        data_set = pydicom.dcmread(BytesIO(file))
        syntax, count = data_set.file_meta.TransferSyntaxUID, int(data_set.get("NumberOfFrames", 1))
        stored = next(generate_frames(data_set.PixelData, number_of_frames=count))
        url = f"{paths(sakura)[-1]}/frames/1"
        for accept in (
            "*/*",
            in_parts("*/*"),
            in_parts("image/*", "*"),
            in_parts(OCTETS, "*"),
            in_parts("*/*", syntax),
        ):
            answer = get(url, Accept=accept)
            assert parts_of(answer) == [stored], (name, accept)
        for accept in (in_parts(OCTETS), in_parts(OCTETS, "1.2.840.10008.1.2.1")):
            (decoded,) = parts_of(get(url, Accept=accept))
            assert decoded == data_set.pixel_array.reshape(count, -1)[0].tobytes(), name
        assert get(url, Accept=OCTETS).content == decoded
        assert get(url, Accept=in_parts("image/gif")).status_code == 406
    assert b"Content-Type: image/jls; transfer-syntax=1.2.840.10008.1.2.4.80\r\n" in content(
        get(f"{paths(sakura)[3]}/frames/1,2", Accept=in_parts("image/jls"))
    )


def test_frames_that_are_not_there(get: Any, store: Any, sakura: Facility) -> None:
    for name in (CT, "reportsi.dcm"):
        store(sakura, reference_file(name))
    ct, report = paths(sakura)
    lists = ("0", "2", "1,2", "1,1", "x", "1,", "-1", "1-2")
    answers = {each: get(f"{ct}/frames/{each}").status_code for each in lists}
    assert answers == {"0": 404, "2": 404, "1,2": 404, "1,1": 400, "x": 400, "1,": 400, "-1": 400, "1-2": 400}
    assert get(f"{ct}/frames/1,2", Accept=OCTETS).status_code == 406
    refusal = get(f"{report}/frames/1")
    assert (refusal.status_code, b"no pixel data" in refusal.content) == (406, True)
    assert get(f"{ct}.9/frames/1").status_code == 404


def test_damaged_pixel_data_is_refused_and_the_original_given(get: Any, store: Any, sakura: Facility) -> None:
    def damage(data_set: Any) -> None:
        data_set.PixelData = data_set.PixelData[:20] + b"\0" * (len(data_set.PixelData) - 28) + data_set.PixelData[-8:]

    damaged = changed("SC_rgb_jpeg_gdcm.dcm", damage)
    unknown = reference_file("CT_small.dcm").replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0", 1)
    files = [damaged, unknown]
    for file in files:
        store(sakura, file)
    for path, file in zip(paths(sakura), files, strict=True):
        for part in ("/frames/1", "/rendered"):
            refusal = get(path + part, Accept=in_parts(OCTETS) if part == "/frames/1" else "image/jpeg")
            assert refusal.status_code == 406, path
            assert b"can be retrieved as it is stored" in refusal.content
        assert parts_of(get(path)) == [file]
