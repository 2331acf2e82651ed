"""Telling, for tests: what is told, and what became of it."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.fan_out import fan_out
from apps.notifications.kinds import Kind
from apps.notifications.models import Entry, Letter, Notification
from apps.notifications.telling import tell


def told(facility: Facility, kind: Kind = Kind.COLLECTION_FAILED, occasion: object = "", **given: Any) -> None:
    """An act of the facility's told of, in a transaction of its own."""
    with as_facility(facility):
        tell(kind, facility=facility, about=("collection", 7), occasion=occasion,
             **{"path": f"/f/{facility.slug}/collections/", **given})  # fmt: skip


def handed_on(now: datetime | None = None) -> int:
    return fan_out(now=now or timezone.now())


def rows(*kinds: Kind) -> list[Notification]:
    """What was told of these kinds, in order."""
    with as_center():
        return list(Notification.objects.filter(kind__in=kinds).order_by("pk"))


def readers(model: type[Entry] | type[Letter] = Entry) -> list[str]:
    """The addresses of those who were told."""
    with as_center():
        return list(model.objects.order_by("user__email").values_list("user__email", flat=True))
