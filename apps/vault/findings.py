"""Findings: told once, resolved when what they say is no longer so. Each step is on record and in the log."""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.urls import reverse

from apps.audit.record import SYSTEM, record
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell as tell_people
from apps.vault.judging import Verdict
from apps.vault.models import Finding, Pack, Resolution, Where
from apps.vault.repair import drop_oldest_aside, kept_aside

Told = dict[tuple[str, str], Finding]  # by place and damage
log = logging.getLogger(__name__)


def open_findings(packs: Iterable[Pack]) -> dict[int, Told]:
    """The open findings about those packs that have some, by the packs' keys."""
    found: dict[int, Told] = defaultdict(dict)
    for finding in Finding.objects.filter(pack__in=[pack.pk for pack in packs], resolved_at=None):
        assert finding.pack_id
        found[finding.pack_id][finding.place, finding.damage] = finding
    return found


def tell(pack: Pack, verdict: Verdict, *, now: datetime) -> None:
    """A finding that is new."""
    finding = Finding.objects.create(
        facility_id=pack.facility_id, pack=pack, pack_name=pack.name, place=verdict.place, damage=verdict.damage,
        found_at=now, read_sha256=verdict.copy.sha256, read_bytes=verdict.copy.size_bytes,
        agrees_with_manifest=verdict.agrees, obstacle=verdict.obstacle,
    )  # fmt: skip
    record("pack.damaged", actor=SYSTEM, object_type="pack", object_id=pack.pk, facility_id=pack.facility_id,
           place=verdict.place, damage=verdict.damage, obstacle=verdict.obstacle)  # fmt: skip
    about = ("finding", finding.pk)
    tell_people(Kind.DAMAGE_FOUND, facility=pack.facility_id, about=about)
    tell_people(Kind.STAFF_FINDING, facility=pack.facility_id, about=about,
                path=reverse("admin:vault_finding_change", args=[finding.pk]))  # fmt: skip
    log.error("Pack %s, %s: %s%s", pack.name, verdict.place, verdict.damage,
              f"; not repaired: {verdict.obstacle}" if verdict.obstacle else "")  # fmt: skip


def hinder(finding: Finding, obstacle: str) -> None:
    """Note why a finding that was told stays open."""
    if finding.obstacle != obstacle:
        finding.obstacle = obstacle
        finding.save(update_fields=["obstacle"])
        log.error("Pack %s, %s: not repaired: %s", finding.pack_name, finding.place, obstacle)


def resolve_gone(
    pack: Pack, told: Iterable[Finding], left: Sequence[Verdict], repaired: Sequence[str], *, now: datetime
) -> None:
    """Resolve those that were told and are not `left`; `repaired` are places that were repaired just now."""
    still = {(verdict.place, verdict.damage) for verdict in left}
    for finding in told:
        if (finding.place, finding.damage) not in still:
            is_damaged = any(verdict.place == finding.place for verdict in left)
            finding.kept_as = "" if is_damaged else _new_aside(pack, finding.place)
            _resolve(finding, _how(finding, is_damaged=is_damaged, is_repaired=finding.place in repaired), now)
    for alias in repaired:
        drop_oldest_aside(alias)


def resolve_deleted(*, now: datetime) -> None:
    """Resolve what was open about packs that have been deleted since; what was kept aside went with them."""
    for finding in Finding.objects.filter(pack=None, resolved_at=None):
        _resolve(finding, Resolution.DELETED, now)


def _how(finding: Finding, *, is_damaged: bool, is_repaired: bool) -> Resolution:
    if is_damaged:
        return Resolution.CHANGED
    return Resolution.REPAIRED if is_repaired or finding.kept_as else Resolution.FOUND_GOOD


def _new_aside(pack: Pack, place: str) -> str:
    """The damaged bytes that no earlier finding refers to: of a repair that was done, though perhaps not noted."""
    if place == Where.RECORD or not (name := kept_aside(pack, place)):
        return ""
    earlier = Finding.objects.filter(facility_id=pack.facility_id, pack=pack, place=place, kept_as=name)
    return "" if earlier.exists() else name


def _resolve(finding: Finding, resolution: Resolution, now: datetime) -> None:
    finding.resolved_at, finding.resolution = now, resolution
    finding.save(update_fields=["resolved_at", "resolution", "kept_as"])
    record(f"pack.{resolution}", actor=SYSTEM, object_type="pack", object_id=finding.pack_id or finding.pack_name,
           facility_id=finding.facility_id, place=finding.place, damage=finding.damage)  # fmt: skip
    if resolution == Resolution.REPAIRED:
        tell_people(Kind.DAMAGE_REPAIRED, facility=finding.facility_id, about=("finding", finding.pk))
    log.warning("Pack %s, %s: %s", finding.pack_name, finding.place, resolution)
