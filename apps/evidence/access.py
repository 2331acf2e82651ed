"""Who saw or fetched which of a facility's images, when and from where: its audit events about looks.

Every list is of a period and in pages, by a cursor of time and number, so that none reads the log to its end.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self

from django.db.models import CharField, Q, QuerySet
from django.db.models.functions import Cast
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import Actor, record
from apps.billing.months import begins_at
from apps.catalog.models import ImageAccess, Instance, Study
from apps.facilities.models import DeviceToken, Facility, Membership
from apps.orders.models import OrderItem, ShareLink

LOOKS = {
    "study.viewed": gettext_lazy("Opened a study"),
    "study.opened_by_staff": gettext_lazy("Opened images, with a reason"),
    "study.viewed_by_staff": gettext_lazy("Saw images, with a reason"),
    "study.retrieved": gettext_lazy("Fetched a study"),
    "series.retrieved": gettext_lazy("Fetched a series"),
    "instance.retrieved": gettext_lazy("Fetched an image"),
    "image.downloaded": gettext_lazy("Downloaded an image"),
    "studies.listed": gettext_lazy("Saw a list of studies"),
    "patient.viewed": gettext_lazy("Opened a patient"),
    "patients.listed": gettext_lazy("Saw a list of patients"),
    "catalog.searched": gettext_lazy("Searched by a program"),
    "instances.c_get": gettext_lazy("Fetched images by DICOM"),
    "instances.c_move": gettext_lazy("Had images sent by DICOM"),
    "file.downloaded": gettext_lazy("Downloaded a received file"),
    "series.viewed": gettext_lazy("Opened a series"),
    "instance.viewed": gettext_lazy("Opened an image's record"),
    "retention.viewed": gettext_lazy("Opened a storage period"),
    "care_event.viewed": gettext_lazy("Opened an event of care"),
    "order.downloaded": gettext_lazy("Fetched an order's output"),
    "order.password_read": gettext_lazy("Read a medium's password"),
    "share_link.made": gettext_lazy("Made a share link"),
    "share_link.opened": gettext_lazy("Opened a share link"),
    "share_link.refused": gettext_lazy("Was refused at a share link"),
    "share_link.downloaded": gettext_lazy("Downloaded by a share link"),
    "access_record.exported": gettext_lazy("Exported this record"),
}
PAGE = 50
USUAL_DAYS = 30
STAFF = "staff"
DEVICES = "devices"


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the record: what comes after is older."""

    at: datetime
    event_id: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}_{self.event_id}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What `str` told; None for anything else."""
        at, _separator, key = text.rpartition("_")
        try:
            moment = datetime.fromisoformat(at)
        except ValueError:
            return None
        is_one = moment.tzinfo is not None and key.isascii() and key.isdigit() and len(key) < 19
        return cls(moment, int(key)) if is_one else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """`since` and `until`: aware times. `who`: a user's key, STAFF or DEVICES; `study_id`: one study's looks alone."""

    since: datetime
    until: datetime
    who: str = ""
    study_id: int | None = None

    @classmethod
    def of_days(cls, facility: Facility, first_on: date, last_on: date, who: str, study_id: int | None) -> Self:
        """Days of the facility's calendar, the first and the last one included."""
        zone = facility.time_zone
        return cls(begins_at(first_on, zone), begins_at(last_on + timedelta(days=1), zone), who, study_id)


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the record, in words. `study_id` is None where it is about no single study that is still there."""

    at: datetime
    who: str
    is_staff: bool
    action: str
    what: str
    about: str
    study_id: int | None
    source_address: str


def looks(facility: Facility, wanted: Wanted, *, after: Cursor | None = None, limit: int = PAGE) -> list[Event]:
    """Newest first."""
    found = Event.objects.filter(
        facility_id=facility.pk, action__in=LOOKS, at__gte=wanted.since, at__lt=wanted.until
    ).filter(_by(facility, wanted.who))
    if wanted.study_id is not None:
        found = found.filter(_about(facility, wanted.study_id))
    if after:
        found = found.filter(Q(at__lt=after.at) | Q(at=after.at, pk__lt=after.event_id), at__lte=after.at)
    return list(found.order_by("-at", "-pk")[:limit])


def cursor_of(event: Event) -> Cursor:
    """Where the page that ends with an event goes on."""
    return Cursor(event.at, event.pk)


def in_words(facility: Facility, events: Sequence[Event]) -> list[Look]:
    """Lines for people; the number of queries does not grow with them."""
    names, staff = _people(facility, events)
    devices = _devices(facility, events)
    studies, reasons = _studies(facility, events), _reasons(facility, events)
    return [
        Look(
            event.at, _who(event, names, devices), _is_staff(event, staff), event.action, str(LOOKS[event.action]),
            " · ".join(filter(None, (_about_in_words(event), reasons.get(event.details.get("access"))))),
            studies.get((event.object_type, event.object_id)), event.source_address or "",
        )
        for event in events
    ]  # fmt: skip


def record_reading(facility: Facility, verb: str, count: int, *, actor: Actor) -> None:
    """Who reads the record is on it. `verb`: viewed, or exported."""
    record(f"access_record.{verb}", actor=actor, object_type="facility", object_id=facility.pk,
           facility_id=facility.pk, count=count)  # fmt: skip


def _by(facility: Facility, who: str) -> Q:
    if who == STAFF:
        members = Membership.objects.filter(facility=facility).annotate(key=Cast("user_id", CharField()))
        return Q(actor_kind="user") & ~Q(actor_id__in=members.values("key"))
    if who == DEVICES:
        return ~Q(actor_kind="user")
    return Q(actor_kind="user", actor_id=who) if who else Q()


def _about(facility: Facility, study_id: int) -> Q:
    """Events about a study: itself, its images, and the orders that gave it out with their links."""
    images = Instance.objects.filter(facility=facility, series__study=study_id).annotate(key=Cast("pk", CharField()))
    uid = Study.objects.filter(facility=facility, pk=study_id).values("study_instance_uid")
    orders = OrderItem.objects.filter(facility=facility, study_instance_uid__in=uid)
    links = ShareLink.objects.filter(facility=facility, order__in=orders.values("order"))
    return (
        Q(object_type="study", object_id=f"{study_id}")
        | Q(object_type="instance", object_id__in=images.values("key"))
        | Q(object_type="order", object_id__in=orders.annotate(key=Cast("order_id", CharField())).values("key"))
        | Q(object_type="share_link", object_id__in=links.annotate(key=Cast("pk", CharField())).values("key"))
    )


def _keys(events: Iterable[Event], kind: str) -> set[int]:
    return {int(event.actor_id) for event in events if event.actor_kind == kind and event.actor_id.isdigit()}


def _people(facility: Facility, events: Sequence[Event]) -> tuple[dict[str, str], set[str]]:
    """Names of the people who looked, and which of them are the center's staff."""
    users = User.objects.filter(pk__in=_keys(events, "user"))
    names = {str(user.pk): str(user) for user in users}
    members = Membership.objects.filter(facility=facility, user__in=users).values_list("user_id", flat=True)
    own = set(map(str, members))
    return names, {str(user.pk) for user in users if user.is_staff and str(user.pk) not in own}


