"""Reading every pack again, in both places, before it is too late to repair one copy from the other.

The table is the queue: packs are claimed by row locks, so that any number of workers may do this and a deletion waits
for the one that is being read. A finding is committed before its repair begins: killed at any point, what was found is
on record and the next run repairs it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db.models import QuerySet

from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.budget import Budget
from apps.vault.errors import VaultUnavailable
from apps.vault.findings import resolve_deleted
from apps.vault.models import Pack
from apps.vault.standing import LAST_READ, is_damaged
from apps.vault.verifying import Seen, verify

EARLY = 0.9  # of the agreed days: what a run does not get to is still in time
AGAIN = timedelta(days=1)  # a pack that stays damaged is looked at daily
SMALL, TOGETHER = 8 << 20, 16  # a transaction costs more than reading a small pack, so that some of them share one
log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Sweep(Seen):
    """What one run reads, and what it came to. `unavailable` says why it ended before its time."""

    begun_at: datetime
    due: datetime
    facility: Facility | None = None
    unavailable: str = ""

    @classmethod
    def of(cls, *, facility: Facility | None = None, is_all: bool = False) -> Self:
        """What is due now, or everything; of all facilities or of one."""
        now = database_now()
        due = now if is_all else now - EARLY * timedelta(days=settings.FIXITY_DAYS)
        return cls(begun_at=now, due=due, facility=facility)

    def claims(self) -> Iterator[QuerySet[Pack]]:
        """Packs to read, in this order: to be repaired, still damaged yesterday, due."""
        packs = Pack.objects.alias(last_read=LAST_READ).order_by("last_read", "pk")
        if self.facility:
            packs = packs.filter(facility=self.facility)
        yield packs.filter(is_damaged(obstacle=""), checked_at__lt=self.begun_at)
        yield packs.filter(is_damaged(), checked_at__lt=max(self.due, self.begun_at - AGAIN))
        yield packs.filter(last_read__lt=self.due)

    def add(self, seen: Seen) -> None:
        """Count what is committed."""
        self.packs += seen.packs
        self.size_bytes += seen.size_bytes
        self.found += seen.found
        self.repaired += seen.repaired


def sweep(run: Sweep, budget: Budget) -> Sweep:
    """Read what is to be read until the budget is spent, and repair what can be."""
    with as_center():
        resolve_deleted(now=run.begun_at)
    try:
        for packs in run.claims():
            while (seen := _verify_next(packs, budget)).packs:
                run.add(seen)
                for key in seen.waiting:
                    run.add(_repair(key, budget))
    except VaultUnavailable as error:
        run.unavailable = error.message
        log.error("%s; verifying packs ended there", error.message)  # noqa: TRY400
    return run


def look_again(key: int) -> None:
    """Verify one pack now, and repair it where it can be; its time has not come, but somebody could not read it."""
    try:
        with as_center():
            seen = verify(list(_locked(Pack.objects.filter(pk=key))), Budget())
        for waiting in seen.waiting:
            _repair(waiting, Budget())
    except VaultUnavailable as error:
        log.error("%s; the pack is verified in its turn", error.message)  # noqa: TRY400


def _verify_next(packs: QuerySet[Pack], budget: Budget) -> Seen:
    """Verify the pack that comes next, with others where it is small; nothing at the end."""
    with as_center():
        held = list(_locked(packs)[:1])
        if held and held[0].size_bytes <= SMALL:
            others = packs.filter(size_bytes__lte=SMALL).exclude(pk=held[0].pk)
            held += _locked(others)[: TOGETHER - 1]
        return verify(held, budget)


def _repair(key: int, budget: Budget) -> Seen:
    """Look at a pack again of which something was told a moment ago; it is repaired, and counts as one."""
    with as_center():
        seen = verify(list(_locked(Pack.objects.filter(pk=key))), budget)
    seen.packs = 0
    return seen


def _locked(packs: QuerySet[Pack]) -> QuerySet[Pack]:
    """Those that nobody else holds. Their keys stay free: rows that refer to them are still written."""
    return packs.select_for_update(skip_locked=True, no_key=True, of=("self",))
