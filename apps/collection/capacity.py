"""How full terminals are: what they report, and when a collection must come by itself."""

from datetime import datetime

from apps.audit.record import SYSTEM
from apps.collection.models import Capacity, CollectionRequest, Reason, Terminal
from apps.collection.requests import request_collection
from apps.collection.telling import tell_of_filling
from apps.core.clock import require_plausible


def report_capacity(
    terminal: Terminal,
    *,
    measured_at: datetime,
    used_bytes: int,
    total_bytes: int,
    waiting_sets: int,
    waiting_bytes: int,
    unmarked_sets: int,
    now: datetime,
) -> Capacity:
    """Note a report; below the threshold a collection is asked for, unless one is already.

    Within the caller's transaction. `measured_at` is the terminal's word; what is decided goes by `now`. Raises
    ImplausibleTime.
    """
    require_plausible(measured_at)
    capacity = Capacity.objects.create(
        facility_id=terminal.facility_id,
        terminal=terminal,
        measured_at=measured_at,
        reported_at=now,
        used_bytes=used_bytes,
        total_bytes=total_bytes,
        waiting_sets=waiting_sets,
        waiting_bytes=waiting_bytes,
        unmarked_sets=unmarked_sets,
    )
    note_seen(terminal, now=now)
    if is_below_threshold(terminal, capacity) and waiting_sets and not is_wanted(terminal):
        wish = request_collection(terminal, reason=Reason.DISK, note="", due_at=None, actor=SYSTEM, now=now)
        tell_of_filling(terminal, wish, percent=100 * used_bytes // total_bytes)
    return capacity


def note_seen(terminal: Terminal, *, now: datetime) -> None:
    """That the terminal was heard of, within the caller's transaction."""
    Terminal.objects.filter(facility_id=terminal.facility_id, pk=terminal.pk).update(last_seen_at=now)


def is_below_threshold(terminal: Terminal, capacity: Capacity) -> bool:
    """Whether less is free than was agreed."""
    free = capacity.total_bytes - capacity.used_bytes
    return free * 100 < terminal.threshold_percent * capacity.total_bytes


def is_wanted(terminal: Terminal) -> bool:
    """Whether a collection has been asked for and not been made yet."""
    return CollectionRequest.objects.filter(
        facility_id=terminal.facility_id, terminal=terminal, answered_at=None, withdrawn_at=None
    ).exists()