def _devices(facility: Facility, events: Sequence[Event]) -> dict[str, str]:
    found = DeviceToken.objects.filter(facility=facility, pk__in=_keys(events, "token"))
    return {str(key): label for key, label in found.values_list("pk", "label")}


def _studies(facility: Facility, events: Sequence[Event]) -> dict[tuple[str, str], int]:
    """The study that each event is about, as far as it is about one that is still there."""
    of = {
        kind: {int(each.object_id) for each in events if each.object_type == kind and each.object_id.isdigit()}
        for kind in ("study", "instance")
    }
    known = Study.objects.filter(facility=facility, pk__in=of["study"]).values_list("pk", flat=True)
    images = Instance.objects.filter(facility=facility, pk__in=of["instance"]).values_list("pk", "series__study_id")
    return {("study", str(key)): key for key in known} | {("instance", str(key)): study for key, study in images}


def _who(event: Event, names: dict[str, str], devices: dict[str, str]) -> str:
    match event.actor_kind:
        case "user":
            return names.get(event.actor_id, _("a person who is gone"))
        case "token":
            return _("device %(label)s") % {"label": devices.get(event.actor_id, event.actor_id)}
        case "receiver":
            return _("receiver of a share link")
        case "operator":
            return event.actor_id
    return _("the center's program")


def _is_staff(event: Event, staff: set[str]) -> bool:
    return event.actor_kind == "user" and event.actor_id in staff


def _about_in_words(event: Event) -> str:
    count = event.details.get("count")
    if isinstance(count, int) and event.object_type == "facility":
        return ngettext("%(count)d entry", "%(count)d entries", count) % {"count": count}
    names = {
        "study": _("study"), "instance": _("image"), "series": _("series"), "patient": _("patient"),
        "order": _("order"), "share_link": _("share link"), "file": _("received file"),
    }  # fmt: skip
    name = names.get(event.object_type)
    return f"{name} #{event.object_id}" if name else ""


def _reasons(facility: Facility, events: Sequence[Event]) -> dict[object, str]:
    """Why staff looked at images, by the number of the access that they asked for."""
    keys = {event.details["access"] for event in events if "access" in event.details}
    found = ImageAccess.objects.filter(facility=facility, pk__in=keys) if keys else []
    return {access.pk: f"{access.get_purpose_display()}: {access.reason}" for access in found}


def seen(facility: Facility, wanted: Wanted) -> QuerySet[Event]:
    """All looks of a period, to be counted."""
    return Event.objects.filter(
        facility_id=facility.pk, action__in=LOOKS, at__gte=wanted.since, at__lt=wanted.until
    ).order_by()
