"""How far long work is, for pages that follow it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

SOONEST = timedelta(seconds=10)
"""Work that has gone on for less tells nothing of its end."""


@dataclass(frozen=True, slots=True)
class HowFar:
    """`done` of `total` bytes, images, sheets; `total` 0 where it is not known. `since`: when the work was begun."""

    done: int
    total: int
    since: datetime | None = None

    @property
    def percent(self) -> int | None:
        """0 to 99 while it goes on: what is all there is not checked yet. None where there is no knowing."""
        return min(99, max(0, self.done) * 100 // self.total) if self.total else None

    @property
    def tens(self) -> int | None:
        """The percentage as coarse as it is said aloud."""
        return None if self.percent is None else self.percent // 10 * 10

    def left(self, *, now: datetime) -> timedelta | None:
        """How long it will go on at the pace so far."""
        spent = now - self.since if self.since else SOONEST * 0
        if spent < SOONEST or not 0 < self.done < self.total:
            return None
        return spent * ((self.total - self.done) / self.done)


def in_words(left: timedelta | None) -> str:
    """About how long, as coarse as such a guess is; empty where there is none."""
    if left is None:
        return ""
    minutes = round(left / timedelta(minutes=1))
    if minutes < 1:
        return _("less than a minute left")
    if minutes < 90:
        return ngettext("about %(count)d minute left", "about %(count)d minutes left", minutes) % {"count": minutes}
    hours = round(left / timedelta(hours=1))
    return ngettext("about %(count)d hour left", "about %(count)d hours left", hours) % {"count": hours}
