"""Floors: the dates before which a study must not be deleted, and the rule that says so. Pure functions.

A floor's last day must have passed everywhere on Earth before it no longer holds. Where an input is missing, what is
known already counts, and the whole is *unknown*: it does not end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from apps.core.periods import FOREVER, age_on, birthday, parse_period
from apps.retention.facts import FacilityFacts, PatientFacts, StudyFacts
from apps.retention.rules import Minor, RuleTerms

CONTRACT, RECORDED, EXTENSION = "contract", "recorded", "extension"
NO_RULE, SUBDIVISION, BIRTH_DATE, PATIENT_CLASS = "rule", "subdivision", "birth_date", "patient_class"


@dataclass(frozen=True, slots=True)
class Floor:
    """One floor. `clause` says which part of the rule gives the date; `missing` what it cannot be computed without."""

    rule: str
    version: int
    until: date | None
    clause: str = ""
    period: str = ""
    start: str = ""
    start_on: date | None = None
    missing: tuple[str, ...] = ()
    citation: str = ""
    at_most: date | None = None
    """The last day until which the rule lets it be kept at all."""

    def as_json(self) -> dict[str, Any]:
        """For the database: dates in ISO 8601, what is empty left out."""
        content = {name: getattr(self, name) for name in self.__slots__}
        for name in ("until", "start_on", "at_most"):
            content[name] = content[name] and content[name].isoformat()
        return {name: value for name, value in content.items() if value not in (None, "", ())} | {"rule": self.rule}


@dataclass(frozen=True, slots=True)
class Assessment:
    """All floors of a study. `certain_until`: the latest known date; `missing`: why it may be later."""

    floors: tuple[Floor, ...]
    certain_until: date | None
    missing: tuple[str, ...]

    @property
    def governing(self) -> Floor | None:
        """The floor with the latest date."""
        dated = [floor for floor in self.floors if floor.until]
        return max(dated, key=lambda floor: floor.until or date.min) if dated else None


def assess(
    study: StudyFacts,
    patient: PatientFacts,
    facility: FacilityFacts,
    law: Sequence[RuleTerms],
    extensions: Iterable[date] = (),
    *,
    has_law_of_subdivisions: bool = False,
) -> Assessment:
    """The floors of a study under the rules that bind its facility (`law`)."""
    floors = [floor_of(terms, study, patient) for terms in law if terms.binds_study(study)]
    missing = {each for floor in floors for each in floor.missing}
    if not floors:
        missing.add(NO_RULE)
    if has_law_of_subdivisions and not facility.subdivision:
        missing.add(SUBDIVISION)
    if facility.minimum_period:
        until = parse_period(facility.minimum_period).after(study.exam_on)
        floors.append(Floor(CONTRACT, 1, until, "period", facility.minimum_period, "exam", study.exam_on))
    if study.recorded_until:
        floors.append(Floor(RECORDED, 1, study.recorded_until, "date"))
    for period in sorted(study.recorded_periods):
        until = parse_period(period).after(study.exam_on)
        floors.append(Floor(RECORDED, 1, until, "period", period, "exam", study.exam_on))
    floors += [Floor(EXTENSION, 1, until, "date") for until in extensions]
    dates = [floor.until for floor in floors if floor.until]
    return Assessment(tuple(floors), max(dates, default=None), tuple(sorted(missing)))


def floor_of(terms: RuleTerms, study: StudyFacts, patient: PatientFacts) -> Floor:
    """The floor that one rule gives a study."""
    start_on = start_of(terms.start, study, patient)
    missing = [] if start_on else [terms.start]
    if terms.lacks_patient_class(study):
        missing.append(PATIENT_CLASS)
    birth_date = patient.birth_date if patient.birth_date and patient.birth_date <= study.exam_on else None
    if (terms.minor or terms.under_two) and not birth_date:
        missing.append(BIRTH_DATE)
    found = list(_clauses(terms, start_on, birth_date, study, patient))
    until, clause, period = max(found, default=(None, "", ""), key=lambda each: each[0])
    if until and terms.rounding == "end_of_year":
        until = date(until.year, 12, 31)
    at_most = _after(terms.maximum, start_on) if terms.maximum and start_on else None
    return Floor(
        terms.key, terms.version, until, clause, period, terms.start, start_on, tuple(missing), terms.citation, at_most
    )


Clause = tuple[date, str, str]


def _clauses(
    terms: RuleTerms, start_on: date | None, birth_date: date | None, study: StudyFacts, patient: PatientFacts
) -> Iterable[Clause]:
    """Date, clause and period of each part of the rule that applies."""
    if start_on:
        yield _after(terms.period, start_on), "period", terms.period
        if terms.under_two and birth_date and age_on(birth_date, study.exam_on) < 2:
            yield _after(terms.under_two, start_on), "under_two", terms.under_two
    if terms.unless_later_mammogram and not _has_later_mammogram(study, patient):
        yield _after(terms.unless_later_mammogram, study.exam_on), "no_later_mammogram", terms.unless_later_mammogram
    if terms.minor and birth_date and age_on(birth_date, study.exam_on) < terms.minor.majority:
        yield _minor(terms.minor, birth_date, patient)
    if terms.after_death and (died_on := patient.latest("death")):
        yield _after(terms.after_death, died_on), "after_death", terms.after_death


def _after(period: str, start: date) -> date:
    return FOREVER if period == "forever" else parse_period(period).after(start)


def _has_later_mammogram(study: StudyFacts, patient: PatientFacts) -> bool:
    return patient.last_mammogram_on is not None and patient.last_mammogram_on > study.exam_on


def _minor(minor: Minor, birth_date: date, patient: PatientFacts) -> Clause:
    if minor.after_majority:
        return _after(minor.after_majority, birthday(birth_date, minor.majority)), "majority", minor.after_majority
    seen_on = patient.latest("last_visit") or patient.last_exam_on
    if minor.late_age and seen_on and age_on(birth_date, seen_on) == minor.seen_at:
        return birthday(birth_date, minor.late_age), "birthday", str(minor.late_age)
    return birthday(birth_date, minor.until_age), "birthday", str(minor.until_age)


def start_of(start: str, study: StudyFacts, patient: PatientFacts) -> date | None:
    """The day a period runs from; None while it has not been told.

    What ends with care (care completed, discharge, treatment) counts only where it came after the exam; a later exam is
    a later visit, and a later change of the record. Death ends all of them.
    """
    told = patient.latest(start)
    died_on = patient.latest("death")
    match start:
        case "exam":
            return study.exam_on
        case "reception":
            return study.received_on
        case "last_exam":
            return max(study.exam_on, patient.last_exam_on or study.exam_on)
        case "last_visit" | "last_record_change":
            told = told or died_on
            return told and max(told, study.exam_on, patient.last_exam_on or told)
        case "care_completed" | "discharge" | "treatment_end":
            return max((day for day in (told, died_on) if day and day >= study.exam_on), default=None)
        case _:
            return told
