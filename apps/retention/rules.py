"""A rule's terms: whom and what it binds, how long, from when. Data, of which apps.retention.models.Rule is the row."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.retention.facts import FacilityFacts, StudyFacts

UNTOLD_MODALITIES = frozenset({"", "OT", "SC", "DOC"})
RADIOTHERAPY = frozenset({"RTDOSE", "RTIMAGE", "RTPLAN", "RTRECORD", "RTSTRUCT"})
PATIENT_CLASSES = frozenset({"inpatient", "outpatient"})
ADULT_AT = 18


@dataclass(frozen=True, slots=True)
class Minor:
    """A minors' clause: until a birthday, or a period after majority. `late_age`: for those last seen at `seen_at`."""

    until_age: int = 0
    after_majority: str = ""
    majority: int = ADULT_AT
    seen_at: int = 0
    late_age: int = 0


@dataclass(frozen=True, slots=True)
class RuleTerms:
    """What a rule says. Empty sets bind everything; periods are ISO 8601; `valid_to` is the first day after it."""

    key: str
    version: int
    jurisdictions: frozenset[str]
    period: str
    start: str
    citation: str = ""
    facility_kinds: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    body_parts: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    minor: Minor | None = None
    under_two: str = ""
    """The period for a child under two years of age at the exam."""
    after_death: str = ""
    unless_later_mammogram: str = ""
    """The period where the facility made no later mammogram of the patient."""
    rounding: str = ""
    maximum: str = ""
    valid_from: date | None = None
    valid_to: date | None = None

    def binds_facility(self, facility: FacilityFacts) -> bool:
        """Whether it is the law of that facility."""
        if self.facility_kinds and facility.kind not in self.facility_kinds:
            return False
        return not self.jurisdictions.isdisjoint(facility.jurisdictions)

    def binds_study(self, study: StudyFacts) -> bool:
        """Whether it is about such a study.

        What does not tell its modality may be of any but radiotherapy, whose objects always tell it (PS3.3, C.8.8); one
        whose patient class is not told may be of either.
        """
        if (self.valid_from and study.exam_on < self.valid_from) or (self.valid_to and study.exam_on >= self.valid_to):
            return False
        if not self._is_of_modality(study):
            return False
        if self.body_parts and study.body_parts and study.body_parts.isdisjoint(self.body_parts):
            return False
        return not self.purposes or not self.purposes.isdisjoint(study.purposes) or self.lacks_patient_class(study)

    def _is_of_modality(self, study: StudyFacts) -> bool:
        if not self.modalities or not study.modalities.isdisjoint(self.modalities):
            return True
        is_untold = not study.modalities or not study.modalities.isdisjoint(UNTOLD_MODALITIES)
        return is_untold and not self.modalities <= RADIOTHERAPY

    def lacks_patient_class(self, study: StudyFacts) -> bool:
        """Whether it depends on what nobody has told: inpatient or outpatient."""
        return bool(self.purposes & PATIENT_CLASSES) and study.purposes.isdisjoint(PATIENT_CLASSES)


def terms_of(content: dict[str, Any]) -> RuleTerms:
    """RuleTerms as a preset or a row spells them. Raises TypeError, KeyError, ValueError."""
    sets = ("jurisdictions", "facility_kinds", "modalities", "body_parts", "purposes")
    given = content | {name: frozenset(content.get(name) or ()) for name in sets}
    minor = given.pop("minor", None)
    return RuleTerms(**given, minor=Minor(**minor) if minor else None)
