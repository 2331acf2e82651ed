"""What floors are computed from: facts of a study, its patient, and its facility."""

from dataclasses import dataclass, field
from datetime import date, timedelta

FIRST_XRAY = date(1895, 11, 8)
CLOCKS_DIFFER = timedelta(days=1)  # somewhere it is tomorrow already


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """A patient as one facility knows them. `events`: the dates of each kind of care event, in order."""

    birth_date: date | None = None
    last_exam_on: date | None = None
    last_mammogram_on: date | None = None
    events: dict[str, tuple[date, ...]] = field(default_factory=dict)

    def latest(self, kind: str) -> date | None:
        """The last of the events of a kind."""
        found = self.events.get(kind)
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """A study. `exam_on`: see `believed_exam`; `recorded_…`: what the facility wrote beside the images."""

    exam_on: date
    received_on: date
    exam_is_believed: bool = True
    modalities: frozenset[str] = frozenset()
    body_parts: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()
    recorded_until: date | None = None
    recorded_periods: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FacilityFacts:
    """A facility: `kind` hospital or clinic, country (ISO 3166-1 alpha-2), subdivision (ISO 3166-2 after the hyphen).

    `minimum_period`: what its contract adds, from the exam.
    """

    kind: str
    country: str
    subdivision: str = ""
    minimum_period: str = ""

    @property
    def jurisdictions(self) -> frozenset[str]:
        """The jurisdictions whose rules bind it."""
        places = {self.country}
        if self.subdivision:
            places.add(f"{self.country}-{self.subdivision}")
        return frozenset(places)


def believed_exam(study_date: date | None, received_on: date, birth_date: date | None) -> tuple[date, bool]:
    """The date of the exam, and whether it is the study's own.

    A study without a date, or with one that cannot be (after its reception, before the patient's birth or the first
    X-ray), counts from its reception: the exam was not later than that, so that nothing ends early.
    """
    if study_date is None or study_date > received_on + CLOCKS_DIFFER or study_date < (birth_date or FIRST_XRAY):
        return received_on, False
    return study_date, True
