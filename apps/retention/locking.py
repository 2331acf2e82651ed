"""Locking packs in the bucket: to the certain minimum of their study, in compliance mode, lengthened as floors do.

Only what the law, the contract and the facility's own records ask for is locked, as nobody can undo it: extensions are
not. The queue is `Pack.locked_until`: assessing empties it where floors have changed.
"""

from datetime import UTC, date, datetime, time, timedelta

from apps.catalog.models import Conflict, Instance
from apps.core.clock import database_now
from apps.facilities.tenancy import as_center
from apps.retention.floors import EXTENSION
from apps.retention.models import Retention
from apps.vault.models import Pack, PackKind
from apps.vault.object_lock import any_lock
from apps.vault.places import place

AT_ONCE = 200
LONGEST = timedelta(days=365 * 100)


def lock_packs() -> int:
    """Lock every pack whose study's floors are not in the bucket yet; returns how many. Raises VaultUnavailable."""
    if not any_lock():
        return 0
    done = passed = 0
    while keys := _next(after=passed):
        passed = keys[-1]
        done += sum(map(_lock, keys))
    return done


def _next(*, after: int) -> list[int]:
    with as_center():
        waiting = Pack.objects.filter(locked_until=None, kind=PackKind.STUDY, replicated_at__isnull=False, pk__gt=after)
        return list(waiting.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])


def _lock(key: int) -> bool:
    """Whether it was this worker that locked the pack. Without a floor there is nothing to lock until one comes."""
    with as_center():
        pack = Pack.objects.select_for_update(skip_locked=True).filter(pk=key, locked_until=None).first()
        if pack is None or (retention := _retention_of(pack)) is None:
            return False
        now = database_now()
        until = lock_end(retention, now=now)
        if until and until > now:
            for alias in ("primary", "replica"):
                place(alias).lock_until(pack.name, until)
        pack.locked_until = until or now
        pack.save(update_fields=["locked_until"])
    return until is not None


def _retention_of(pack: Pack) -> Retention | None:
    of_pack = {"facility_id": pack.facility_id, "pack": pack}
    instance = Instance.objects.filter(**of_pack).values_list("series__study_id", flat=True)[:1]
    conflict = Conflict.objects.filter(**of_pack).values_list("study_id", flat=True)[:1]
    studies = [*instance, *conflict]
    return Retention.objects.filter(facility_id=pack.facility_id, study_id__in=studies[:1]).first()


def lock_end(retention: Retention, *, now: datetime) -> datetime | None:
    """When the last floor that is not an extension has passed everywhere on Earth; None where none is known."""
    floors = [floor["until"] for floor in retention.floors if "until" in floor and floor["rule"] != EXTENSION]
    if not floors:
        return None
    last = date.fromisoformat(max(floors))
    if last >= (now + LONGEST).date():
        return now + LONGEST
    return datetime.combine(last + timedelta(days=1), time(12), UTC)
