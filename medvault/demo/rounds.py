"""The rounds of the demonstration: terminals whose disks fill, visits that were made, and what is asked for now."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from apps.accounts.models import User
from apps.audit.record import SYSTEM, Actor
from apps.collection.capacity import report_capacity
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import (
    AnnouncedFile,
    Capacity,
    Collection,
    Collector,
    CollectorFacility,
    Left,
    Method,
    Reason,
    ReceivedFile,
    State,
    Terminal,
)
from apps.collection.receipts import issue_receipts
from apps.collection.reception import Reception
from apps.collection.requests import request_collection
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.models import Pack
from apps.vault.packs import replicate
from apps.vault.places import place
from apps.vault.spool import Batch
from apps.vault.verify import verify_members
from medvault.demo.phantoms import DemoFile

GIB = 2**30
REGISTERED = timedelta(days=240)
HISTORY = 60  # days
A_DAYS_REPORTS = (time(7, 30), time(19, 30))
TAKES = timedelta(minutes=18)  # what a visit's sets take to lie in both places


@dataclass(frozen=True, slots=True)
class Disk:
    """`first` and `grows` of `total` GiB: used 60 days ago, and what a day of work adds. Silent since `silent` days."""

    total: int
    first: float
    grows: float
    waiting: int = 0
    unmarked: int = 0
    silent: int = 0


@dataclass(frozen=True, slots=True)
class Wish:
    """A request: due in `due` days, at the end of that day; made `made` days ago."""

    reason: Reason
    note: str
    due: int | None
    made: int


@dataclass(frozen=True, slots=True)
class DemoTerminal:
    """A terminal; `visits` are days ago, the first of them the longest."""

    name: str
    agreed: dict[str, Any]
    disk: Disk
    visits: tuple[int, ...] = ()
    operator: str = ""
    wishes: tuple[Wish, ...] = field(default=())


TERMINALS = {
    "sakura": (
        DemoTerminal(
            "Storage terminal, imaging room",
            {"visit_every_days": 70, "agreed_instances": 4000, "agreed_bytes": 60 * GIB, "mark": "prefix",
             "store_prefixes": ["A"], "keep_prefixes": ["B"]},
            Disk(total=1863, first=905, grows=11.5, waiting=14),
            visits=(145, 75, 4), operator="Kaito Endo",
            wishes=(Wish(Reason.CLOSURE, "The clinic is closed for ten days from the day after.", due=9, made=1),),
        ),
    ),
    "lindenhof": (
        DemoTerminal(
            "Archive server, ground floor",
            {"visit_every_days": 56, "agreed_instances": 12000, "agreed_bytes": 200 * GIB},
            Disk(total=3726, first=1490, grows=21.0, waiting=61),
            visits=(112, 55), operator="Lena Fuchs",
        ),
        DemoTerminal(
            "Ultrasound, room 4",
            {"push_every_hours": 24, "mark": "tag", "mark_tag": "ImageComments", "mark_value": "STORE"},
            Disk(total=466, first=300, grows=1.8, waiting=9, unmarked=23, silent=9),
            wishes=(Wish(Reason.IMPORTANT, "An accident insurer waits for these sets.", due=-1, made=3),),
        ),
    ),
}  # fmt: skip


def on_a_visit(slug: str, today: date, imaged_on: date) -> bool:
    """Whether what was imaged that day came with a visit, not on the other ways that the demonstration shows."""
    return any(first < imaged_on <= last for each in TERMINALS[slug] for first, last in _spans(each, today))


def seed_rounds(facility: Facility, files: Iterable[DemoFile], *, now: datetime) -> None:
    """Terminals with their history. `files` are those of `on_a_visit`. What is there already is left as it is."""
    carried = list(files)
    today = now.date()
    for demo in TERMINALS[facility.slug]:
        terminal = _terminal(facility, demo, now)
        for days_ago, (first, last) in zip(demo.visits, _spans(demo, today), strict=True):
            at = datetime.combine(today - timedelta(days=days_ago), time(10, 20), ZoneInfo(facility.time_zone))
            _visit(terminal, demo, [file for file in carried if first < file.imaged_on <= last], at)
        _fill(terminal, demo, now)
        with as_facility(facility):
            _wish(terminal, demo, now)


def seed_collector(facilities: Iterable[Facility]) -> None:
    """The bag that serves them all."""
    with as_center():
        collector, _ = Collector.objects.get_or_create(name="Collector 1")
        for facility in facilities:
            CollectorFacility.objects.get_or_create(facility=facility, collector=collector)


def _spans(demo: DemoTerminal, today: date) -> list[tuple[date, date]]:
    """From when to when was imaged what each visit took."""
    days = [today - timedelta(days=days_ago) for days_ago in demo.visits]
    return list(zip([each - timedelta(days=80) for each in days[:1]] + days, days, strict=False))


def _terminal(facility: Facility, demo: DemoTerminal, now: datetime) -> Terminal:
    with as_center():
        terminal, is_new = Terminal.objects.get_or_create(facility=facility, name=demo.name, defaults=demo.agreed)
        if is_new:
            registered = {"created_at": now - REGISTERED, "enrolled_at": now - REGISTERED}
            Terminal.objects.filter(pk=terminal.pk).update(**registered)
        return Terminal.objects.select_related("facility").get(pk=terminal.pk)


def _visit(terminal: Terminal, demo: DemoTerminal, files: list[DemoFile], at: datetime) -> None:
    facility = terminal.facility
    with as_facility(facility):
        if not files or Collection.objects.filter(facility=facility, terminal=terminal, opened_at=at).exists():
            return
    reception = Reception(
        method=Method.VISIT, actor=Actor("operator", demo.operator), operator=demo.operator, terminal=terminal,
        medium_serial="Collector 1",
    )  # fmt: skip
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for file in files:
            intake.add([file.content], file.path)
        collection = new_collection(facility, reception, now=at, uid=uuid4())
        collection = store_batch(collection, reception, intake, now=at, is_last=True).collection
    with as_facility(facility):
        AnnouncedFile.objects.bulk_create([*_brought(collection, files), *_left(collection)])
    _store_twice(collection, at + TAKES)


def _brought(collection: Collection, files: Iterable[DemoFile]) -> Iterable[AnnouncedFile]:
    for file in files:
        yield AnnouncedFile(
            facility_id=collection.facility_id, collection=collection, source_name=file.path,
            sha256=sha256(file.content).digest(), length_bytes=len(file.content),
        )  # fmt: skip


def _left(collection: Collection) -> Iterable[AnnouncedFile]:
    """Test images, which clinics keep at home."""
    for number in range(1, 4):
        yield AnnouncedFile(
            facility_id=collection.facility_id, collection=collection, source_name=f"TEST/B{number:04d}",
            length_bytes=2**19, left_because=Left.NOT_MARKED,
        )  # fmt: skip


def _store_twice(collection: Collection, at: datetime) -> None:
    """What the worker does, at a time in the past; a worker that was quicker has done it."""
    with as_center():
        held = Collection.objects.select_for_update(of=("self",)).select_related("facility", "terminal")
        collection = held.get(pk=collection.pk)
        files = ReceivedFile.objects.filter(facility=collection.facility, collection=collection)
        for pack in Pack.objects.filter(pk__in=files.values("pack"), replicated_at=None):
            replicate(pack)
            verify_members(place("replica"), pack.name, pack.size_bytes)
            Pack.objects.filter(pk=pack.pk).update(replicated_at=at)
        if collection.state == State.RECEIVED:
            collection.advance(State.STORED, at=at)
            collection.save(update_fields=["state", "stored_at"])
        issue_receipts(collection, now=at)


def _fill(terminal: Terminal, demo: DemoTerminal, now: datetime) -> None:
    """Reports of two months; less is imaged on weekends."""
    with as_facility(terminal.facility):
        if Capacity.objects.filter(facility=terminal.facility, terminal=terminal).exists():
            return
        used, disk = demo.disk.first, demo.disk
        for days_ago in range(HISTORY, disk.silent - 1, -1):
            day = now.date() - timedelta(days=days_ago)
            for hour in A_DAYS_REPORTS:
                at = datetime.combine(day, hour, ZoneInfo(terminal.facility.time_zone))
                used += disk.grows * (0.15 if day.weekday() > 4 else 1.25) / len(A_DAYS_REPORTS)
                if at < now:
                    _report(terminal, disk, used, at)


def _report(terminal: Terminal, disk: Disk, used: float, at: datetime) -> None:
    report_capacity(
        terminal, measured_at=at, used_bytes=int(used * GIB), total_bytes=disk.total * GIB, waiting_sets=disk.waiting,
        waiting_bytes=disk.waiting * 310 * 2**20, unmarked_sets=disk.unmarked, now=at,
    )  # fmt: skip


def _wish(terminal: Terminal, demo: DemoTerminal, now: datetime) -> None:
    zone = ZoneInfo(terminal.facility.time_zone)
    if terminal.requests.filter(answered_at=None).exclude(reason=Reason.DISK).exists():
        return
    for wish in demo.wishes:
        due_on = now.date() + timedelta(days=wish.due) if wish.due is not None else None
        request_collection(
            terminal,
            reason=wish.reason,
            note=wish.note,
            due_at=datetime.combine(due_on, time(23, 59), zone) if due_on else None,
            actor=SYSTEM,
            now=now - timedelta(days=wish.made),
            by=User.objects.filter(email=f"owner@{terminal.facility.slug}.example").first(),
        )
