"""Floors in words: kept until when, and because of what."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.periods import FOREVER, period_in_words
from apps.retention.floors import BIRTH_DATE, CONTRACT, EXTENSION, NO_RULE, PATIENT_CLASS, RECORDED, SUBDIVISION
from apps.retention.models import CareEventKind, Retention
from apps.retention.models.rules import Start
from apps.retention.rules import Minor

MISSING = {
    NO_RULE: gettext_lazy("no rule of the law is in force for such images here; the center is looking into it"),
    SUBDIVISION: gettext_lazy("the state or province of the facility"),
    BIRTH_DATE: gettext_lazy("the patient's birth date"),
    PATIENT_CLASS: gettext_lazy("whether the patient was an inpatient or an outpatient"),
    **{kind.value: kind.label for kind in CareEventKind},
}
_OTHERS = {
    CONTRACT: gettext_lazy("the contract"),
    RECORDED: gettext_lazy("the facility recorded this date with the images"),
    EXTENSION: gettext_lazy("the facility extended it"),
}
_CLAUSES = {
    "birthday": gettext_lazy("until the patient's birthday at %(period)s"),
    "majority": gettext_lazy("%(period)s after the patient comes of age"),
    "after_death": gettext_lazy("%(period)s after death"),
    "no_later_mammogram": gettext_lazy("%(period)s from the exam, as no later mammogram is known here"),
    "under_two": gettext_lazy("%(period)s from %(start)s, for a child under two"),
}


@dataclass(frozen=True, slots=True)
class Explained:
    """One floor in words. `until` is None where it is unknown."""

    until: date | None
    because: str
    citation: str
    rule: str
    missing: tuple[str, ...]
    governs: bool


def explained(retention: Retention) -> list[Explained]:
    """All floors of a study, the governing one first."""
    floors = sorted(retention.floors, key=lambda floor: floor.get("until", ""), reverse=True)
    return [_explained(floor, governs=number == 0 and "until" in floor) for number, floor in enumerate(floors)]


def explain(floor: dict[str, Any]) -> str:
    """Why a floor is where it is: "10 years from the exam (2024-05-01)"."""
    if floor["rule"] in _OTHERS and not floor.get("period"):
        return str(_OTHERS[floor["rule"]])
    since = f" ({in_words(date.fromisoformat(floor['start_on']))})" if floor.get("start_on") else ""
    start = str(Start(floor["start"]).label) + since if floor.get("start") else ""
    clause, period = floor.get("clause", ""), floor.get("period", "")
    sentence = _CLAUSES.get(clause, gettext_lazy("%(period)s from %(start)s"))
    return str(sentence) % {"period": period if clause == "birthday" else period_in_words(period), "start": start}


def minors_in_words(minor: Minor | None) -> str:
    """What a rule says of minors, in short."""
    if minor is None:
        return ""
    if minor.after_majority:
        words = {"period": period_in_words(minor.after_majority), "age": minor.majority}
        return _("at least %(period)s after the age of %(age)s") % words
    words = {"age": minor.until_age, "seen": minor.seen_at, "late": minor.late_age}
    if minor.late_age:
        return _("at least until the birthday at %(age)s, at %(late)s for those last seen at %(seen)s") % words
    return _("at least until the birthday at %(age)s") % words


def in_words(day: date) -> str:
    """A day for people; the end of the calendar is for ever."""
    return _("for ever") if day == FOREVER else date_format(day, "SHORT_DATE_FORMAT")


def missing_in_words(names: list[str]) -> list[str]:
    """What has not been told."""
    return [str(MISSING.get(name, name)) for name in names]


def _explained(floor: dict[str, Any], *, governs: bool) -> Explained:
    until = date.fromisoformat(floor["until"]) if "until" in floor else None
    missing = tuple(missing_in_words(floor.get("missing", [])))
    return Explained(until, explain(floor), floor.get("citation", ""), floor["rule"], missing, governs)
