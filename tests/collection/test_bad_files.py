"""Bad files among good ones: each has its outcome, and every good one is stored."""

import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance, Patient
from apps.collection.models import ReceivedFile, State
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.catalog.dicom_bytes import DEFLATED, DOCUMENT, IMAGE, data_set, element, part10
from tests.catalog.test_header_attacks import _bomb, _nested, _report
from tests.collection.media import numbered, outcomes, receive

ANOTHER_STUDY = {0x0020000D: ("UI", b"1.2.9\0"), 0x0020000E: ("UI", b"1.2.9.1\0")}
HTML = b"<script>alert(1)</script>"


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return part10(packer.compress(content) + packer.flush(), DEFLATED)


def with_preamble(number: int, magic: bytes) -> bytes:
    return magic.ljust(128, b"\0") + numbered(number)[128:]


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "not DICOM": (lambda: b"hello\n" * 1000, "not_dicom"),
    "zeros": (lambda: bytes(10_000), "not_dicom"),
    "JPEG": (lambda: b"\xff\xd8\xff\xe0" + bytes(1000), "not_dicom"),
    "deflate bomb": (lambda: _bomb(2048), "inflates_too_far"),
    "400 nested sequences": (lambda: _report(_nested(400)), "nested_too_deeply"),
    "pixel length 0xFFFFFFF0": (
        lambda: part10(data_set(DOCUMENT) + element(0x7FE00010, "OW", bytes(64), length=0xFFFFFFF0)),
        "truncated",
    ),
    "a UID that is a path": (lambda: numbered(1, {0x00080018: ("UI", b"../../x\0")}), "invalid_uid"),
    "no pixel data": (
        lambda: part10(data_set({tag: value for tag, value in IMAGE.items() if tag != 0x7FE00010})),
        "missing_pixel_data",
    ),
    "PE in the preamble": (lambda: with_preamble(11, b"MZ\x90\0"), "stored"),
    "ELF in the preamble": (lambda: with_preamble(12, b"\x7fELF\2\1\1"), "stored"),
    "HTML in PatientName": (lambda: numbered(13, {0x00100010: ("PN", HTML + b" "), **ANOTHER_STUDY}), "stored"),
    "StudyDate 99999999": (lambda: numbered(14, {0x00080020: ("DA", b"99999999")}), "stored"),
    "deflated": (lambda: deflated(data_set({**IMAGE, 0x00080018: ("UI", b"1.2.3.4.15")})), "stored"),
}


@pytest.mark.parametrize("kind", ["folder", "zip"])
def test_each_bad_file_has_its_outcome_and_the_rest_is_stored(sakura: Facility, tmp_path: Path, kind: str) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    for name, (make, _) in BAD.items():
        (medium / name).write_bytes(make())
    for number in range(3):
        (medium / f"good {number}").write_bytes(numbered(100 + number))
    path = Path(shutil.make_archive(str(tmp_path / "medium"), "zip", medium)) if kind == "zip" else medium
    received = receive(sakura, path)
    expected = {name: outcome for name, (_, outcome) in BAD.items()}
    assert outcomes(received) == expected | {f"good {number}": "stored" for number in range(3)}
    assert received.collection.state == State.STORED
    assert not (tmp_path.parent / "x").exists()
    with as_facility(sakura):
        for file in ReceivedFile.objects.filter(outcome="stored").select_related("instance__pack"):
            assert file.instance
            with open_instance(file.instance) as opened:
                assert opened.read() == (medium / file.source_name).read_bytes()
        reasons = " ".join(ReceivedFile.objects.values_list("reason", flat=True))
    assert "script" not in reasons
    assert "../" not in reasons


def test_an_image_cut_at_any_byte_is_never_stored(sakura: Facility, tmp_path: Path) -> None:
    whole = numbered(1)
    for cut in range(0, len(whole), 7):
        (tmp_path / f"{cut:06d}").write_bytes(whole[:cut])
    (tmp_path / "whole").write_bytes(whole)
    found = outcomes(receive(sakura, tmp_path))
    assert found.pop("whole") == "stored"
    assert "stored" not in found.values()
    assert {outcome for name, outcome in found.items() if int(name) < 132} == {"empty", "not_dicom"}
    with as_facility(sakura):
        assert Instance.objects.count() == 1


def test_html_in_a_name_is_a_name(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(numbered(1, {0x00100010: ("PN", HTML + b" ")}))
    receive(sakura, tmp_path)
    with as_facility(sakura):
        assert HTML.decode() in str(Patient.objects.get().name_alphabetic)


def test_a_date_that_is_none_is_unknown(sakura: Facility, tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(numbered(1, {0x00080020: ("DA", b"99999999")}))
    receive(sakura, tmp_path)
    with as_facility(sakura):
        assert Instance.objects.select_related("series__study").get().series.study.study_date is None


def test_a_file_that_lies_about_its_length_by_holes_is_read_as_it_is(sakura: Facility, tmp_path: Path) -> None:
    size = 64 << 20
    start = part10(data_set(DOCUMENT) + struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, size))
    (tmp_path / "sparse").write_bytes(start)
    os.truncate(tmp_path / "sparse", len(start) + size)
    assert outcomes(receive(sakura, tmp_path)) == {"sparse": "stored"}
