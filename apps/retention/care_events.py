"""Care events: what a facility reports of a patient's care, from which periods run."""

from datetime import date, datetime, timedelta

from django.db.models import QuerySet
from django.utils.translation import gettext

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.catalog.models import Patient
from apps.core.errors import DomainError
from apps.facilities.models import DeviceToken
from apps.retention.floors import BIRTH_DATE
from apps.retention.models import CareEvent, CareEventKind


class ImplausibleDate(DomainError):
    """An event cannot have happened on that day."""

    code = "implausible_date"


def report(
    patient: Patient,
    *,
    event: str,
    on: date,
    actor: Actor,
    now: datetime,
    by: User | None = None,
    token: DeviceToken | None = None,
) -> bool:
    """Add a care event or, with BIRTH_DATE, the birth date; False where it is known. Raises ImplausibleDate."""
    if event == BIRTH_DATE:
        return set_birth_date(patient, on, actor=actor, now=now)
    kind = CareEventKind(event)
    return report_care_event(patient, kind=kind, happened_on=on, actor=actor, now=now, by=by, token=token)


def check(patient: Patient, *, event: str, on: date, now: datetime) -> bool:
    """Whether the patient's own row says so already; nothing is written. Raises ImplausibleDate as `report` would."""
    if event == BIRTH_DATE and patient.birth_date:
        if patient.birth_date == on:
            return True
        raise ImplausibleDate(gettext("Another birth date is known"))
    check_date(patient, on, now=now)
    return False


def report_care_event(
    patient: Patient,
    *,
    kind: CareEventKind,
    happened_on: date,
    actor: Actor,
    now: datetime,
    by: User | None = None,
    token: DeviceToken | None = None,
) -> bool:
    """Add a fact of a patient's care, within the caller's transaction; False where known. Raises ImplausibleDate.

    A later word never takes back what was said: periods only lengthen.
    """
    check_date(patient, happened_on, now=now)
    _, is_new = CareEvent.objects.get_or_create(
        facility_id=patient.facility_id, patient=patient, kind=CareEventKind(kind), happened_on=happened_on,
        defaults={"reported_at": now, "reported_by": by, "device_token": token},
    )  # fmt: skip
    if is_new:
        record("care_event.reported", actor=actor, object_type="patient", object_id=patient.pk,
               facility_id=patient.facility_id, kind=kind)  # fmt: skip
    return is_new


def check_date(patient: Patient, happened_on: date, *, now: datetime) -> None:
    """Refuse days that are not over anywhere yet, or before the patient's birth. Raises ImplausibleDate."""
    if happened_on > (now + timedelta(hours=14)).date():
        raise ImplausibleDate(gettext("The date is in the future"))
    if happened_on < (patient.birth_date or date(1900, 1, 1)):
        raise ImplausibleDate(gettext("The date is before the patient's birth"))


def set_birth_date(patient: Patient, birth_date: date, *, actor: Actor, now: datetime) -> bool:
    """Add a birth date that the images did not tell, within the caller's transaction; False where it is known.

    Another one than the known is not taken: the images say it. Raises ImplausibleDate.
    """
    if check(patient, event=BIRTH_DATE, on=birth_date, now=now):
        return False
    unknown = Patient.objects.filter(facility_id=patient.facility_id, pk=patient.pk, birth_date=None)
    if not unknown.update(birth_date=birth_date):
        raise ImplausibleDate(gettext("Another birth date is known"))
    patient.birth_date = birth_date
    record("patient.birth_date_told", actor=actor, object_type="patient", object_id=patient.pk,
           facility_id=patient.facility_id)  # fmt: skip
    return True


def told_of(patient: Patient) -> QuerySet[CareEvent]:
    """What was reported of a patient, latest first."""
    return CareEvent.objects.filter(facility_id=patient.facility_id, patient=patient).order_by("-happened_on", "-pk")
