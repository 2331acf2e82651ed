"""The catalog's view of one DICOM file: what is indexed, read fast and within bounds, from any sender."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from typing import Any, NamedTuple, TypeVar

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_VR
from pydicom.tag import Tag

from apps.catalog.bounds import DEFAULT_LIMITS, Limits, Unreadable, tag_name
from apps.catalog.elements import Value, Walker
from apps.catalog.part10 import DataSet, find_data_set, is_uid, uid_text
from apps.catalog.sources import ByteSource, BytesSource, FileSource
from apps.catalog.text import NO_NAME, TEXT_RESETS, CharacterSet, PersonName, character_set, clean, decode, person_name
from apps.catalog.values import big_endian_short_of, count_of, date_of, integer_of, little_endian_short_of, time_of

__all__ = ["ByteSource", "BytesSource", "FileSource", "Header", "Limits", "PersonName", "Unreadable", "read_header"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Attributes of one instance, named by their DICOM keywords; '', None or () when absent, empty or unusable.

    Of a multi-valued attribute that is single here, the first value. Text is what PostgreSQL stores (no NUL, no
    surrogate) and has at most 256 characters, in each part of a name as well; patient_sex, modality and laterality
    16. Integers are within 32 bits, number_of_frames is not negative. `transfer_syntax_uid` is '' when the file does
    not say it and it cannot be told. `warnings` name keyword and fact, never a value.
    """

    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str

    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: PersonName = NO_NAME
    patient_birth_date: date | None = None
    patient_sex: str = ""
    other_patient_ids: tuple[str, ...] = ()

    study_date: date | None = None
    study_time: time | None = None
    accession_number: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician_name: PersonName = NO_NAME
    institution_name: str = ""

    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    body_part_examined: str = ""
    laterality: str = ""
    series_date: date | None = None
    protocol_name: str = ""
    manufacturer: str = ""
    manufacturer_model_name: str = ""
    station_name: str = ""
    performed_procedure_step_start_date: date | None = None
    performed_procedure_step_start_time: time | None = None
    performing_physician_name: PersonName = NO_NAME
    operators_name: PersonName = NO_NAME

    instance_number: int | None = None
    content_date: date | None = None
    acquisition_date: date | None = None
    image_type: tuple[str, ...] = ()
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int | None = None
    samples_per_pixel: int | None = None
    bits_allocated: int | None = None
    photometric_interpretation: str = ""
    burned_in_annotation: str = ""
    has_pixel_data: bool = False
    document_title: str = ""

    warnings: tuple[str, ...] = ()


def read_header(source: ByteSource, limits: Limits = DEFAULT_LIMITS) -> Header:
    """The header of a complete DICOM file, with or without preamble, in any transfer syntax.

    Complete: every top-level element ends within the file, encapsulated pixel data and a deflated stream reach
    their ends, and an image has its pixel data. A cut exactly between two top-level elements shows only when a UID or
    the pixel data is behind it. Trailing NUL bytes and (FFFC,FFFC) are accepted. Pixel data is not read. Takes less
    than 1 MiB of memory at the default limits, see Limits. Raises Unreadable for every other file and nothing else,
    except what the source itself raises.
    """
    data_set = find_data_set(source, limits)
    values = data_set.walker.top_level(data_set.offset, _WANTED, implicit=data_set.is_implicit)
    reading = _Reading(_charset(values, data_set.warnings), data_set.warnings, big_endian=data_set.is_big_endian)
    sop_class_uid = _sop_class_uid(values, data_set)
    header = Header(
        transfer_syntax_uid=data_set.syntax_of_pixel_data(),
        sop_class_uid=sop_class_uid,
        sop_instance_uid=_required_uid(values, "SOPInstanceUID", "missing_sop_instance_uid"),
        study_instance_uid=_required_uid(values, "StudyInstanceUID", "missing_study_instance_uid"),
        series_instance_uid=_required_uid(values, "SeriesInstanceUID", "missing_series_instance_uid"),
        has_pixel_data=data_set.walker.has_pixel_data,
        **{f.name: f.read(reading, f, values[tag]) for tag, f in _FIELDS.items() if tag in values and values[tag].raw},
        warnings=tuple(dict.fromkeys(reading.warnings)),
    )
    _require_pixel_data(data_set.walker, sop_class_uid, values)
    return header


