"""Lists of care events: every line is checked by itself, and one that is wrong holds up no other."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext, gettext_lazy

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.models import Patient
from apps.core.errors import DomainError
from apps.facilities.models import DeviceToken, Facility
from apps.retention.care_events import ImplausibleDate, check, report
from apps.retention.floors import BIRTH_DATE
from apps.retention.models import CareEvent, CareEventKind

MOST = 2000  # lines that one transaction takes
EVENTS = [(BIRTH_DATE, gettext_lazy("Birth")), *CareEventKind.choices]
FORMULA = ("=", "+", "-", "@")  # a spreadsheet computes what begins so
_DAY = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})|(\d{4})(\d{2})(\d{2})", re.ASCII)


class UnknownPatient(DomainError):
    """No patient of the facility, or more than one, has this ID."""

    code = "unknown_patient"


class UnknownEvent(DomainError):
    """There is no such care event."""

    code = "unknown_event"


@dataclass(frozen=True, slots=True)
class Line:
    """One event as it was told: `event` a CareEventKind or `birth_date`, `day` year first."""

    number: int
    patient_id: str
    event: str
    day: str
    issuer: str = ""


@dataclass(slots=True)
class Checked:
    """A line and what is to be made of it: `refusal` says why nothing; `is_known`, that it was told before."""

    line: Line
    patient: Patient | None = None
    event: str = ""
    day: date = date.min
    is_known: bool = False
    refusal: DomainError | None = None

    @property
    def is_new(self) -> bool:
        """Whether it adds to what is known."""
        return self.refusal is None and not self.is_known

    @property
    def event_in_words(self) -> Any:
        """The event for people."""
        return dict(EVENTS)[self.event]


def check_list(facility: Facility, lines: Sequence[Line], *, now: datetime) -> list[Checked]:
    """What each line would add; nothing is written."""
    patients = _patients(facility, {line.patient_id for line in lines})
    known = _known(facility, patients)
    return [_checked(line, patients[line.patient_id], known, now) for line in lines]


def report_list(
    facility: Facility,
    lines: Sequence[Line],
    *,
    actor: Actor,
    now: datetime,
    by: User | None = None,
    token: DeviceToken | None = None,
) -> list[Checked]:
    """Add what is new, within the caller's transaction; what became of each line, in their order."""
    checked = check_list(facility, lines, now=now)
    new = [(each.patient, each) for each in checked if each.patient and each.is_new]
    # In one order, so that two lists wait for each other instead of locking each other out.
    for patient, each in sorted(new, key=lambda pair: pair[0].pk):
        try:
            each.is_known = not report(patient, event=each.event, on=each.day, actor=actor, now=now, by=by, token=token)
        except DomainError as error:
            each.refusal = error
    return checked


def _patients(facility: Facility, ids: Iterable[str]) -> dict[str, list[Patient]]:
    found = defaultdict[str, list[Patient]](list)
    for patient in Patient.objects.filter(facility=facility, patient_id__in=[each for each in ids if each]):
        found[patient.patient_id].append(patient)
    return found


def _known(facility: Facility, patients: dict[str, list[Patient]]) -> set[tuple[int, str, date]]:
    keys = [patient.pk for each in patients.values() for patient in each]
    events = CareEvent.objects.filter(facility=facility, patient__in=keys)
    return set(events.values_list("patient_id", "kind", "happened_on"))


def _checked(line: Line, patients: list[Patient], known: set[tuple[int, str, date]], now: datetime) -> Checked:
    checked = Checked(line)
    try:
        checked.patient = patient = _patient(line, patients)
        checked.event, checked.day = _event(line.event), _day(line.day)
        checked.is_known = check(patient, event=checked.event, on=checked.day, now=now)
    except DomainError as error:
        checked.refusal = error
    else:
        checked.is_known |= (patient.pk, checked.event, checked.day) in known
    return checked


def _patient(line: Line, patients: list[Patient]) -> Patient:
    meant = [each for each in patients if not line.issuer or each.issuer_of_patient_id == line.issuer]
    if len(meant) > 1:
        raise UnknownPatient(gettext("Several patients have this ID: add the issuer"))
    if not meant:
        is_formula = line.patient_id.startswith(FORMULA)
        raise UnknownPatient(
            gettext("This is a formula, not an ID") if is_formula else gettext("No patient here has this ID")
        )
    return meant[0]


def _event(text: str) -> str:
    """A kind, by its code or by what the pages call it."""
    wanted = text.casefold()
    for code, label in EVENTS:
        if wanted in {code, str(label).casefold()}:
            return str(code)
    raise UnknownEvent(gettext("There is no such event"))


def _day(text: str) -> date:
    """2024-05-01, 2024/5/1 or 20240501; which number is the day of 1/5/2024 is not guessed at."""
    if not (found := _DAY.fullmatch(text)):
        raise ImplausibleDate(gettext("Write the date like 2024-05-01"))
    year, _, month, day = found.groups()[:4] if found[1] else (found[5], "", found[6], found[7])
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise ImplausibleDate(gettext("The calendar has no such day")) from error
