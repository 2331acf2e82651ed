"""The sweep: what has expired is found, notified, decided by silence, and deleted; daily, by any number of workers.

Its cost follows what is due. Each study has a transaction of its own, so that one with a problem holds up no other.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from apps.audit.models import Event
from apps.audit.record import SYSTEM, record
from apps.catalog.models import Hold
from apps.contracts.models import Contract
from apps.contracts.models import State as ContractState
from apps.core.errors import DomainError
from apps.core.shown import moment
from apps.facilities.tenancy import as_center
from apps.retention.clocks import agreed_now, today
from apps.retention.deciding import SILENCE_KEEPS, extend_at_once, withdraw
from apps.retention.deletion import carry_out
from apps.retention.errors import ClocksDiffer
from apps.retention.models import DeletionPolicy, Disposition, OnExpiry, OnSilence, Retention, State, Unassessed
from apps.retention.models.dispositions import OPEN
from apps.retention.models.policies import policy_of
from apps.retention.telling import tell_of_deleted, tell_of_unknown
from apps.retention.winding_up import lets_go

SWEPT = "retention.swept"
MOST_BETWEEN_SWEEPS = timedelta(days=7)
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Swept:
    """What a sweep did."""

    expired: int = 0
    stepped: int = 0
    deleted: int = 0
    failed: int = 0


def sweep(*, trusts_clock: bool = False) -> Swept:
    """Everything that is due now. Raises ClocksDiffer, having done nothing.

    `trusts_clock`: staff say that the time that seems to have passed since the last sweep really has.
    """
    with as_center():
        now = _trusted_now(trusts_clock=trusts_clock)
    swept = Swept()
    for key in _keys(due(today(now))):
        swept.expired += _apart(swept, partial(_expire, key, now))
    for key in _keys(to_step(now)):
        swept.stepped += _apart(swept, partial(_step, key, now))
    swept.deleted = carry_out_approved(swept)
    tell_of_unknown(now=now)
    with as_center():
        record(SWEPT, actor=SYSTEM, object_type="sweep", object_id="", facility_id=None, expired=swept.expired,
               stepped=swept.stepped, deleted=swept.deleted, failed=swept.failed)  # fmt: skip
    return swept


def carry_out_approved(swept: Swept | None = None) -> int:
    """Delete what was approved, and finish what a process that died had begun; returns how many are gone."""
    swept = swept or Swept()
    unfinished = Disposition.objects.filter(state__in=[State.APPROVED, State.DELETING]).order_by("pk")
    with as_center():
        waiting = list(unfinished.values_list("pk", "state"))
    gone = [key for key, state in waiting if _apart(swept, partial(_is_gone, key, state))]
    tell_of_deleted(gone)
    return len(gone)


def due(day: date) -> QuerySet[Retention]:
    """The storage periods that have passed on a day, whose studies nobody holds or has begun to end."""
    of_study = {"facility_id": OuterRef("facility_id"), "study_id": OuterRef("study_id")}
    ending = Disposition.objects.filter(**of_study, state__in=[*OPEN, State.DELETING])
    held = Hold.objects.filter(**of_study, released_at=None)
    waiting = Unassessed.objects.filter(**of_study)
    return Retention.objects.filter(~Exists(ending), ~Exists(held), ~Exists(waiting), kept_until__lt=day)


def _trusted_now(*, trusts_clock: bool) -> datetime:
    """The agreed time, unless it has leapt since the last sweep: both clocks may be those of one machine."""
    now = agreed_now()
    last = Event.objects.filter(object_type="sweep", object_id="", action=SWEPT).order_by("-pk").first()
    if last and not trusts_clock and not timedelta(minutes=-5) < now - last.at < MOST_BETWEEN_SWEEPS:
        raise ClocksDiffer(
            _(
                "The last sweep was at %(at)s, the clock says %(now)s; nothing is deleted until staff confirm it with "
                "manage.py sweep_retention --trust-clock"
            )
            % {"at": moment(last.at), "now": moment(now)}
        )
    return now


def _keys(rows: QuerySet[Retention] | QuerySet[Disposition]) -> list[int]:
    with as_center():
        return list(rows.order_by("pk").values_list("pk", flat=True))


def _apart(swept: Swept, act: Callable[[], bool]) -> bool:
    try:
        return act()
    except (DomainError, DatabaseError) as error:
        swept.failed += 1
        log.error("A study could not be swept: %s", type(error).__name__)  # noqa: TRY400
        return False


def _is_gone(key: int, state: str) -> bool:
    return carry_out(key, state) == State.DELETED


def _expire(key: int, now: datetime) -> bool:
    with as_center():
        claimed = due(today(now)).select_related("study").select_for_update(of=("self",), skip_locked=True)
        retention = claimed.filter(pk=key).first()
        if retention is None:
            return False
        study, policy = retention.study, policy_of(retention.facility_id)
        governing = max(retention.floors, key=lambda floor: floor.get("until", ""))
        disposition = Disposition.objects.create(
            facility_id=retention.facility_id, study=study, study_instance_uid=study.study_instance_uid,
            study_date=study.study_date, modalities=study.modalities_in_study, kept_until=retention.kept_until,
            governing=governing, created_at=now, instance_count=study.instance_count, size_bytes=study.size_bytes,
        )  # fmt: skip
        record("disposition.expired", actor=SYSTEM, object_type="disposition", object_id=disposition.pk,
               facility_id=disposition.facility_id, study=study.pk)  # fmt: skip
        _begin(disposition, policy, now)
    return True


def _begin(disposition: Disposition, policy: DeletionPolicy, now: datetime) -> None:
    assert disposition.study
    if lets_go(disposition.study, now=now):
        _approve(disposition, "contract_end", now)
        return
    if policy.on_expiry == OnExpiry.DELETE:
        _approve(disposition, "contract", now)
        return
    disposition.advance(State.NOTIFIED, at=now)
    disposition.decide_by = now + policy.notice
    disposition.next_at = _next_step(disposition, policy, now)
    disposition.save()


def _next_step(disposition: Disposition, policy: DeletionPolicy, now: datetime) -> datetime:
    """The next reminder, or the end of the notice."""
    assert disposition.decide_by
    reminders = [disposition.decide_by - timedelta(days=days) for days in policy.reminder_days]
    return min([at for at in reminders if at > now], default=disposition.decide_by)


def to_step(now: datetime) -> QuerySet[Disposition]:
    """The notices whose reminder or end has come, and those of a facility that has everything back."""
    returned = Contract.objects.filter(
        facility_id=OuterRef("facility_id"), state=ContractState.TERMINATING, returned_at__isnull=False,
        ends_on__lte=now.date(),
    )  # fmt: skip
    return Disposition.objects.filter(Q(next_at__lte=now) | Exists(returned), state=State.NOTIFIED)


def _step(key: int, now: datetime) -> bool:
    """Remind, or take silence for what the policy says it is."""
    with as_center():
        claimed = to_step(now).select_related("study").select_for_update(of=("self",), skip_locked=True)
        disposition = claimed.filter(pk=key).first()
        if disposition is None:
            return False
        policy = policy_of(disposition.facility_id)
        assert disposition.decide_by
        assert disposition.study
        if Hold.objects.filter(facility_id=disposition.facility_id, study=disposition.study, released_at=None).exists():
            withdraw(disposition, decision="held", now=now)
        elif lets_go(disposition.study, now=now):
            _approve(disposition, "contract_end", now)
        elif disposition.next_at and now < disposition.next_at:
            return False
        elif now < disposition.decide_by:
            disposition.told_at, disposition.notice = None, ""
            disposition.next_at = _next_step(disposition, policy, now)
            disposition.save(update_fields=["told_at", "notice", "next_at"])
        elif policy.on_silence == OnSilence.DELETE:
            _approve(disposition, "silence", now)
        else:
            extend_at_once(disposition.study, period=SILENCE_KEEPS, reason="silence", actor=SYSTEM, now=now)
    return True


def _approve(disposition: Disposition, decision: str, now: datetime) -> None:
    disposition.decision = decision
    disposition.advance(State.APPROVED, at=now)
    disposition.save()
    record("disposition.approved", actor=SYSTEM, object_type="disposition", object_id=disposition.pk,
           facility_id=disposition.facility_id, why=decision)  # fmt: skip
