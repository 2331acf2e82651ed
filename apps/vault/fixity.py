"""Reading every pack again, in both places, before it is too late to repair one copy from the other.

The table is the queue: packs are claimed by row locks, one at a time, so that any number of workers may do this and a
deletion waits for the one that is being read. A finding is committed before its repair begins: killed at any point,
what was found is on record and the next run repairs it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db.models import QuerySet

from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.budget import Budget
from apps.vault.copies import read_copy
from apps.vault.errors import PlaceUnavailable, VaultUnavailable
from apps.vault.findings import hinder, open_findings, resolve_deleted, resolve_gone, tell
from apps.vault.judging import Verdict, judge
from apps.vault.models import Finding, Obstacle, Pack, Where
from apps.vault.repair import repair_copy
from apps.vault.standing import LAST_READ, is_damaged

EARLY = 0.9  # of the agreed days: what a run does not get to is still in time
AGAIN = timedelta(days=1)  # a pack that stays damaged is looked at daily
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Sweep:
    """What one run reads, and what it came to. `unavailable` says why it ended before its time."""

    begun_at: datetime
    due: datetime
    facility: Facility | None = None
    packs: int = 0
    size_bytes: int = 0
    found: list[Verdict] = field(default_factory=list)
    repaired: int = 0
    unavailable: str = ""

    @classmethod
    def of(cls, *, facility: Facility | None = None, is_all: bool = False) -> Self:
        """What is due now, or everything; of all facilities or of one."""
        now = database_now()
        return cls(now, now if is_all else now - EARLY * timedelta(days=settings.FIXITY_DAYS), facility)

    def claims(self) -> Iterator[QuerySet[Pack]]:
        """Packs to read, in this order: to be repaired, still damaged yesterday, due."""
        packs = Pack.objects.alias(last_read=LAST_READ).order_by("last_read", "pk")
        if self.facility:
            packs = packs.filter(facility=self.facility)
        yield packs.filter(is_damaged(obstacle=""), checked_at__lt=self.begun_at)
        yield packs.filter(is_damaged(), checked_at__lt=max(self.due, self.begun_at - AGAIN))
        yield packs.filter(last_read__lt=self.due)


def sweep(run: Sweep, budget: Budget) -> Sweep:
    """Read what is to be read until the budget is spent, and repair what can be."""
    with as_center():
        resolve_deleted(now=run.begun_at)
    try:
        for packs in run.claims():
            while (key := _verify_next(packs, run, budget)) is not None:
                _repair(key, run, budget)
    except VaultUnavailable as error:
        run.unavailable = error.message
        log.error("%s; verifying packs ended there", error.message)  # noqa: TRY400
    return run


def _verify_next(packs: QuerySet[Pack], run: Sweep, budget: Budget) -> int | None:
    """Verify the pack that comes next; its key where it waits for repair, 0 where it does not, None at the end."""
    with as_center():
        pack = _locked(packs)
        if pack is None or not budget.has_room(_to_read(pack)):
            return None
        is_waiting = _verify(pack, run, budget)
        run.packs += 1
        return pack.pk if is_waiting else 0


def _repair(key: int, run: Sweep, budget: Budget) -> None:
    """Repair what was found a moment ago; that is committed now."""
    if key:
        with as_center():
            if pack := _locked(Pack.objects.filter(pk=key)):
                _verify(pack, run, budget)


def _verify(pack: Pack, run: Sweep, budget: Budget) -> bool:
    """Read the copies of a pack that is held, tell what is new, repair what was told before.

    Returns whether something new can be repaired.
    """
    verdicts = judge(pack, [read_copy(pack, alias) for alias in _aliases(pack)])
    budget.spend(_to_read(pack))
    run.size_bytes += _to_read(pack)
    now = database_now()
    told = open_findings(pack)
    new = [verdict for verdict in verdicts if (verdict.place, verdict.damage) not in told]
    for verdict in new:
        tell(pack, verdict, now=now)
    repaired = [verdict for verdict in verdicts if _is_repaired(pack, verdict, told)]
    left = [verdict for verdict in verdicts if verdict not in repaired]
    resolve_gone(pack, told.values(), left, [verdict.place for verdict in repaired], now=now)
    run.found += new
    run.repaired += len(repaired)
    pack.checked_at = now
    if pack.is_stored and not left:
        pack.verified_at = now
    pack.save(update_fields=["checked_at", "verified_at"])
    return any(not verdict.obstacle for verdict in new)


def _is_repaired(pack: Pack, verdict: Verdict, told: dict[tuple[str, str], Finding]) -> bool:
    """Repair a copy of which a finding was told before; what stands in the way is noted there."""
    finding = told.get((verdict.place, verdict.damage))
    if finding is None:
        return False
    if verdict.obstacle:
        hinder(finding, verdict.obstacle)
        return False
    try:
        repair_copy(pack, verdict.place, source=_other(verdict.place))
    except PlaceUnavailable:
        raise
    except (DomainError, OSError):
        hinder(finding, Obstacle.NOT_WRITTEN)
        return False
    return True


def _locked(packs: QuerySet[Pack]) -> Pack | None:
    """The first of the packs that nobody else holds. Its key stays free: rows that refer to it are still written."""
    return packs.select_for_update(skip_locked=True, no_key=True, of=("self",)).first()


def _aliases(pack: Pack) -> list[str]:
    return [Where.PRIMARY, Where.REPLICA] if pack.is_stored else [Where.PRIMARY]


def _other(alias: str) -> str:
    return Where.REPLICA if alias == Where.PRIMARY else Where.PRIMARY


def _to_read(pack: Pack) -> int:
    return pack.size_bytes * len(_aliases(pack))
