"""Watching (a terminal): measures its disk, reports to the center, sends by the agreed rhythm or when asked to."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from medvault_edge.center import Center
from medvault_edge.collecting import Visit, collect, gathered_in, terminal_of
from medvault_edge.errors import EdgeError, NotUsable
from medvault_edge.fetching import fetch_receipts
from medvault_edge.handing_over import hand_over
from medvault_edge.source import files_in
from medvault_edge.state import Facility, State
from medvault_edge.telling import counted

SETTLED_S = 10.0
CARRIED_FOR = timedelta(days=7)
"""As long a terminal that sends by itself leaves a collection to the collectors that took it along."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Watch:
    """A terminal's folders, one of which holds the disk that is measured. Raises NotUsable where there is none."""

    folders: list[Path]
    state: State
    say: Say
    settled_s: float = SETTLED_S
    quota_bytes: int | None = None
    """What the folders may take of a disk that others use too."""
    _pushed_at: datetime | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for folder in self.folders:
            if not folder.is_dir():
                raise NotUsable("A folder to watch is not there")
        if self.state.device().kind != "terminal":
            raise NotUsable("This device is enrolled as a collector; only a terminal watches")

    def once(self, *, now: datetime) -> dict[str, Any]:
        """One round: report, push if it is time, fetch receipts. What fails is said, and tried in the next round."""
        facility = self.state.facility()
        terminal = terminal_of(facility, "")
        assert terminal
        told = self._report(facility, terminal, now)
        if self._is_due(told, now):
            self._push(facility, now)
        with self._going_on():
            fetch_receipts(self.state, facility)
        return told

    def _report(self, facility: Facility, terminal: dict[str, Any], now: datetime) -> dict[str, Any]:
        """The terminal's settings as the center tells them, or as they were where it does not answer."""
        with self._going_on():
            capacity = self.capacity(facility, terminal, now)
            with Center(self.state.device().center_url, facility.token) as center:
                told = center.report_capacity(facility.slug, terminal["uid"], capacity)
            self.state.set_terminals(facility.slug, [told])
            self.say(f"Reported: {100 * capacity['used_bytes'] // capacity['total_bytes']} % used, "
                     f"{counted(capacity['waiting_sets'], 'study waits', 'studies wait')}")  # fmt: skip
            return told
        return terminal

    def capacity(self, facility: Facility, terminal: dict[str, Any], now: datetime) -> dict[str, Any]:
        """How full the disk is, and what waits to be collected."""
        used, total = self._room()
        waiting, size, unmarked = set[str](), 0, set[str]()
        for folder in self.folders:
            gathered = gathered_in(folder, facility, terminal, self.state, changed_before=self._settled(now))
            waiting |= {image.study for image in gathered.images}
            size += sum(image.length for image in gathered.images)
            unmarked |= gathered.unmarked
        return {
            "measured_at": now.isoformat(timespec="seconds"),
            "used_bytes": used,
            "total_bytes": total,
            "waiting_sets": len(waiting),
            "waiting_bytes": size,
            "unmarked_sets": len(unmarked),
        }

    def _room(self) -> tuple[int, int]:
        """Bytes used and in all: of the disk, or of what the folders may take of it."""
        if self.quota_bytes is None:
            usage = shutil.disk_usage(self.folders[0])
            return usage.total - usage.free, usage.total
        used = sum(_length(path) for folder in self.folders for path in files_in(folder))
        return min(used, self.quota_bytes), self.quota_bytes

    def _is_due(self, told: dict[str, Any], now: datetime) -> bool:
        if self.state.collections("sealed"):  # begun before and cut
            return True
        if told.get("is_wanted"):
            return True
        every = timedelta(hours=int(told.get("push_every_hours") or 0))
        return bool(every) and (self._pushed_at is None or _since(self._pushed_at, now) >= every)

    def _push(self, facility: Facility, now: datetime) -> None:
        with self._going_on():
            self._pushed_at = now
            visit = Visit(facility=facility.slug, method="push")
            for folder in self.folders:
                collected = collect(folder, visit, self.state, now=now, progress=lambda _size: None,
                                    changed_before=self._settled(now))  # fmt: skip
                if collected.files:
                    self.say(f"Sealed {counted(collected.files, 'image')}")
            self._take_back(now)
            for handed in hand_over(self.state, progress=lambda _sealed, _offset: None):
                self.say(f"Collection {handed.collection.uid}: {handed.problem or handed.state}")

    def _take_back(self, now: datetime) -> None:
        """What collectors carry and did not bring in time is sent from here."""
        for each in self.state.collections("carried"):
            if _since(datetime.fromisoformat(each.made_at), now) >= CARRIED_FOR:
                self.state.advance(each.uid, "sealed")

    def _settled(self, now: datetime) -> float:
        """By this machine's clock, which the files' times are of."""
        return now.timestamp() - self.settled_s

    def _going_on(self) -> "_GoingOn":
        return _GoingOn(self.say)


class _GoingOn:
    """Whatever fails within is said, and life goes on."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, EdgeError):
            self._say(str(error))
        elif isinstance(error, OSError):  # its own text may name a patient's file
            self._say(error.strerror or "A file cannot be read or written")
        return isinstance(error, EdgeError | OSError)


def _since(earlier: datetime, now: datetime) -> timedelta:
    """How long ago it was; a clock that was set back since has not made it wait for years."""
    return abs(now - earlier)


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # moved away since it was listed
        return 0


def watch(watching: Watch, *, every_s: float, clock: Callable[[], datetime], is_over: Callable[[], bool]) -> None:
    """Rounds until it is over."""
    while not is_over():
        watching.once(now=clock())
        deadline = time.monotonic() + every_s
        while time.monotonic() < deadline and not is_over():
            time.sleep(min(1.0, every_s))