class _Reading:
    """Decodes the values of one data set and collects what is wrong with them."""

    __slots__ = ("_big_endian", "_charset", "warnings")

    def __init__(self, charset: CharacterSet, warnings: list[str], *, big_endian: bool) -> None:
        self._charset = charset
        self._big_endian = big_endian
        self.warnings = warnings

    def text(self, field: "_Field", value: Value) -> str:
        text = self._decoded(field, value)
        if "\\" in text:
            text = text.partition("\\")[0]
        return self._kept(field, clean(text))

    def long_text(self, field: "_Field", value: Value) -> str:
        """ST, in which the backslash is a character like others."""
        return self._kept(field, clean(self._decoded(field, value)))

    def texts(self, field: "_Field", value: Value) -> tuple[str, ...]:
        parts = tuple(self._kept(field, clean(part)) for part in self._decoded(field, value).split("\\"))
        return parts if any(parts) else ()

    def name(self, field: "_Field", value: Value) -> PersonName:
        name, failed, is_cut = person_name(value.raw, self._charset)
        self._note(field, failed, is_cut=is_cut or value.is_cut)
        return name

    def date(self, field: "_Field", value: Value) -> date | None:
        return self._parsed(date_of, field, value, "a date")

    def time(self, field: "_Field", value: Value) -> time | None:
        return self._parsed(time_of, field, value, "a time")

    def integer(self, field: "_Field", value: Value) -> int | None:
        return self._parsed(integer_of, field, value, "an integer")

    def count(self, field: "_Field", value: Value) -> int | None:
        return self._parsed(count_of, field, value, "a count")

    def unsigned_short(self, field: "_Field", value: Value) -> int | None:
        parse = big_endian_short_of if self._big_endian else little_endian_short_of
        return self._parsed(parse, field, value, "an unsigned short")

    def _parsed(self, parse: Callable[[bytes], T | None], field: "_Field", value: Value, kind: str) -> T | None:
        try:
            return parse(value.raw)
        except ValueError:
            self.warnings.append(f"{field.keyword} is not {kind}")
            return None

    def _decoded(self, field: "_Field", value: Value) -> str:
        text, failed = decode(value.raw, self._charset, TEXT_RESETS)
        self._note(field, failed, is_cut=value.is_cut)
        return text

    def _kept(self, field: "_Field", text: str) -> str:
        if len(text) <= field.longest:
            return text
        self._note(field, "", is_cut=True)
        return text[: field.longest]

    def _note(self, field: "_Field", failed_term: str, *, is_cut: bool) -> None:
        if failed_term:
            self.warnings.append(f"{field.keyword} could not be decoded as {failed_term}")
        if is_cut:
            self.warnings.append(f"{field.keyword} is too long and was cut")


class _Field(NamedTuple):
    name: str
    keyword: str
    read: Callable[[_Reading, "_Field", Value], Any]
    longest: int  # characters of text that are kept


_KEPT_CHARACTERS = {"CS": 64, "SH": 64, "LO": 256, "ST": 256}  # senders exceed what PS3.5 6.2 allows
_CODES = ("PatientSex", "Modality", "Laterality")  # mean nothing beyond the 16 characters of CS

