"""Verifying packs whose rows are held: read, judge, tell what is new, repair what was told before."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.vault.budget import Budget
from apps.vault.copies import read_copy
from apps.vault.errors import PlaceUnavailable
from apps.vault.findings import Told, hinder, open_findings, resolve_gone, tell
from apps.vault.judging import Verdict, judge
from apps.vault.models import Obstacle, Pack, Where
from apps.vault.repair import repair_copy


@dataclass(slots=True)
class Seen:
    """What reading some packs came to; `waiting` are keys of packs whose repair may begin once this is committed."""

    packs: int = 0
    size_bytes: int = 0
    found: list[Verdict] = field(default_factory=list)
    repaired: int = 0
    waiting: list[int] = field(default_factory=list)


def verify(packs: Sequence[Pack], budget: Budget) -> Seen:
    """Verify packs that the caller holds, as far as the budget goes. Raises PlaceUnavailable, VaultUnavailable."""
    seen = Seen()
    told = open_findings(packs)
    checked: list[int] = []
    damaged: list[int] = []
    for pack in packs:
        if not budget.has_room(size := _to_read(pack)):
            break
        verdicts = judge(pack, [read_copy(pack, alias) for alias in _aliases(pack)])
        budget.spend(size)
        seen.packs, seen.size_bytes = seen.packs + 1, seen.size_bytes + size
        checked.append(pack.pk)
        if (verdicts or pack.pk in told) and _see_to(pack, verdicts, told.get(pack.pk, {}), seen):
            damaged.append(pack.pk)
    _note(checked, damaged)
    return seen


def _see_to(pack: Pack, verdicts: Iterable[Verdict], told: Told, seen: Seen) -> bool:
    """Tell, repair and resolve what is to be; whether the pack is still damaged."""
    now = database_now()
    left, repaired = [], []
    for verdict in verdicts:
        finding = told.get((verdict.place, verdict.damage))
        if finding is None:
            tell(pack, verdict, now=now)
            seen.found.append(verdict)
            if not verdict.obstacle:
                seen.waiting.append(pack.pk)
        elif obstacle := verdict.obstacle or _repair(pack, verdict.place):
            hinder(finding, obstacle)
        else:
            repaired.append(verdict.place)
            continue
        left.append(verdict)
    resolve_gone(pack, told.values(), left, repaired, now=now)
    seen.repaired += len(repaired)
    return bool(left)


def _repair(pack: Pack, alias: str) -> str:
    """Repair a copy of which a finding is on record; what stood in the way, if anything."""
    try:
        repair_copy(pack, alias, source=Where.REPLICA if alias == Where.PRIMARY else Where.PRIMARY)
    except PlaceUnavailable:
        raise
    except (DomainError, OSError):
        return Obstacle.NOT_WRITTEN
    return ""


def _note(checked: Sequence[int], damaged: Sequence[int]) -> None:
    now: datetime = database_now()
    Pack.objects.filter(pk__in=checked).update(checked_at=now)
    Pack.objects.filter(pk__in=checked, replicated_at__isnull=False).exclude(pk__in=damaged).update(verified_at=now)


def _aliases(pack: Pack) -> list[str]:
    return [Where.PRIMARY, Where.REPLICA] if pack.is_stored else [Where.PRIMARY]


def _to_read(pack: Pack) -> int:
    return pack.size_bytes * len(_aliases(pack))
