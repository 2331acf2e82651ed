"""Terminals that somebody should look after: late, silent, or with image sets that nobody marked. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.collection.schedule import Outlook

GRACE = timedelta(hours=2)  # a transfer of many sets takes its time
SILENT_AFTER = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neglect:
    """What is wrong with a terminal. Zero where nothing is; `silent_days` of one that has never reported is since it
    was registered.
    """

    outlook: Outlook
    visit_late_days: int
    transfer_late_hours: int
    silent_days: int
    unmarked_sets: int

    @property
    def is_pressing(self) -> bool:
        """Whether something agreed was not kept."""
        return self.visit_late_days > 0 or self.transfer_late_hours > 0


def neglected(outlooks: Iterable[Outlook], *, now: datetime) -> list[Neglect]:
    """Terminals with something wrong, the latest first."""
    found = [each for each in (_neglect(outlook, now) for outlook in outlooks) if _is_any(each)]
    return sorted(found, key=_order)


def _neglect(outlook: Outlook, now: datetime) -> Neglect:
    latest = outlook.latest
    silent = now - (latest.reported_at if latest else outlook.terminal.created_at)
    late_days = (outlook.today - outlook.next_visit_on).days if outlook.next_visit_on else 0
    return Neglect(
        outlook=outlook,
        visit_late_days=max(0, late_days),
        transfer_late_hours=_transfer_late_hours(outlook, now),
        silent_days=silent.days if silent > SILENT_AFTER else 0,
        unmarked_sets=latest.unmarked_sets if latest else 0,
    )


def _transfer_late_hours(outlook: Outlook, now: datetime) -> int:
    """Whole hours since a transfer should have come, at least one; 0 if none is late."""
    every = outlook.schedule.push_every_hours
    if not every:
        return 0
    late = now - (outlook.last_transfer_at or outlook.terminal.created_at) - timedelta(hours=every)
    return max(1, int(late / timedelta(hours=1))) if late > GRACE else 0


def _is_any(neglect: Neglect) -> bool:
    return bool(neglect.is_pressing or neglect.silent_days or neglect.unmarked_sets)


def _order(neglect: Neglect) -> tuple[object, ...]:
    late = max(neglect.visit_late_days * 24, neglect.transfer_late_hours)
    terminal = neglect.outlook.terminal
    return (-late, -neglect.silent_days, -neglect.unmarked_sets, terminal.facility.name, terminal.name, terminal.pk)
