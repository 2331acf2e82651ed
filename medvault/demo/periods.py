"""Storage periods of the demonstration: old studies that end soon, wait for a decision, are kept, or are gone."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from apps.accounts.models import User
from apps.audit.record import Actor
from apps.catalog.models import Patient, Study
from apps.core.periods import Period
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.retention.assessing import assess_pending
from apps.retention.care_events import report_care_event
from apps.retention.deciding import approve, extend, object_to
from apps.retention.law import enable
from apps.retention.models import CareEventKind, DeletionPolicy, Disposition, Rule, State
from apps.retention.sweep import carry_out_approved, sweep
from medvault.demo.phantoms import DemoFile, clinic_files

IN_FORCE = ("jp-ins-image", "jp-hosp-xray", "de-diag", "de-therapy")
AGO, OF_THEM = Period(years=5), timedelta(days=480)
# Days from now until the periods of the patients' old studies end, by patient; the law counts three years.
ENDS = (-30, 20, -40, 200, -50, -60)
KEPT_YEARS = 3


def old_files(today: date) -> Iterator[DemoFile]:
    """What Sakura Clinic's patients had five to eight years ago."""
    then = date(today.year - AGO.years, today.month, min(today.day, 28))
    return clinic_files("sakura", today=then, wanted=lambda day: day < then - OF_THEM)


def seed_periods(facility: Facility, *, now: datetime) -> None:
    """The law in force, what the clinic has told of its patients, and what it has decided. Safe to repeat."""
    owner = User.objects.get(email="owner@sakura.example")
    actor = Actor("user", str(owner.pk))
    with as_center():
        if DeletionPolicy.objects.filter(facility=facility).exists():
            return
        _put_into_force(now)
        DeletionPolicy.objects.create(facility=facility, notice_days=60, reminder_days=[14, 3], agreed_at=now)
    assess_pending()
    with as_facility(facility):
        _tell(owner, actor, now)
    assess_pending()
    sweep(trusts_clock=True)
    with as_facility(facility):
        _decide(owner, actor, now)
    carry_out_approved()
    assess_pending()


def _put_into_force(now: datetime) -> None:
    archivist = User.objects.get(email="archivist@center.example")
    for rule in Rule.objects.filter(key__in=IN_FORCE, enabled_at=None).order_by("key"):
        enable(rule, by=archivist, actor=Actor("user", str(archivist.pk)), now=now)


def _tell(owner: User, actor: Actor, now: datetime) -> None:
    """When the care of each patient with old studies was completed."""
    old = Study.objects.filter(study_date__lt=now.date() - timedelta(days=365 * 4)).values("patient_id")
    for days, patient in zip(ENDS, Patient.objects.filter(pk__in=old).order_by("patient_id"), strict=False):
        end = now.date() + timedelta(days=days)
        completed_on = end.replace(year=end.year - KEPT_YEARS, day=min(end.day, 28))
        report_care_event(
            patient, kind=CareEventKind.CARE_COMPLETED, happened_on=completed_on, actor=actor, now=now, by=owner
        )


def _decide(owner: User, actor: Actor, now: datetime) -> None:
    waiting = list(Disposition.objects.filter(state=State.NOTIFIED).select_related("study").order_by("pk"))
    if len(waiting) < len(ENDS):
        return
    first, second, third, fourth = waiting[-4:]
    for disposition in (first, second):
        approve(disposition, by=owner, actor=actor, now=now)
    assert third.study
    extend(third.study, period="P5Y", reason="a second opinion is expected", actor=actor, now=now, by=owner)
    object_to(fourth, reason="the insurer has asked for the images", by=owner, actor=actor, now=now)