_READERS: dict[Callable[[_Reading, _Field, Value], Any], dict[str, str]] = {
    _Reading.text: {
        "patient_id": "PatientID",
        "issuer_of_patient_id": "IssuerOfPatientID",
        "patient_sex": "PatientSex",
        "accession_number": "AccessionNumber",
        "study_id": "StudyID",
        "study_description": "StudyDescription",
        "institution_name": "InstitutionName",
        "modality": "Modality",
        "series_description": "SeriesDescription",
        "body_part_examined": "BodyPartExamined",
        "laterality": "Laterality",
        "protocol_name": "ProtocolName",
        "manufacturer": "Manufacturer",
        "manufacturer_model_name": "ManufacturerModelName",
        "station_name": "StationName",
        "photometric_interpretation": "PhotometricInterpretation",
        "burned_in_annotation": "BurnedInAnnotation",
    },
    _Reading.long_text: {"document_title": "DocumentTitle"},
    _Reading.texts: {"other_patient_ids": "OtherPatientIDs", "image_type": "ImageType"},
    _Reading.name: {
        "patient_name": "PatientName",
        "referring_physician_name": "ReferringPhysicianName",
        "performing_physician_name": "PerformingPhysicianName",
        "operators_name": "OperatorsName",
    },
    _Reading.date: {
        "patient_birth_date": "PatientBirthDate",
        "study_date": "StudyDate",
        "series_date": "SeriesDate",
        "content_date": "ContentDate",
        "acquisition_date": "AcquisitionDate",
        "performed_procedure_step_start_date": "PerformedProcedureStepStartDate",
    },
    _Reading.time: {
        "study_time": "StudyTime",
        "performed_procedure_step_start_time": "PerformedProcedureStepStartTime",
    },
    _Reading.integer: {
        "series_number": "SeriesNumber",
        "instance_number": "InstanceNumber",
    },
    _Reading.count: {"number_of_frames": "NumberOfFrames"},
    _Reading.unsigned_short: {
        "rows": "Rows",
        "columns": "Columns",
        "samples_per_pixel": "SamplesPerPixel",
        "bits_allocated": "BitsAllocated",
    },
}


def _tag(keyword: str) -> int:
    return int(Tag(keyword))  # a BaseTag compares slowly


def _longest(keyword: str) -> int:
    return 16 if keyword in _CODES else _KEPT_CHARACTERS.get(dictionary_VR(_tag(keyword)), 0)


_FIELDS = {
    _tag(keyword): _Field(name, keyword, read, _longest(keyword))
    for read, keywords in _READERS.items()
    for name, keyword in keywords.items()
}
_SPECIFIC_CHARACTER_SET, _BITS_ALLOCATED, _PIXEL_DATA_PROVIDER_URL = 0x00080005, 0x00280100, 0x00287FE0
_UIDS = {
    keyword: _tag(keyword) for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
}
_WANTED = frozenset((*_FIELDS, *_UIDS.values(), _SPECIFIC_CHARACTER_SET, _PIXEL_DATA_PROVIDER_URL))
_IMAGE_SOP_CLASSES = frozenset(
    uid for uid, (name, kind, *_) in UID_dictionary.items() if kind == "SOP Class" and "Image Storage" in name
)


def _charset(values: dict[int, Value], warnings: list[str]) -> CharacterSet:
    charset = character_set(values[_SPECIFIC_CHARACTER_SET].raw if _SPECIFIC_CHARACTER_SET in values else b"")
    if not charset.is_known:
        warnings.append("SpecificCharacterSet is unknown")
    return charset


def _required_uid(values: dict[int, Value], keyword: str, code: str) -> str:
    uid = _uid(values, keyword)
    if not uid:
        raise Unreadable(code, f"{keyword} {tag_name(_UIDS[keyword])} is missing or empty.")
    return uid


def _uid(values: dict[int, Value], keyword: str) -> str:
    """'' when absent or empty."""
    tag = _UIDS[keyword]
    if tag not in values:
        return ""
    uid = uid_text(values[tag].raw)
    if uid and not is_uid(uid):
        raise Unreadable("invalid_uid", f"{keyword} {tag_name(tag)} at byte {values[tag].offset} is not a UID.")
    return uid


def _sop_class_uid(values: dict[int, Value], data_set: DataSet) -> str:
    uid = _uid(values, "SOPClassUID")
    if uid:
        return uid
    data_set.warnings.append("SOPClassUID is missing")
    named_in_meta = data_set.media_storage_sop_class_uid
    return named_in_meta if is_uid(named_in_meta) else ""


def _require_pixel_data(walker: Walker, sop_class_uid: str, values: dict[int, Value]) -> None:
    """A file cut between two elements still parses; an image without pixel data tells (PS3.3 C.7.6.3)."""
    is_image = sop_class_uid in _IMAGE_SOP_CLASSES or _BITS_ALLOCATED in values
    if is_image and not walker.has_pixel_data and _PIXEL_DATA_PROVIDER_URL not in values:
        raise Unreadable("missing_pixel_data", f"The image ends at byte {walker.length} without (7FE0,0010).")
