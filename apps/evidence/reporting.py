"""Evidence reports: asked for in the portal, made by a worker. The table is the queue."""

import logging
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor, record
from apps.audit.signing import sign
from apps.core.clock import day_of
from apps.core.errors import DomainError
from apps.evidence.gathering import gather, is_over
from apps.evidence.models import Report, ReportState
from apps.evidence.periods import NoSuchPeriod, check_days
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

TYP = "medvault-evidence+jwt"
WAITED_FOR = [ReportState.REQUESTED, ReportState.MAKING]
ABANDONED = timedelta(minutes=30)
MOST_ATTEMPTS = 3
"""Claimed so often without a result, it has failed: what kills a worker may well kill the next one."""
LONGEST_DAYS = 3 * 366
log = logging.getLogger(__name__)


def check_period(first_on: date, last_on: date, *, today: date) -> None:
    """Refuse days that no report is about. Raises NoSuchPeriod."""
    check_days(first_on, last_on)
    if last_on >= today:
        raise NoSuchPeriod("last_on", _("The last day must have ended."))
    if (last_on - first_on).days > LONGEST_DAYS:
        raise NoSuchPeriod("first_on", _("Three years at most. Ask for several reports."))


class NotWaitedFor(DomainError):
    """It is made, has failed, or was cancelled: there is nothing to leave off."""

    code = "not_waited_for"

    def __init__(self) -> None:
        super().__init__(_("The report is not being made any more."))


def request_report(
    facility: Facility, *, first_on: date, last_on: date, by: User | None, actor: Actor, now: datetime
) -> Report:
    """Ask for a report, within the caller's transaction. Raises NoSuchPeriod."""
    check_period(first_on, last_on, today=day_of(now, facility.time_zone))
    report = Report(facility=facility, first_on=first_on, last_on=last_on, requested_at=now, requested_by=by)
    if not is_over(report, now=now):
        raise NoSuchPeriod("last_on", _("The last day must have ended at least an hour ago."))
    report.save()
    record("evidence_report.requested", actor=actor, object_type="evidence_report", object_id=report.pk,
           facility_id=facility.pk, first=f"{first_on}", last=f"{last_on}")  # fmt: skip
    return report


def cancel_report(report: Report, *, actor: Actor) -> None:
    """Nobody waits for it any more: a worker that is at it leaves off, and nothing of it stays. Within the caller's
    transaction. Raises NotWaitedFor.
    """
    waited_for = Report.objects.filter(facility_id=report.facility_id, pk=report.pk, state__in=WAITED_FOR)
    if not waited_for.update(state=ReportState.CANCELLED):
        raise NotWaitedFor
    record("evidence_report.cancelled", actor=actor, object_type="evidence_report", object_id=report.pk,
           facility_id=report.facility_id)  # fmt: skip
    report.refresh_from_db(fields=["state"])


def make_due(*, now: datetime) -> int:
    """Make all that are requested or were abandoned; returns how many were made."""
    made = 0
    while report := _claimed(now):
        made += _made(report, now)
    return made


def _claimed(now: datetime) -> Report | None:
    due = Q(state=ReportState.REQUESTED) | Q(state=ReportState.MAKING, claimed_at__lt=now - ABANDONED)
    with as_center():
        rows = Report.objects.filter(due).select_for_update(of=("self",), skip_locked=True).select_related("facility")
        for report in rows.order_by("requested_at", "pk"):
            if report.attempts >= MOST_ATTEMPTS:
                report.state, report.problem = ReportState.FAILED, _("Each time a worker died over it")
                report.save(update_fields=["state", "problem"])
                continue
            report.state, report.claimed_at, report.percent = ReportState.MAKING, now, 0
            report.attempts += 1
            report.save(update_fields=["state", "claimed_at", "percent", "attempts"])
            return report
    return None


def _made(report: Report, now: datetime) -> bool:
    try:
        facts = gather(report, now=now, tell=lambda percent: _tell(report, percent))
    except NotWaitedFor:
        return False
    except Exception as error:  # noqa: BLE001 whatever it is, whoever waits is told; messages may name patients
        log.error("Evidence report %s failed: %s", report, type(error).__name__)  # noqa: TRY400
        with as_center():
            _mine(report).update(state=ReportState.FAILED, problem=_why(error))
        return False
    claims = {"iss": settings.PUBLIC_URL, "iat": int(now.timestamp()), "facility": report.facility.slug,
              "number": str(report), **facts}  # fmt: skip
    with as_center():
        made = {"state": ReportState.READY, "percent": 100, "made_at": now, "facts": facts, "problem": ""}
        if not _mine(report).update(**made, jws=sign(claims, typ=TYP)):
            return False
        if not facts["log"]["is_unchanged"]:
            log.error("The record of facility %s does not have the root that was signed", report.facility_id)
        record("evidence_report.made", actor=SYSTEM, object_type="evidence_report", object_id=report.pk,
               facility_id=report.facility_id, log_is_unchanged=facts["log"]["is_unchanged"])  # fmt: skip
        path = reverse("portal:report", kwargs={"facility_slug": report.facility.slug, "report_id": report.pk})
        tell(Kind.REPORT_READY, facility=report.facility_id, about=("evidence_report", report.pk), path=path,
             facts={"number": str(report)})  # fmt: skip
    return True


def _tell(report: Report, percent: int) -> None:
    """How far it is. Raises NotWaitedFor where it was cancelled, or another worker has taken it over."""
    with as_center():
        if not _mine(report).update(percent=percent):
            raise NotWaitedFor


def _mine(report: Report) -> QuerySet[Report]:
    """The row, as long as it is this worker's to make."""
    return Report.objects.filter(pk=report.pk, state=ReportState.MAKING, claimed_at=report.claimed_at)


def _why(error: Exception) -> str:
    """For whoever waits, without what an error of the database or of a library may quote."""
    return error.message[:300] if isinstance(error, DomainError) else _("An error that nobody has thought of")
