"""What a query asks for (PS3.4, C.4): its level and criteria, from the identifier of a C-FIND, C-GET or C-MOVE."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from apps.catalog.attributes import Level
from apps.catalog.matching_keys import UnknownKey, UnusableKey, criteria_of
from apps.catalog.search import InvalidCriteria, StudyCriteria
from apps.core.errors import DomainError

CONTROL = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "RetrieveAETitle"})
UNIQUE = {
    "PatientID": "PATIENT",
    "StudyInstanceUID": "STUDY",
    "SeriesInstanceUID": "SERIES",
    "SOPInstanceUID": "IMAGE",
}


class QueryLevel(StrEnum):
    """Query/Retrieve Level (0008,0052)."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"

    @property
    def of_catalog(self) -> Level:
        """The level of search; patients are found by their studies."""
        return {"SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}.get(self.value, Level.STUDY)


class DoesNotMatch(DomainError):
    """The identifier does not match the SOP class (A900H): its level or a key cannot be used."""

    code = "identifier_does_not_match"


@dataclass(frozen=True, slots=True)
class Query:
    """`is_partly_ignored`: a key that has a value is not one the catalog can be searched by."""

    level: QueryLevel
    criteria: StudyCriteria
    is_partly_ignored: bool


def read_query(identifier: Dataset, *, patient_root: bool, unique_keys_only: bool = False) -> Query:
    """Raises DoesNotMatch. `unique_keys_only`: a retrieval, which must name what it wants."""
    level = _level(identifier, patient_root=patient_root)
    criteria: dict[str, Any] = {}
    is_partly_ignored = False
    for element in identifier:
        keyword, value = keyword_for_tag(element.tag), _text(element.value)
        if not value or keyword in CONTROL or element.VR == "SQ" or (unique_keys_only and keyword not in UNIQUE):
            continue
        try:
            criteria |= criteria_of(keyword, level.of_catalog, value)
        except UnknownKey:
            if keyword in UNIQUE:
                raise DoesNotMatch(f"{keyword} has no place in a query at level {level}") from None
            is_partly_ignored = True
        except UnusableKey as error:
            raise DoesNotMatch(error.message) from error
    if unique_keys_only:
        _check_unique(identifier, level)
    try:
        return Query(level, StudyCriteria(**criteria), is_partly_ignored)
    except InvalidCriteria as error:
        raise DoesNotMatch(f"{error.field}: {error.message}") from error


def _level(identifier: Dataset, *, patient_root: bool) -> QueryLevel:
    try:
        level = QueryLevel(str(identifier.get("QueryRetrieveLevel", "")).strip())
    except ValueError:
        raise DoesNotMatch("The Query/Retrieve Level is none") from None
    if level is QueryLevel.PATIENT and not patient_root:
        raise DoesNotMatch("The study root has no level PATIENT")
    return level


def _check_unique(identifier: Dataset, level: QueryLevel) -> None:
    """A retrieval names what it wants by the unique key of its level, without wildcards (PS3.4, C.4.2.1.4)."""
    keyword = next(name for name, of in UNIQUE.items() if of == level)
    value = _text(identifier.get(keyword, ""))
    if not value or "*" in value or "?" in value:
        raise DoesNotMatch(f"{keyword} must say what is to be retrieved")


def _text(value: Any) -> str:
    if isinstance(value, (MultiValue, list)):
        return "\\".join(str(each) for each in value)
    return "" if value is None else str(value).strip()
