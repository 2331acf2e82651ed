"""What may be asked of the catalog, and what is refused."""

import re
from dataclasses import dataclass, fields
from datetime import date, time
from typing import Any

from django.utils.translation import gettext as _

from apps.core.errors import DomainError

LONGEST_KEY = 256
MOST_VALUES = 500
_LARGEST_INTEGER = 2**31 - 1
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_UID = re.compile(r"[0-9.]{1,64}")


class InvalidCriteria(DomainError):
    """Nothing can be searched by this; `field` names the criterion."""

    code = "invalid_criteria"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, kw_only=True)
class StudyCriteria:
    """All that are given must hold; those of series and instances for one series, and one instance in it.

    Texts take the wildcards * and ?, dates and times are inclusive. How each compares:
    `text`: words that begin words of the patient's name, or the beginning of a patient ID or an accession number;
    with a wildcard, what `patient_name` or the identifiers would match.
    `patient_name`: catalog.matching.name_regex over folded names (catalog.names.fold); `is_fuzzy`: names too in which
    each of its words begins a word, in any order.
    `patient_id`, `accession_number`: exactly. The other texts: whatever the case.
    `received_from`, `received_to`: days of the facility's own time zone on which the study was first received.
    """

    text: str = ""
    patient_name: str = ""
    is_fuzzy: bool = False
    patient_id: str = ""
    patient_birth_date: date | None = None
    patient_sex: str = ""

    accession_number: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician_name: str = ""
    institution_name: str = ""
    study_instance_uids: tuple[str, ...] = ()
    study_date_from: date | None = None
    study_date_to: date | None = None
    study_time_from: time | None = None
    study_time_to: time | None = None
    received_from: date | None = None
    received_to: date | None = None
    modalities_in_study: tuple[str, ...] = ()

    modalities: tuple[str, ...] = ()
    body_part: str = ""
    station_name: str = ""
    protocol_name: str = ""
    manufacturer: str = ""
    series_description: str = ""
    series_number: int | None = None
    series_instance_uids: tuple[str, ...] = ()

    image_number: int | None = None
    sop_class_uids: tuple[str, ...] = ()
    sop_instance_uids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises InvalidCriteria."""
        for field in fields(self):
            _check(field.name, getattr(self, field.name))
        for first, last in (("study_date", "study_date"), ("study_time", "study_time"), ("received", "received")):
            begin, end = getattr(self, f"{first}_from"), getattr(self, f"{last}_to")
            if begin and end and begin > end:
                raise InvalidCriteria(f"{last}_to", _("The end is before the beginning"))


def _check(name: str, value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LONGEST_KEY:
            raise InvalidCriteria(name, _("At most %(most)d characters can be searched for") % {"most": LONGEST_KEY})
        if _UNSTORABLE.search(value):
            raise InvalidCriteria(name, _("This holds a character that no text can have"))
    elif isinstance(value, tuple):
        _check_values(name, value)
    elif isinstance(value, int) and abs(value) > _LARGEST_INTEGER:
        raise InvalidCriteria(name, _("Numbers have at most 32 bits"))


def _check_values(name: str, values: tuple[str, ...]) -> None:
    if len(values) > MOST_VALUES:
        raise InvalidCriteria(name, _("At most %(most)d values can be searched for at once") % {"most": MOST_VALUES})
    for value in values:
        _check(name, value)
        if name.endswith("_uids") and not _UID.fullmatch(value):
            raise InvalidCriteria(name, _("This is not a UID"))
