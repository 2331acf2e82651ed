"""De-identified copies: nothing that identified remains, UIDs still fit together, pictures are as they were."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import JPEG2000Lossless, UltrasoundImageStorage

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.orders.choosing import Choice, instances_of
from apps.orders.kinds import KINDS
from apps.orders.kinds.deidentified.identifying import identifying_of
from apps.orders.kinds.deidentified.profile import Profile
from apps.orders.models import OrderKind, State
from apps.orders.producing import produce_due
from tests.catalog.preview_objects import changed
from tests.orders.media import ordered, produced, report, saved, slices, unpacked
from tests.orders.stories import fresh, may_order, state_of, studies
from tests.portal.pages import COLOURS, dicom, document, store

pytestmark = pytest.mark.usefixtures("committed_db")
IDENTIFYING = {
    "PatientName": "Mori^Haruka=森田^遥=もりた^はるか", "PatientID": "PID-4711", "PatientBirthDate": "19410817",
    "OtherPatientIDs": "INS-778899K", "PatientAddress": "1-2 Nishi, Sapporo", "InstitutionName": "Sakura Clinic",
    "ReferringPhysicianName": "Vogt^Anna", "OperatorsName": "Endo^Kenji", "AccessionNumber": "ACC-0815K",
    "StationName": "ROOM-SEVEN", "StudyDate": "20260401", "SeriesDate": "20260402", "AcquisitionDate": "20260403",
    "StudyDescription": "Chest CT of Haruka Mori, Tel. 0117777", "SeriesDescription": "Axial 森田遥 bone",
    "PatientComments": "brother of Dr. Vogt", "RequestAttributesSequence": None, "DeviceSerialNumber": "SN-31337K",
    "PatientAge": "093Y", "PatientSex": "F", "PatientWeight": "61.5", "SpecificCharacterSet": "ISO_IR 192",
}  # fmt: skip
SECRETS = [
    "mori", "haruka", "森田", "遥", "もりた", "-4711", "19410817", "778899k", "nishi", "sakura", "vogt", "endo",
    "0815k", "room-seven", "20260401", "20260402", "20260403", "31337k", "0117777", "2.25.1.1",
]  # fmt: skip


def identifying(data_set: Dataset) -> None:
    """Names and numbers in the usual places, in sequences, in private attributes, and where nobody expects them."""
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepDescription = "RP-4711", "for Mori^Haruka"
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = data_set.SOPClassUID, "2.25.1.1.1"
    for keyword, value in IDENTIFYING.items():
        setattr(data_set, keyword, [request] if value is None else value)
    data_set.SourceImageSequence = [source]
    data_set.Manufacturer = "Made for Dr. Vogt"
    block = data_set.private_block(0x0099, "MEDVAULT TEST", create=True)
    block.add_new(1, "LO", "Mori^Haruka")


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    may_order(sakura)
    return sakura


@pytest.fixture
def staff(person: Callable[..., User], sakura: Facility) -> User:
    return person("staff@center.example", is_staff=True)


def copies(facility: Facility, staff: User, folder: Path, **given: str) -> list[Dataset]:
    """What comes of ordering everything de-identified, in the order of the originals."""
    order = ordered(facility, staff, OrderKind.DEIDENTIFIED, **{"doubtful": "left_out"} | given)
    names = unpacked(produced(order), folder)
    return [pydicom.dcmread(folder / name) for name in sorted(names) if name.endswith(".dcm")]


def identified(study: int, number: int) -> bytes:
    content = slices(study, number)[-1]
    data_set = pydicom.dcmread(BytesIO(content))
    identifying(data_set)
    return saved(data_set)


def test_nothing_that_identified_remains(clinic: Facility, staff: User, tmp_path: Path) -> None:
    originals = [identified(1, 1), identified(1, 2)]
    store(clinic, *originals)
    first, second = copies(clinic, staff, tmp_path)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            text = path.read_bytes().partition(first.PixelData)[0].decode("utf-8", "replace").casefold()
            assert [secret for secret in SECRETS if secret in text] == [], path.name
    assert first.PixelData == pydicom.dcmread(BytesIO(originals[0])).PixelData
    assert (first.StudyInstanceUID, first.PatientID) == (second.StudyInstanceUID, "0001")
    assert second.SourceImageSequence[0].ReferencedSOPInstanceUID == first.SOPInstanceUID
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert (first.PatientIdentityRemoved, first.LongitudinalTemporalInformationModified) == ("YES", "REMOVED")
    assert [code.CodeValue for code in first.DeidentificationMethodCodeSequence] == ["113100"]
    assert (first.StudyDate, first.get("PatientSex"), "PatientAge" in first) == ("", "", False)


def test_what_is_wished_for_is_kept(clinic: Facility, staff: User, tmp_path: Path) -> None:
    store(clinic, identified(1, 1))
    wished = {"keeps_intervals": "on", "keeps_characteristics": "on", "keeps_descriptions": "on"}
    (made,) = copies(clinic, staff, tmp_path, **wished)
    assert int(made.SeriesDate) - int(made.StudyDate) in (1, 1 + 100 - 31, 1 + 100 - 30, 1 + 100 - 28, 8870)
    assert made.StudyDate < "20260401"
    assert (made.PatientAge, made.PatientSex, made.PatientBirthDate) == ("090Y", "F", "")
    assert made.StudyDescription.startswith("Chest CT of")
    assert made.SeriesDescription == "Axial bone"
    assert {code.CodeValue for code in made.DeidentificationMethodCodeSequence} == {
        "113100",
        "113105",
        "113107",
        "113108",
    }


def test_pictures_that_may_have_text_are_told_and_left_out(clinic: Facility, staff: User, tmp_path: Path) -> None:
    said = dicom(2, 1, BurnedInAnnotation="YES")
    echo = dicom(3, 1, pixels=COLOURS, SOPClassUID=UltrasoundImageStorage, Modality="US")
    clear = dicom(4, 1, BurnedInAnnotation="NO")
    store(clinic, *slices(1, 1), said, echo, clear, document(), report(5))
    chosen = [Choice(study.study_instance_uid) for study in studies(clinic)]
    with as_facility(clinic):
        notes = KINDS[OrderKind.DEIDENTIFIED].options(clinic).notes(instances_of(clinic.pk, chosen))
    assert [note[0] for note in notes] == ["2", "2"]
    assert len(copies(clinic, staff, tmp_path / "out")) == 2
    readme = (tmp_path / "out" / "README.txt").read_text()
    assert readme.count("it is no picture") == 2
    assert "burned" in readme
    assert len(copies(clinic, staff, tmp_path / "in", doubtful="included")) == 4


def test_an_order_of_which_nothing_may_be_given_out_says_so(clinic: Facility, staff: User) -> None:
    store(clinic, report(5))
    order = ordered(clinic, staff, OrderKind.DEIDENTIFIED, doubtful="left_out")
    assert produce_due() == 0
    assert state_of(order) == State.ACCEPTED
    assert "No image" in fresh(order).problem


def test_a_value_that_remains_is_found_by_the_check(
    clinic: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(clinic, identified(1, 1))
    apply = Profile.apply

    def careless(self: Profile, data_set: Dataset, **facts: Any) -> None:
        apply(self, data_set, **facts)
        data_set.ImageComments = "asked for by Vogt"

    monkeypatch.setattr(Profile, "apply", careless)
    order = ordered(clinic, staff, OrderKind.DEIDENTIFIED, doubtful="left_out")
    assert produce_due() == 0
    assert "what identified remains" in fresh(order).problem


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "JPEG2000.dcm"])
def test_pictures_are_as_they_were_in_every_encoding(clinic: Facility, staff: User, tmp_path: Path, name: str) -> None:
    original = changed(name, lambda data_set: None)
    store(clinic, original)
    (made,) = copies(clinic, staff, tmp_path, doubtful="included")
    before = pydicom.dcmread(BytesIO(original))
    assert np.array_equal(made.pixel_array, before.pixel_array)
    assert str(before.PatientName) not in str(made)
    assert JPEG2000Lossless != made.file_meta.TransferSyntaxUID or made.PixelData == before.PixelData


def test_what_only_looks_like_a_name_or_a_number_stays() -> None:
    data_set, code = Dataset(), Dataset()
    code.CodeValue, code.CodeMeaning = "121234", "Head"
    data_set.PatientName, data_set.AccessionNumber, data_set.BodyPartExamined = "Head^Anna", "1234", "HEAD"
    data_set.AnatomicRegionSequence, data_set.Manufacturer, data_set.SoftwareVersions = [code], "for 1234", "Anna 2"
    identifying_of(data_set).scrub(data_set)
    assert (data_set.BodyPartExamined, data_set.AnatomicRegionSequence[0].CodeValue) == ("HEAD", "121234")
    assert [data_set.Manufacturer, data_set.SoftwareVersions] == [None, None]
