"""The end of a contract: everything is returned, confirmed, then erased through the gate as its floors pass.

Nothing goes before its floor, whatever was returned: what is left keeps the contract terminating, and says until when.
A contract ends by itself once nothing is stored any more, or another one of the facility follows it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.utils.translation import gettext

from apps.audit.record import SYSTEM, Actor
from apps.catalog.models import Hold, Study
from apps.collection.models import Outcome, ReceivedFile
from apps.collection.quarantine import never_decided
from apps.contracts.agreeing import end, held, is_followed, today_of
from apps.contracts.models import Contract, State
from apps.core.errors import DomainError
from apps.core.shown import day
from apps.facilities.tenancy import as_center
from apps.retention.clocks import today
from apps.retention.models import Disposition, Retention
from apps.retention.models.dispositions import State as DispositionState
from apps.vault.models import Pack, PackKind

log = logging.getLogger(__name__)


class StillStored(DomainError):
    """Something of the facility is stored, and no other contract follows."""

    code = "still_stored"


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is stored still. `by_year`: studies by the year in which their storage period ends; `over`: it has ended;
    `packs`: but those of quarantined files that staff have decided on.
    """

    studies: int
    size_bytes: int
    over: int
    by_year: list[tuple[int, int]]
    last_on: date | None
    unknown: int
    held: int
    packs: int
    erased: int

    @property
    def is_nothing(self) -> bool:
        return not self.packs


def remaining_of(facility_id: int, *, now: datetime) -> Remaining:
    """What of the facility is stored still, and how many of its studies were erased with a certificate."""
    studies = Study.objects.filter(facility_id=facility_id)
    counted = studies.aggregate(studies=Count("pk"), size=Sum("size_bytes"))
    periods = Retention.objects.filter(facility_id=facility_id)
    ahead = periods.filter(kept_until__gte=today(now))
    years = ahead.annotate(year=ExtractYear("kept_until")).values_list("year").annotate(Count("pk")).order_by("year")
    holds = Hold.objects.filter(facility_id=facility_id, study=OuterRef("pk"), released_at=None)
    return Remaining(
        studies=counted["studies"],
        size_bytes=counted["size"] or 0,
        over=periods.filter(kept_until__lt=today(now)).count(),
        by_year=list(years),
        last_on=ahead.aggregate(last=Max("kept_until"))["last"],
        unknown=counted["studies"] - periods.filter(kept_until__isnull=False).count(),
        held=studies.filter(Exists(holds)).count(),
        packs=_packs_of(facility_id).count(),
        erased=Disposition.objects.filter(facility_id=facility_id, state=DispositionState.DELETED).count(),
    )


def close(contract: Contract, *, actor: Actor, now: datetime) -> None:
    """End a contract, within the caller's transaction. Raises StillStored, IllegalTransition, NoticeTooShort."""
    current = held(contract)
    if current.state == State.TERMINATING and not is_followed(current):
        remaining = remaining_of(current.facility_id, now=now)
        if not remaining.is_nothing:
            raise StillStored(told(remaining))
    end(contract, actor=actor, now=now)


def close_due(*, now: datetime) -> int:
    """Close every contract whose last day is over and under which nothing is left; returns how many."""
    with as_center():
        over = Contract.objects.filter(state=State.TERMINATING, ends_on__lte=now.date()).order_by("pk")
        keys = list(over.values_list("pk", flat=True))
    return sum(_closes(key, now) for key in keys)


def lets_go(study: Study, *, now: datetime) -> bool:
    """Whether the facility has the study back for good, as its contract is over: it goes once its floor has passed."""
    returned = Contract.objects.filter(
        facility_id=study.facility_id, state=State.TERMINATING, returned_at__gte=study.updated_at
    ).select_related("facility")
    return any(each.ends_on and each.ends_on <= today_of(each, now) and not is_followed(each) for each in returned)


def told(remaining: Remaining) -> str:
    """Why a contract does not end yet, in a sentence for people."""
    parts: Iterable[tuple[int, str]] = (
        (
            sum(count for _, count in remaining.by_year),
            gettext("%(count)d must be kept, the last until %(day)s"),
        ),
        (remaining.unknown, gettext("%(count)d have a storage period that is unknown, as something was not told")),
        (remaining.held, gettext("%(count)d are held")),
        (remaining.over, gettext("%(count)d may go, and wait to be erased")),
    )
    last = day(remaining.last_on) if remaining.last_on else "-"
    said = [what % {"count": count, "day": last} for count, what in parts if count]
    stored = gettext("%(count)d studies are stored still: %(what)s")
    return stored % {"count": remaining.studies, "what": "; ".join(said or [gettext("files in quarantine are")])}


def _packs_of(facility_id: int) -> QuerySet[Pack]:
    """Of the facility, without those in which every quarantined file was decided on; the database asks the same."""
    in_pack = {"facility_id": OuterRef("facility"), "pack": OuterRef("pk"), "outcome": Outcome.QUARANTINED}
    is_settled = Exists(ReceivedFile.objects.filter(**in_pack)) & ~Exists(never_decided().filter(**in_pack))
    return Pack.objects.filter(~Q(kind=PackKind.QUARANTINE) | ~Q(is_settled), facility_id=facility_id)


def _closes(key: int, now: datetime) -> bool:
    try:
        with as_center():
            contract = Contract.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=key).first()
            if contract is None:
                return False
            close(contract, actor=SYSTEM, now=now)
    except DomainError as error:
        log.info("Contract %s goes on: %s", key, error.code)
        return False
    return True
