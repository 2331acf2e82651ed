"""Deciding on an expired study: the facility approves, objects, or keeps it longer; silence follows the policy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor, record
from apps.catalog.filing import study_lock
from apps.catalog.holds import place_hold
from apps.catalog.models import HoldKind, Study
from apps.core.errors import DomainError
from apps.core.locks import lock_names
from apps.core.periods import FOREVER, parse_period
from apps.core.shown import day
from apps.retention.assessing import assess_patients
from apps.retention.errors import BeyondMaximum, IllegalTransition
from apps.retention.models import Disposition, Extension, Retention, State
from apps.retention.models.dispositions import OPEN

EXTENSIONS = ("P1Y", "P5Y", "forever")
SILENCE_KEEPS = "P1Y"


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of a decision on many: how many went through, and why the others did not."""

    done: int
    refused: dict[int, str]


def approve(disposition: Disposition, *, by: User | None, actor: Actor, now: datetime) -> None:
    """The facility lets the study go, within the caller's transaction. Raises IllegalTransition."""
    current = _waiting(disposition)
    current.approved_by, current.decision = by, "facility"
    current.advance(State.APPROVED, at=now)
    current.save(update_fields=["state", "approved_at", "approved_by", "decision", "next_at"])
    _record("approved", current, actor)


def object_to(disposition: Disposition, *, reason: str, by: User | None, actor: Actor, now: datetime) -> None:
    """The facility keeps the study for a reason, without a date: a hold. Raises IllegalTransition, HoldRefused."""
    current = _waiting(disposition)
    assert current.study
    place_hold(current.study, kind=HoldKind.FACILITY, reason=reason, actor=actor, now=now, by=by)
    withdraw(current, decision="objection", actor=actor, now=now)


def keep_longer(disposition: Disposition, *, period: str, reason: str, by: User, actor: Actor, now: datetime) -> None:
    """The facility answers by keeping the study longer. Raises IllegalTransition where it is decided, BeyondMaximum."""
    current = _waiting(disposition)
    assert current.study
    extend(current.study, period=period, reason=reason, actor=actor, now=now, by=by)


def extend(study: Study, *, period: str, reason: str, actor: Actor, now: datetime, by: User | None = None) -> Extension:
    """Keep a study longer than it must be, from the day it would end or from today, whichever is later.

    Within the caller's transaction; an open disposition of it is withdrawn. Raises BeyondMaximum, IllegalTransition
    where it is being deleted.
    """
    undecided = Disposition.objects.filter(facility_id=study.facility_id, study=study, state__in=OPEN)
    list(undecided.select_for_update(of=("self",)))  # before the study's lock, as whoever deletes it
    lock_names([study_lock(study.facility_id, study.study_instance_uid)])
    retention = Retention.objects.filter(facility_id=study.facility_id, study=study).first()
    if retention is None:
        raise IllegalTransition(_("The study has no storage period yet, or has been deleted"))
    start = max(retention.certain_until or now.date(), now.date())
    until = FOREVER if period == "forever" else parse_period(period).after(start)
    _check_maximum(retention, until)
    extension = Extension.objects.create(
        facility_id=study.facility_id, study=study, period=period, until=until, reason=reason, extended_at=now,
        extended_by=by,
    )  # fmt: skip
    record("study.extended", actor=actor, object_type="study", object_id=study.pk, facility_id=study.facility_id,
           period=period)  # fmt: skip
    for disposition in undecided.all():
        withdraw(_open(disposition), decision="extension", actor=actor, now=now)
    return extension


def extend_at_once(study: Study, **given: object) -> Extension:
    """As `extend`, and the study's floors say so when this returns; for the center."""
    extension = extend(study, **given)  # type: ignore[arg-type]
    assess_patients(study.facility_id, [study.patient_id], wait=True)
    return extension


def withdraw(disposition: Disposition, *, decision: str, actor: Actor = SYSTEM, now: datetime) -> None:
    """The study goes back to retained. Raises IllegalTransition."""
    disposition.decision = decision
    disposition.advance(State.WITHDRAWN, at=now)
    disposition.save(update_fields=["state", "withdrawn_at", "decision", "next_at", "problem"])
    _record("withdrawn", disposition, actor, why=decision)


def decide_all(dispositions: Iterable[Disposition], act: Callable[[Disposition], None]) -> Decided:
    """Decide on many; one that is refused does not stop the others."""
    done, refused = 0, dict[int, str]()
    for disposition in dispositions:
        try:
            act(disposition)
        except DomainError as error:
            refused[disposition.pk] = error.message
        else:
            done += 1
    return Decided(done, refused)


def _check_maximum(retention: Retention, until: date) -> None:
    for floor in retention.floors:
        if "at_most" in floor and until > date.fromisoformat(floor["at_most"]):
            law = floor.get("citation") or floor["rule"]
            raise BeyondMaximum(
                _("By %(law)s it may be kept until %(day)s at most")
                % {"law": law, "day": day(date.fromisoformat(floor["at_most"]))}
            )


def _waiting(disposition: Disposition) -> Disposition:
    """The disposition that the facility is to decide on: of two who do, the second is refused."""
    return _open(disposition, State.NOTIFIED)


def _open(disposition: Disposition, *states: State) -> Disposition:
    """The disposition as it is now, held by this transaction. Raises IllegalTransition where it is decided."""
    found = (
        Disposition.objects.select_related("study")
        .select_for_update(of=("self",))
        .filter(facility_id=disposition.facility_id, pk=disposition.pk, state__in=states or OPEN)
        .first()
    )
    if found is None:
        raise IllegalTransition(_("This has been decided already"))
    return found


def _record(verb: str, disposition: Disposition, actor: Actor, **details: object) -> None:
    record(f"disposition.{verb}", actor=actor, object_type="disposition", object_id=disposition.pk,
           facility_id=disposition.facility_id, study=disposition.study_id, **details)  # fmt: skip
