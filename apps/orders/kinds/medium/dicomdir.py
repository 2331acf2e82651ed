"""DICOMDIR: the directory of a medium (PS3.10, 8.6; PS3.3, F).

Records of patients, studies, series and images come from the catalog, which has all that they hold: pydicom's FileSet
would read and copy every file, and keep a data set of each in memory. What is no image has a record that its header
fills in, by pydicom's definitions.
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any
from uuid import UUID, uuid5

from django.utils.translation import gettext
from pydicom import DataElement, Dataset, FileMetaDataset, dcmwrite
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataset import FileDataset
from pydicom.filebase import DicomBytesIO
from pydicom.fileset import _FOUR_LEVEL_SOP_CLASSES, DIRECTORY_RECORDERS
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from apps.catalog.bounds import Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.content import read_content
from apps.catalog.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from apps.catalog.models import Instance, Patient, Series, Study
from apps.catalog.preview import NotRenderable
from apps.orders.kinds.medium.placing import Placed

_ENCAPSULATED = "1.2.840.10008.5.1.4.1.1.104."
_PLANS = ("1.2.840.10008.5.1.4.1.1.481.5", "1.2.840.10008.5.1.4.1.1.481.8")
_NOT_A_FILE = frozenset(("preamble is missing", "file meta information is missing"))
_PATIENT = attrgetter("item.instance.series.study.patient_id")
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")
_ITEM = struct.Struct("<HHL")
_NEXT_AT, _LOWER_AT = 8, 30  # in a record: values of its first and its third element
_MOST_INTEGER = 2**31 - 1  # of an IS
_LO, _SH = 64, 16


@dataclass(slots=True)
class _Record:
    """A directory record, encoded but for its offsets, and the records below it."""

    content: bytearray
    lower: list["_Record"] = field(default_factory=list)
    offset: int = 0


def leaf_of(instance: Instance, number: int) -> tuple[Dataset | None, str]:
    """What the record of an object holds that is no image; or why it has none. An image's is in the catalog.

    `number` stands for an instance number that is missing.
    """
    kind = record_type(instance)
    if reason := _unlisted(instance, kind):
        return None, reason
    if kind == "IMAGE":
        return None, ""
    try:
        with open_instance(instance) as file:
            data_set = read_content(file).data_set
        data_set.decode()
        if not data_set.get("InstanceNumber"):
            data_set.InstanceNumber = number
        return DIRECTORY_RECORDERS[kind](data_set), ""
    except (Unreadable, NotRenderable):
        return None, gettext("Its header cannot be read.")
    except Exception:  # noqa: BLE001 -- a value that is missing or none of its VR; the words may quote the object
        return None, gettext("It lacks what a directory record of the type %(kind)s holds.") % {"kind": kind}


def record_type(instance: Instance) -> str:
    """Of a leaf (PS3.3, table F.4-1)."""
    uid = instance.sop_class_uid
    if uid.startswith(_ENCAPSULATED):
        return "ENCAP DOC"
    return "RT PLAN" if uid in _PLANS else _FOUR_LEVEL_SOP_CLASSES.get(uid, "IMAGE")  # type: ignore[call-overload]


def _unlisted(instance: Instance, kind: str) -> str:
    """Why a file cannot be one of a DICOM file-set, as it is."""
    if not (instance.sop_class_uid and instance.transfer_syntax_uid):
        return gettext("It does not say what it is or how it is encoded.")
    if not _NOT_A_FILE.isdisjoint(instance.warnings):
        return gettext("It came without the head of a DICOM file.")
    return gettext("Its kind has no directory record.") if kind == "IMAGE" and not instance.has_pixel_data else ""


def dicomdir(placed: Sequence[Placed], *, order: UUID, number: int, file_set_id: str) -> bytes:
    """The directory of one medium, the same bytes each time."""
    roots = list(_patients([each for each in placed if not each.item.unlisted]))
    start = len(_head(order, number, file_set_id, 0, 0))
    end = _place(roots, start)
    first, last = (roots[0].offset, roots[-1].offset) if roots else (0, 0)
    head = bytearray(_head(order, number, file_set_id, first, last))
    struct.pack_into("<L", head, start - 4, end - start)  # of the sequence, which is the last element
    return b"".join([head, *_written(roots)])


def _head(order: UUID, number: int, file_set_id: str, first: int, last: int) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    meta.MediaStorageSOPInstanceUID = UID(f"2.25.{uuid5(order, str(number)).int}")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    directory = FileDataset("", {}, preamble=b"\0" * 128, file_meta=meta)
    directory.FileSetID = file_set_id
    directory.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first
    directory.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = last
    directory.FileSetConsistencyFlag = 0
    directory.DirectoryRecordSequence = []
    file = BytesIO()
    dcmwrite(file, directory, enforce_file_format=True)
    return file.getvalue()


def _patients(placed: Sequence[Placed]) -> Iterator[_Record]:
    ordered = sorted(placed, key=_PATIENT)  # stable: the studies of a patient need not stand together
    for number, (_, of_patient) in enumerate(groupby(ordered, key=_PATIENT), 1):
        members = list(of_patient)
        patient = members[0].item.instance.series.study.patient
        yield _Record(_encoded("PATIENT", _patient(patient, number)), list(_studies(members)))


def _studies(placed: Sequence[Placed]) -> Iterator[_Record]:
    for number, of_study in groupby(placed, key=attrgetter("study")):
        members = list(of_study)
        study = members[0].item.instance.series.study
        yield _Record(_encoded("STUDY", _study(study, number)), list(_series(members)))


def _series(placed: Sequence[Placed]) -> Iterator[_Record]:
    for number, of_series in groupby(placed, key=attrgetter("series")):
        members = list(of_series)
        series = members[0].item.instance.series
        leaves = [_Record(_encoded(record_type(each.item.instance), _leaf(each), each)) for each in members]
        yield _Record(_encoded("SERIES", _one_series(series, number)), leaves)


def _patient(patient: Patient, number: int) -> Dataset:
    """Keys of type 1 that the objects lack are given values here, as PS3.3 F.5 lets a File-set Creator."""
    groups = (patient.name_alphabetic, patient.name_ideographic, patient.name_phonetic)
    return _data_set(
        PatientName="=".join(each[:_LO] for each in groups).rstrip("="),
        PatientID=_text(patient.patient_id, _LO) or f"PATIENT {number}",
        PatientBirthDate=f"{patient.birth_date:%Y%m%d}" if patient.birth_date else "",
        PatientSex=patient.sex if patient.sex in ("M", "F", "O") else "",
    )


def _study(study: Study, number: int) -> Dataset:
    return _data_set(
        StudyDate=f"{study.sort_date:%Y%m%d}",
        StudyTime=f"{study.study_time:%H%M%S}" if study.study_time else "000000",
        AccessionNumber=_text(study.accession_number, _SH),
        StudyDescription=_text(study.study_description, _LO),
        StudyInstanceUID=study.study_instance_uid,
        StudyID=_text(study.study_id, _SH) or str(number),
    )


def _one_series(series: Series, number: int) -> Dataset:
    return _data_set(
        Modality=series.modality if _CODE.fullmatch(series.modality) else "OT",
        SeriesDescription=_text(series.series_description, _LO),
        SeriesInstanceUID=series.series_instance_uid,
        SeriesNumber=_integer(series.series_number, number),
    )


def _leaf(each: Placed) -> Dataset:
    leaf = each.item.leaf
    return _data_set(InstanceNumber=_integer(each.item.instance.instance_number, each.image)) if leaf is None else leaf


def _encoded(kind: str, keys: Dataset, placed: Placed | None = None) -> bytearray:
    record = _data_set(
        OffsetOfTheNextDirectoryRecord=0,
        RecordInUseFlag=0xFFFF,
        OffsetOfReferencedLowerLevelDirectoryEntity=0,
        DirectoryRecordType=kind,
        SpecificCharacterSet="ISO_IR 192",
    )
    if placed:
        instance = placed.item.instance
        record.update(
            _data_set(
                ReferencedFileID=list(placed.file_id),
                ReferencedSOPClassUIDInFile=instance.sop_class_uid,
                ReferencedSOPInstanceUIDInFile=instance.sop_instance_uid,
                ReferencedTransferSyntaxUIDInFile=instance.transfer_syntax_uid,
            )
        )
    record.update(keys)
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = True, False
    write_dataset(file, record)
    return bytearray(file.getvalue())


def _data_set(**values: Any) -> Dataset:
    """By keywords; what senders wrote is not refused for being out of its VR's bounds."""
    found = Dataset()
    for keyword, value in values.items():
        found.add(DataElement(keyword, dictionary_VR(keyword), value, validation_mode=IGNORE))
    return found


def _place(records: list[_Record], start: int) -> int:
    """Give the records their offsets, each followed by those below it, and return where they end."""
    end = start
    for record in records:
        record.offset = end
        end = _place(record.lower, end + _ITEM.size + len(record.content))
    for record, following in pairwise(records):
        struct.pack_into("<L", record.content, _NEXT_AT, following.offset)
    for record in records:
        if record.lower:
            struct.pack_into("<L", record.content, _LOWER_AT, record.lower[0].offset)
    return end


def _written(records: list[_Record]) -> Iterator[bytes]:
    for record in records:
        yield _ITEM.pack(0xFFFE, 0xE000, len(record.content))
        yield bytes(record.content)
        yield from _written(record.lower)


def _text(value: str, longest: int) -> str:
    return value.replace("\\", " ")[:longest].strip()


def _integer(value: int | None, otherwise: int) -> int:
    return value if value is not None and abs(value) <= _MOST_INTEGER else otherwise
