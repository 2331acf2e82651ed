"""Attributes that searches return (PS3.18, 10.6.3.3), each made from a row of the catalog."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from enum import IntEnum
from typing import Any

from pydicom.datadict import keyword_for_tag

from apps.catalog.models import Instance, Patient, Series, Study

JSON = dict[str, Any]
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


class Level(IntEnum):
    STUDY = 0
    SERIES = 1
    INSTANCE = 2


@dataclass(frozen=True, slots=True)
class Attribute:
    """`read` takes the row of `level`; `is_always` returned, or only when asked for."""

    tag: str
    vr: str
    level: Level
    read: Callable[[Any], Any]
    is_always: bool = True

    @property
    def keyword(self) -> str:
        return keyword_for_tag(self.tag)

    def of(self, row: Study | Series | Instance) -> JSON:
        """The element in the DICOM JSON Model (PS3.18, Annex F); without Value where there is none."""
        read = self.read(row)
        values = [_json(value) for value in (read if isinstance(read, list) else [read]) if value not in (None, "")]
        return {"vr": self.vr, "Value": values} if values else {"vr": self.vr}


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return f"{value:%Y%m%d}" if value.year > 999 else f"{value.year:04}{value:%m%d}"
    if isinstance(value, time):
        return f"{value:%H%M%S.%f}" if value.microsecond else f"{value:%H%M%S}"
    return value


def _person_name(*groups: str) -> JSON | None:
    return {group: text for group, text in zip(GROUPS, groups, strict=False) if text} or None


def _patient_name(patient: Patient) -> JSON | None:
    return _person_name(patient.name_alphabetic, patient.name_ideographic, patient.name_phonetic)


def _named(name: str) -> Callable[[Any], Any]:
    return lambda row: _person_name(*getattr(row, name).split("="))


def _field(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


def _of_patient(name: str) -> Callable[[Study], Any]:
    return lambda study: getattr(study.patient, name)


def _online(_row: object) -> str:
    return "ONLINE"


_S, _E, _I = Level.STUDY, Level.SERIES, Level.INSTANCE
ATTRIBUTES = [
    Attribute("00080020", "DA", _S, _field("study_date")),
    Attribute("00080030", "TM", _S, _field("study_time")),
    Attribute("00080050", "SH", _S, _field("accession_number")),
    Attribute("00080061", "CS", _S, _field("modalities_in_study")),
    Attribute("00080090", "PN", _S, _named("referring_physician_name")),
    Attribute("00081030", "LO", _S, _field("study_description")),
    Attribute("00100010", "PN", _S, lambda study: _patient_name(study.patient)),
    Attribute("00100020", "LO", _S, _of_patient("patient_id")),
    Attribute("00100021", "LO", _S, _of_patient("issuer_of_patient_id"), is_always=False),
    Attribute("00100030", "DA", _S, _of_patient("birth_date")),
    Attribute("00100040", "CS", _S, _of_patient("sex")),
    Attribute("00101000", "LO", _S, _of_patient("other_patient_ids"), is_always=False),
    Attribute("0020000D", "UI", _S, _field("study_instance_uid")),
    Attribute("00200010", "SH", _S, _field("study_id")),
    Attribute("00201206", "IS", _S, _field("series_count")),
    Attribute("00201208", "IS", _S, _field("instance_count")),
    Attribute("00080056", "CS", _S, _online),
    Attribute("00080080", "LO", _S, _field("institution_name"), is_always=False),
    Attribute("00080021", "DA", _E, _field("series_date"), is_always=False),
    Attribute("00080060", "CS", _E, _field("modality")),
    Attribute("00080070", "LO", _E, _field("manufacturer"), is_always=False),
    Attribute("00081010", "SH", _E, _field("station_name"), is_always=False),
    Attribute("0008103E", "LO", _E, _field("series_description")),
    Attribute("00081050", "PN", _E, _named("performing_physician_name"), is_always=False),
    Attribute("00081070", "PN", _E, _named("operators_name"), is_always=False),
    Attribute("00081090", "LO", _E, _field("manufacturer_model_name"), is_always=False),
    Attribute("00180015", "CS", _E, _field("body_part_examined"), is_always=False),
    Attribute("00181030", "LO", _E, _field("protocol_name"), is_always=False),
    Attribute("00200060", "CS", _E, _field("laterality"), is_always=False),
    Attribute("0020000E", "UI", _E, _field("series_instance_uid")),
    Attribute("00200011", "IS", _E, _field("series_number")),
    Attribute("00201209", "IS", _E, _field("instance_count")),
    Attribute("00080008", "CS", _I, _field("image_type"), is_always=False),
    Attribute("00080016", "UI", _I, _field("sop_class_uid")),
    Attribute("00080018", "UI", _I, _field("sop_instance_uid")),
    Attribute("00080022", "DA", _I, _field("acquisition_date"), is_always=False),
    Attribute("00080023", "DA", _I, _field("content_date"), is_always=False),
    Attribute("00083002", "UI", _I, _field("transfer_syntax_uid"), is_always=False),
    Attribute("00200013", "IS", _I, _field("instance_number")),
    Attribute("00280004", "CS", _I, _field("photometric_interpretation"), is_always=False),
    Attribute("00280008", "IS", _I, _field("number_of_frames")),
    Attribute("00280010", "US", _I, _field("rows")),
    Attribute("00280011", "US", _I, _field("columns")),
    Attribute("00280100", "US", _I, _field("bits_allocated")),
    Attribute("00420010", "ST", _I, _field("document_title"), is_always=False),
]


def rows_of(row: Study | Series | Instance) -> dict[Level, Any]:
    """The row and those above it, by their level."""
    if isinstance(row, Instance):
        return {Level.STUDY: row.series.study, Level.SERIES: row.series, Level.INSTANCE: row}
    if isinstance(row, Series):
        return {Level.STUDY: row.study, Level.SERIES: row}
    return {Level.STUDY: row}
