"""Signed heads of a facility's audit log: what was on record then cannot be changed later without being noticed.

A checkpoint covers the events before a time that is over for so long that no transaction of it can still be open, in
the order of time and number; the next one goes on where it ended.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.urls import reverse

from apps.audit.merkle import Tree, leaf_of
from apps.audit.models import Event
from apps.audit.signing import sign
from apps.core.locks import lock_names
from apps.evidence.models import Checkpoint
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.telling import tell

TYP = "medvault-checkpoint+jwt"
SETTLING = timedelta(hours=1)
READ_AT_ONCE = 5000


def midnight(now: datetime) -> datetime:
    """The last midnight (UTC) whose events have settled."""
    return (now - SETTLING).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def checkpoint_all(*, now: datetime) -> int:
    """A checkpoint of every facility on whose record something came since its last one; returns how many were made."""
    with as_center():
        facilities = list(Facility.objects.order_by("pk"))
    return sum(_grew(facility, until=midnight(now), now=now) for facility in facilities)


def checkpoint(facility: Facility, *, until: datetime, now: datetime) -> Checkpoint:
    """The head of all before `until`, or the latest one where that covers it. Within a transaction as the center."""
    lock_names([f"evidence/{facility.pk}"])
    last = latest(facility)
    if last and last.until >= until:
        return last
    tree = Tree(last.size, [bytes(each) for each in last.edge]) if last else Tree()
    for event in events_of(facility, since=last.until if last else None, until=until).iterator(READ_AT_ONCE):
        tree.append(leaf_of(event))
    return Checkpoint.objects.create(
        facility=facility, until=until, size=tree.size, root=tree.root(), edge=tree.edge, made_at=now,
        jws=sign(claims_of(facility, until=until, size=tree.size, root=tree.root(), now=now), typ=TYP),
    )  # fmt: skip


def latest(facility: Facility) -> Checkpoint | None:
    """The last checkpoint."""
    return Checkpoint.objects.filter(facility=facility).order_by("-until").first()


def recomputed(facility: Facility, *, until: datetime, tell: Callable[[int], None]) -> Tree:
    """The tree of all that is on record now before a time, read in transactions of its own; `tell` hears how many
    leaves there are so far.
    """
    tree, last = Tree(), None
    while page := _page(facility, until, last):
        for event in page:
            tree.append(leaf_of(event))
        last = page[-1]
        tell(tree.size)
    return tree


def events_of(facility: Facility, *, since: datetime | None, until: datetime) -> QuerySet[Event]:
    """A facility's events from `since` on, in their order."""
    found = Event.objects.filter(facility_id=facility.pk, at__lt=until)
    if since:
        found = found.filter(at__gte=since)
    return found.order_by("at", "pk")


def claims_of(facility: Facility, *, until: datetime, size: int, root: bytes, now: datetime) -> dict[str, object]:
    """What is signed."""
    return {
        "iss": settings.PUBLIC_URL,
        "iat": int(now.timestamp()),
        "facility": facility.slug,
        "until": until.astimezone(UTC).isoformat(timespec="seconds"),
        "size": size,
        "root": root.hex(),
        "tree": "RFC 9162, SHA-256",
    }


def _grew(facility: Facility, *, until: datetime, now: datetime) -> bool:
    with as_center():
        last = latest(facility)
        if not events_of(facility, since=last.until if last else None, until=until).exists():
            return False
        made = checkpoint(facility, until=until, now=now)
        path = reverse("portal:accountability", kwargs={"facility_slug": facility.slug})
        tell(Kind.RECORD_SIGNED, facility=facility, about=("checkpoint", made.pk), path=path,
             facts={"size": made.size, "jws": made.jws})  # fmt: skip
        return True


def _page(facility: Facility, until: datetime, last: Event | None) -> list[Event]:
    with as_center():
        found = events_of(facility, since=last.at if last else None, until=until)
        if last:
            found = found.filter(Q(at__gt=last.at) | Q(at=last.at, pk__gt=last.pk))
        return list(found[:READ_AT_ONCE])
