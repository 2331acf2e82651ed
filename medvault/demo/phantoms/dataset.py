"""Data sets of one study: what all its instances share, pixels, and the Part 10 file."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from io import BytesIO
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from medvault.demo.phantoms.people import Clinic, Device, Person

_NAMESPACE = uuid5(NAMESPACE_URL, "https://medvault.example/demonstration")
_IMPLEMENTATION = UID(f"2.25.{uuid5(_NAMESPACE, 'implementation').int}")


@dataclass(frozen=True)
class Study:
    """One visit of a patient: number `number` of the clinic's studies as they are told on `today`."""

    clinic: Clinic
    person: Person
    number: int
    today: date
    started: datetime
    description: str
    protocol: str

    def uid(self, *parts: object) -> str:
        """A UID from a UUID (PS3.5 B.2), always the same for the same clinic, day and parts."""
        name = "/".join(map(str, (self.clinic.slug, self.today, self.number, *parts)))
        return f"2.25.{uuid5(_NAMESPACE, name).int}"

    @property
    def study_instance_uid(self) -> str:
        return self.uid("study")

    @property
    def seed(self) -> int:
        """What a patient's anatomy grows from: the same in each of the patient's studies."""
        return crc32(self.person.patient_id.encode())


@dataclass(frozen=True)
class Series:
    """One series of a study; `device` names the modality's device where the modality does not."""

    study: Study
    number: int
    modality: str
    sop_class_uid: str
    description: str
    body_part: str = ""
    laterality: str = ""
    device: str = ""

    @property
    def started(self) -> datetime:
        return self.study.started + timedelta(minutes=4 * self.number)

    @cached_property
    def shared(self) -> Dataset:
        """The patient, study, series and equipment modules (PS3.3 C.7.1.1, C.7.2.1, C.7.3.1, C.7.5.1)."""
        study, clinic, person = self.study, self.study.clinic, self.study.person
        device = clinic.devices[self.device or self.modality]
        shared = Dataset()
        shared.SpecificCharacterSet = list(person.character_set)
        shared.InstanceCreatorUID = _IMPLEMENTATION
        shared.SOPClassUID = self.sop_class_uid
        shared.StudyInstanceUID = study.study_instance_uid
        shared.StudyID = str(study.number)
        shared.AccessionNumber = f"{study.started:%y%m%d}{study.number:03d}"
        shared.StudyDescription = study.description
        shared.ReferringPhysicianName = clinic.referring[study.number % len(clinic.referring)]
        _patient(shared, person, clinic, study.started.date())
        shared.Modality = self.modality
        shared.SeriesInstanceUID = study.uid("series", self.number)
        shared.SeriesNumber = self.number
        shared.SeriesDescription = self.description
        _moments(shared, study.started, self.started)
        if self.body_part:
            shared.BodyPartExamined = self.body_part
        if self.laterality:
            shared.Laterality = self.laterality
        if self.modality not in {"SR", "DOC"}:
            shared.ProtocolName = study.protocol
            shared.OperatorsName = device.operator
        _equipment(shared, device, clinic, number=self.study.number)
        return shared

    def instance(self, number: int) -> Dataset:
        """A new instance with what the series' instances share; its syntax is Explicit VR Little Endian."""
        instance = Dataset(self.shared)
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        instance.SOPInstanceUID = self.study.uid("series", self.number, "instance", number)
        instance.InstanceNumber = number
        return instance


def _patient(shared: Dataset, person: Person, clinic: Clinic, on: date) -> None:
    shared.PatientName = person.name
    shared.PatientID = person.patient_id
    if clinic.issuer:
        shared.IssuerOfPatientID = clinic.issuer
    shared.PatientBirthDate = f"{person.birth_date:%Y%m%d}"
    shared.PatientSex = person.sex
    birthday_is_ahead = (on.month, on.day) < (person.birth_date.month, person.birth_date.day)
    shared.PatientAge = f"{on.year - person.birth_date.year - birthday_is_ahead:03d}Y"


def _moments(shared: Dataset, study: datetime, series: datetime) -> None:
    shared.StudyDate, shared.StudyTime = f"{study:%Y%m%d}", f"{study:%H%M%S}"
    for of in ("Series", "Acquisition", "Content"):
        setattr(shared, f"{of}Date", f"{series:%Y%m%d}")
        setattr(shared, f"{of}Time", f"{series:%H%M%S}")


def _equipment(shared: Dataset, device: Device, clinic: Clinic, *, number: int) -> None:
    shared.Manufacturer = device.manufacturer
    shared.ManufacturerModelName = device.model
    shared.StationName = device.station_name
    shared.SoftwareVersions = device.software
    shared.DeviceSerialNumber = str(crc32(device.station_name.encode()) % 100000)
    shared.InstitutionName = clinic.institution_name
    shared.InstitutionAddress = clinic.address
    shared.InstitutionalDepartmentName = clinic.department
    shared.PerformedProcedureStepID = f"PPS{number:05d}"


def set_pixels(
    instance: Dataset, pixels: NDArray[Any], *, bits_stored: int, photometric: str = "MONOCHROME2", syntax: str = ""
) -> None:
    """The image pixel module (PS3.3 C.7.6.3) for unsigned grey, rows x columns or frames x rows x columns.

    `syntax` is Implicit VR Little Endian or one that pydicom can compress to; empty leaves Explicit VR Little Endian.
    """
    instance.SamplesPerPixel = 1
    instance.PhotometricInterpretation = photometric
    instance.Rows, instance.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        instance.NumberOfFrames = pixels.shape[0]
    instance.BitsAllocated = 8 * pixels.dtype.itemsize
    instance.BitsStored = bits_stored
    instance.HighBit = bits_stored - 1
    instance.PixelRepresentation = 0
    instance.LossyImageCompression = "00"
    instance.PixelData = np.ascontiguousarray(pixels).tobytes()
    instance["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    if syntax == ImplicitVRLittleEndian:
        instance.file_meta.TransferSyntaxUID = UID(syntax)
    elif syntax:
        instance.compress(UID(syntax), generate_instance_uid=False)


def code(value: str, scheme: str, meaning: str) -> Sequence:
    """A code sequence of one item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return Sequence([item])


def part10(instance: Dataset) -> bytes:
    """The instance as a DICOM file (PS3.10 7)."""
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.file_meta.MediaStorageSOPInstanceUID = instance.SOPInstanceUID
    instance.file_meta.ImplementationClassUID = _IMPLEMENTATION
    instance.file_meta.ImplementationVersionName = "MEDVAULT_DEMO"
    file = BytesIO()
    dcmwrite(file, instance, enforce_file_format=True)
    return file.getvalue()
