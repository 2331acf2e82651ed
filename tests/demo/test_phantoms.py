"""The demonstration's invented images are sound DICOM, always the same, and not too many."""

from collections import Counter
from datetime import date, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO
from itertools import groupby, islice
from typing import Literal

import pydicom
import pytest
from pydicom.uid import ImplicitVRLittleEndian, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from apps.catalog.header import BytesSource, Header, read_header
from apps.catalog.preview import render_preview
from medvault.demo.phantoms import DemoFile, clinic_files
from medvault.demo.phantoms.people import LINDENHOF, SAKURA, Clinic

TODAY = date(2026, 7, 15)
AGAIN = 60
CLINICS: tuple[Clinic, ...] = (SAKURA, LINDENHOF)
of_each_clinic = pytest.mark.parametrize("clinic", ["sakura", "lindenhof"])


@cache
def files(clinic: Literal["sakura", "lindenhof"]) -> tuple[DemoFile, ...]:
    return tuple(clinic_files(clinic, today=TODAY))


@cache
def headers(clinic: Literal["sakura", "lindenhof"]) -> tuple[Header, ...]:
    return tuple(read_header(BytesSource(file.content)) for file in files(clinic))


def read(file: DemoFile) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(file.content))


@of_each_clinic
def test_the_same_day_makes_the_same_bytes(clinic):
    again = islice(clinic_files(clinic, today=TODAY), AGAIN)
    for first, second in zip(files(clinic), again, strict=False):
        assert first.path == second.path
        assert sha256(first.content).digest() == sha256(second.content).digest()


def test_another_day_shares_no_uid_with_this_one():
    tomorrow = next(clinic_files("lindenhof", today=TODAY + timedelta(days=1)))
    today = files("lindenhof")[0]
    assert tomorrow.study_instance_uid != today.study_instance_uid
    assert read(tomorrow).SOPInstanceUID != read(today).SOPInstanceUID


def test_no_instance_and_no_path_comes_twice():
    both = [*files("sakura"), *files("lindenhof")]
    assert Counter(read(file).SOPInstanceUID for file in both).most_common(1)[0][1] == 1
    assert Counter(file.path for file in files("sakura")).most_common(1)[0][1] == 1


@of_each_clinic
def test_a_study_comes_in_one_piece_and_is_named_as_in_its_files(clinic):
    runs = [uid for uid, _ in groupby(file.study_instance_uid for file in files(clinic))]
    assert len(runs) == len(set(runs)) == 18
    assert [file.study_instance_uid for file in files(clinic)] == [h.study_instance_uid for h in headers(clinic)]


@of_each_clinic
def test_every_uid_is_made_from_a_uuid(clinic):
    for header in headers(clinic):
        for uid in (header.study_instance_uid, header.series_instance_uid, header.sop_instance_uid):
            assert uid.startswith("2.25.")
            assert len(uid) <= 64


@of_each_clinic
def test_every_picture_decodes_and_shows_something(clinic):
    for file in files(clinic):
        instance = read(file)
        if "PixelData" in instance:
            pixels = instance.pixel_array
            assert pixels.shape[-2:] == (instance.Rows, instance.Columns)
            assert pixels.max() < 2**instance.BitsStored
            assert pixels.std() > 0.02 * 2**instance.BitsStored


@of_each_clinic
def test_the_first_picture_of_each_series_has_a_preview(clinic):
    first = {h.series_instance_uid: f for f, h in zip(reversed(files(clinic)), reversed(headers(clinic)), strict=True)}
    for file in first.values():
        if "PixelData" in read(file):
            assert render_preview(BytesIO(file.content), longest_side=64).startswith(b"\xff\xd8")


@of_each_clinic
def test_the_catalog_reads_every_header_without_a_warning(clinic):
    assert [warning for header in headers(clinic) for warning in header.warnings] == []


@of_each_clinic
def test_no_date_is_in_the_future_or_over_three_years_ago(clinic):
    for header in headers(clinic):
        dates = (header.study_date, header.series_date, header.content_date)
        assert all(on is not None and TODAY - timedelta(days=3 * 365) < on < TODAY for on in dates)
        assert header.study_date is not None
        assert header.study_date.weekday() < 5


@pytest.mark.parametrize("clinic", CLINICS, ids=lambda clinic: clinic.slug)
def test_every_name_decodes_to_what_was_meant(clinic):
    meant = {person.patient_id: person for person in clinic.people}
    seen = set()
    for header in headers(clinic.slug):
        name, person = header.patient_name, meant[header.patient_id]
        groups = [name.alphabetic, name.ideographic, name.phonetic]
        assert "=".join(filter(None, groups)) == person.name
        assert header.patient_birth_date == person.birth_date
        assert header.institution_name == clinic.institution_name
        seen.add(header.patient_id)
    assert seen == set(meant)


def test_japanese_is_written_in_two_character_sets():
    sets = {str(read(file).SpecificCharacterSet) for file in files("sakura")}
    assert sets == {"['', 'ISO 2022 IR 87']", "ISO_IR 192"}


@of_each_clinic
def test_a_series_of_slices_stands_in_order_in_one_frame_of_reference(clinic):
    series: dict[str, list[pydicom.Dataset]] = {}
    for file, header in zip(files(clinic), headers(clinic), strict=True):
        if header.modality in {"CT", "MR"}:
            series.setdefault(header.series_instance_uid, []).append(read(file))
    assert len(series) == 8
    for slices in series.values():
        levels = [float(one.ImagePositionPatient[2]) for one in slices]
        assert len(slices) >= 20
        assert levels in (sorted(levels), sorted(levels, reverse=True))
        assert len({one.FrameOfReferenceUID for one in slices}) == 1
        assert [one.InstanceNumber for one in slices] == list(range(1, len(slices) + 1))


def test_the_clinics_have_many_kinds_of_objects_and_encodings():
    both = [*headers("sakura"), *headers("lindenhof")]
    kinds = {header.modality for header in both}
    assert kinds == {"CT", "MR", "CR", "DX", "MG", "US", "XA", "SR", "DOC"}
    syntaxes = {header.transfer_syntax_uid for header in both}
    assert syntaxes >= {ImplicitVRLittleEndian, JPEGLSLossless, RLELossless, JPEGBaseline8Bit}


def test_the_letter_is_a_whole_pdf():
    letter = next(read(f) for f, h in zip(files("lindenhof"), headers("lindenhof"), strict=True) if h.modality == "DOC")
    content = letter.EncapsulatedDocument[: letter.EncapsulatedDocumentLength]
    assert content.startswith(b"%PDF-1.4")
    start = int(content.split(b"startxref\n")[1].split(b"\n")[0])
    assert content[start:].startswith(b"xref\n")
    first = int(content[start:].split(b"\n")[3].split(b" ")[0])
    assert content[first:].startswith(b"1 0 obj")
    assert content.endswith(b"%%EOF\n")


def test_both_clinics_fit_into_sixty_megabytes():
    assert sum(len(file.content) for clinic in ("sakura", "lindenhof") for file in files(clinic)) < 60_000_000
