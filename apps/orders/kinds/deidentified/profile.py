"""The Basic Application Level Confidentiality Profile (PS3.15, annex E) with its options, on one data set at a time."""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag

from apps.orders.kinds.deidentified.identifying import Identifying
from apps.orders.kinds.deidentified.table import CHARACTERISTICS, DESCRIPTORS, NEVER_SHIFTED, Action, action_of
from apps.orders.kinds.deidentified.words import cleaned

METHOD = "MedVault: PS3.15 table E.1-1, edition 2026c"
_OLDEST_AGE = 89
_LEAST_DAYS, _DAYS = 365, 9 * 365
_TEMPORAL = frozenset(("DA", "DT", "TM"))
_DUMMIES: Mapping[str, Any] = {
    "DA": "19000101", "DT": "19000101000000", "TM": "000000", "AS": "000Y", "UR": "urn:removed", "PN": "REMOVED",
    "DS": "0", "IS": "0", "FD": 0, "FL": 0, "SL": 0, "SS": 0, "UL": 0, "US": 0, "SV": 0, "UV": 0, "AT": 0,
}  # fmt: skip
_BINARY = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")
_AGE = re.compile(r"(\d{3})Y")


@dataclass(frozen=True, slots=True)
class Profile:
    """What is kept, and the secret by which UIDs and dates are changed alike throughout an order.

    The secret is forgotten with the production: nobody can go back from what was given out.
    """

    secret: bytes
    keeps_intervals: bool
    keeps_characteristics: bool
    keeps_descriptions: bool

    def apply(self, data_set: Dataset, *, patient: int, identifying: Identifying) -> None:
        """De-identify a data set in place. `patient` numbers the patients of the order."""
        self._clean(data_set, identifying, self._days(patient))
        identifying.scrub(data_set)
        data_set.PatientName, data_set.PatientID = f"Anonymous^{patient:04d}", f"{patient:04d}"
        data_set.PatientIdentityRemoved = "YES"
        data_set.DeidentificationMethod = METHOD
        data_set.DeidentificationMethodCodeSequence = [_code(*code) for code in self.codes]
        data_set.LongitudinalTemporalInformationModified = "MODIFIED" if self.keeps_intervals else "REMOVED"

    @property
    def codes(self) -> list[tuple[str, str]]:
        """What was applied (PS3.16, CID 7050)."""
        options = (
            (self.keeps_intervals, "113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
            (self.keeps_characteristics, "113108", "Retain Patient Characteristics Option"),
            (self.keeps_descriptions, "113105", "Clean Descriptors Option"),
        )
        basic = ("113100", "Basic Application Confidentiality Profile")
        return [basic, *((value, meaning) for is_chosen, value, meaning in options if is_chosen)]

    def uid(self, original: str) -> str:
        """The UID in the place of another one (PS3.5, B.2)."""
        number = int.from_bytes(self._digest(f"uid {original}")[:16], "big")
        return f"2.25.{number}"

    def action(self, element: DataElement) -> Action | None:
        """What is done to an attribute."""
        tag = int(element.tag)
        action = action_of(tag)
        if action is None or (tag in CHARACTERISTICS and self.keeps_characteristics):
            return None
        if self.keeps_descriptions and tag in DESCRIPTORS:
            return Action.CLEAN
        is_temporal = element.VR in _TEMPORAL and tag not in NEVER_SHIFTED
        return Action.SHIFT if self.keeps_intervals and is_temporal else action

    def _clean(self, data_set: Dataset, identifying: Identifying, days: timedelta) -> None:
        for tag in list(data_set.keys()):
            if tag.is_private or not (dictionary_has_tag(tag) or tag.is_private_creator):
                del data_set[tag]  # nobody knows what it holds
                continue
            element = data_set[tag]
            action = self.action(element)
            if action is Action.REMOVE or (action is None and element.VR == "PN"):
                del data_set[tag]
            elif element.VR == "SQ":
                if action not in (None, Action.KEEP):
                    element.value = []
                for item in element.value or ():
                    self._clean(item, identifying, days)
            elif action is not None:
                element = DataElement(
                    tag, element.VR, self._changed(element, action, identifying, days), validation_mode=IGNORE
                )
                data_set[tag] = element
            elif element.keyword == "PatientAge":
                element.value = _rounded_age(str(element.value or ""))

    def _changed(self, element: DataElement, action: Action, identifying: Identifying, days: timedelta) -> Any:
        values = list(element.value) if element.VM > 1 else [element.value] if element.VM else []
        if action is Action.REPLACE_UID or (action is Action.REPLACE and element.VR == "UI"):
            return [self.uid(str(value)) for value in values]
        if action is Action.SHIFT:
            return [_shifted(str(value), element.VR, days) for value in values]
        if action is Action.CLEAN:
            return [cleaned(str(value), identifying.words) for value in values]
        if action is Action.REPLACE and values:
            return b"\0\0" if element.VR in _BINARY else _DUMMIES.get(element.VR, "REMOVED")
        return b"" if element.VR in _BINARY else None

    def _days(self, patient: int) -> timedelta:
        """How far back a patient's dates are moved."""
        return timedelta(days=_LEAST_DAYS + int.from_bytes(self._digest(f"days {patient}")[:8], "big") % _DAYS)

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self.secret, text.encode(), "sha256")


def _shifted(value: str, vr: str, days: timedelta) -> str:
    """A date of a DA or DT moved; what is none is emptied, and a time stays."""
    if vr == "TM":
        return value
    found = _DAY.match(value)
    try:
        return f"{date(*map(int, found.groups())) - days:%Y%m%d}{value[8:]}" if found else ""
    except (ValueError, OverflowError):
        return ""


def _rounded_age(value: str) -> str:
    found = _AGE.fullmatch(value)
    return "090Y" if found and int(found[1]) > _OLDEST_AGE else value


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code
