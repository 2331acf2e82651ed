"""What happens to a facility's access is told from the audit trail: the room of facilities, which is lower than this
one, writes it there in the transaction of the act.
"""

from datetime import datetime, timedelta

from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast
from django.urls import reverse

from apps.audit.models import ACCESS, Event
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification
from apps.notifications.telling import tell

KINDS = {
    "token.issued": (Kind.TOKEN_ISSUED, "facilities:tokens"),
    "invitation.accepted": (Kind.MEMBER_JOINED, "facilities:members"),
    "membership.role_changed": (Kind.ROLE_CHANGED, "facilities:members"),
    "membership.removed": (Kind.MEMBER_REMOVED, "facilities:members"),
}
LOOKED_BACK = timedelta(days=3)
"""Transactions commit in another order than they begin, and workers may be away. What was told is left out."""


def tell_of_access(*, now: datetime) -> None:
    """Tell of what has happened since."""
    was_told = Notification.objects.filter(
        facility_id=OuterRef("facility_id"), kind__in=[kind for kind, _page in KINDS.values()],
        object_type=OuterRef("object_type"), object_id=OuterRef("object_id"),
        occasion=Cast(OuterRef("pk"), CharField()),
    )  # fmt: skip
    with as_center():
        recent = Event.objects.filter(~Exists(was_told), action__in=ACCESS, at__gt=now - LOOKED_BACK)
        happened = list(recent.order_by("pk"))
        facilities = Facility.objects.in_bulk({event.facility_id for event in happened})
        for event in happened:
            kind, page = KINDS[event.action]
            path = reverse(page, kwargs={"facility_slug": facilities[event.facility_id].slug})
            tell(kind, facility=event.facility_id, about=(event.object_type, event.object_id), path=path,
                 occasion=event.pk)  # fmt: skip
