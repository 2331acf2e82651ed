"""A reader's inbox in one place: a facility's portal, or the center's workplace."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, QuerySet

from apps.accounts.models import User
from apps.notifications.models import Entry


class Bell(NamedTuple):
    """How much is unread, and a mark that is another one as soon as the inbox is."""

    unread: int
    mark: str


def entries_of(user: User, facility_id: int | None) -> QuerySet[Entry]:
    """What the reader was told there, newest first. `facility_id` is None in the workplace."""
    return Entry.objects.select_related("notification").filter(user=user, facility_id=facility_id).order_by("-pk")


def unread_of(user: User, facility_id: int | None) -> QuerySet[Entry]:
    """Of those, what was not read yet."""
    return entries_of(user, facility_id).filter(read_at=None)


def bell_of(user: User, facility_id: int | None) -> Bell:
    """What the bell shows there."""
    found = unread_of(user, facility_id).order_by().aggregate(unread=Count("pk"), newest=Max("pk", default=0))
    return Bell(found["unread"], f"{found['unread']}-{found['newest']}")


def read(entries: QuerySet[Entry], *, now: datetime) -> None:
    """They have been read."""
    entries.order_by().filter(read_at=None).update(read_at=now)
