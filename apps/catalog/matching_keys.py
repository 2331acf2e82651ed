"""Matching keys of QIDO-RS and C-FIND (PS3.4, C.2.2.2): what each attribute and its value mean for the search."""

import re
from datetime import date, time
from typing import Any

from apps.catalog.attributes import Level
from apps.catalog.values import date_of, time_of
from apps.core.errors import DomainError

_INT = re.compile(r"[+-]?[0-9]{1,12}")


class UnusableKey(DomainError):
    """Nothing can be matched by this key and value."""

    code = "unusable_key"


class UnknownKey(UnusableKey):
    """The catalog cannot be searched by this attribute, or not at this level."""

    code = "unknown_key"


# Keyword, criterion and kind of the attributes that each level adds to those above it.
MATCHED: dict[Level, dict[str, tuple[str, str]]] = {
    Level.STUDY: {
        "StudyDate": ("study_date", "dates"),
        "StudyTime": ("study_time", "times"),
        "AccessionNumber": ("accession_number", "text"),
        "ModalitiesInStudy": ("modalities_in_study", "texts"),
        "ReferringPhysicianName": ("referring_physician_name", "text"),
        "StudyDescription": ("study_description", "text"),
        "InstitutionName": ("institution_name", "text"),
        "PatientName": ("patient_name", "text"),
        "PatientID": ("patient_id", "text"),
        "PatientBirthDate": ("patient_birth_date", "date"),
        "PatientSex": ("patient_sex", "text"),
        "StudyInstanceUID": ("study_instance_uids", "texts"),
        "StudyID": ("study_id", "text"),
    },
    Level.SERIES: {
        "Modality": ("modalities", "texts"),
        "SeriesInstanceUID": ("series_instance_uids", "texts"),
        "SeriesNumber": ("series_number", "integer"),
        "SeriesDescription": ("series_description", "text"),
        "BodyPartExamined": ("body_part", "text"),
        "StationName": ("station_name", "text"),
        "ProtocolName": ("protocol_name", "text"),
        "Manufacturer": ("manufacturer", "text"),
    },
    Level.INSTANCE: {
        "SOPClassUID": ("sop_class_uids", "texts"),
        "SOPInstanceUID": ("sop_instance_uids", "texts"),
        "InstanceNumber": ("image_number", "integer"),
    },
}


def criteria_of(keyword: str, level: Level, value: str) -> dict[str, Any]:
    """What of StudyCriteria a key and its value mean at a level of search. Raises UnusableKey."""
    known = {name: entry for each in Level if each <= level for name, entry in MATCHED[each].items()}
    if keyword not in known:
        raise UnknownKey(f"{keyword} cannot be searched by here")
    field, kind = known[keyword]
    if not value.strip():
        return {}  # universal matching (PS3.4, C.2.2.2.3)
    try:
        return _READERS[kind](field, value)
    except ValueError as error:
        raise UnusableKey(f"The value of {keyword} is malformed") from error


def _dates(field: str, value: str) -> dict[str, Any]:
    return _range(field, value, date_of)


def _times(field: str, value: str) -> dict[str, Any]:
    return _range(field, value, time_of)


def _range(field: str, value: str, read: Any) -> dict[str, date | time]:
    """Range matching (PS3.4, C.2.2.2.5): A-B, A- or -B; without hyphen A to A."""
    first, hyphen, last = value.strip().partition("-")
    begin, end = read(first.encode()), read((last if hyphen else first).encode())
    if begin is None and end is None:
        raise ValueError("no range")
    return {name: bound for name, bound in ((f"{field}_from", begin), (f"{field}_to", end)) if bound is not None}


def _date(field: str, value: str) -> dict[str, Any]:
    return {field: date_of(value.encode())}


def _text(field: str, value: str) -> dict[str, Any]:
    return {field: value.strip()}


def _texts(field: str, value: str) -> dict[str, Any]:
    """A list, by comma or backslash (PS3.18, 8.3.4.1; PS3.4, C.2.2.2.2)."""
    return {field: tuple(part.strip() for part in re.split(r"[,\\]", value) if part.strip())}


def _integer(field: str, value: str) -> dict[str, Any]:
    if not _INT.fullmatch(value.strip()):
        raise ValueError("no integer")
    return {field: int(value)}


_READERS = {"dates": _dates, "times": _times, "date": _date, "text": _text, "texts": _texts, "integer": _integer}
