"""Notices of what has expired and waits for a facility's decision. Counts and dates, no patient data.

`told_at` is when the first owner's letter was taken by the mail server; until then the letters are sent again, for as
long as it takes, and given anew where nobody is left whom one could reach.
"""

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Subquery
from django.urls import reverse

from apps.audit.record import SYSTEM, record
from apps.core.clock import day_of
from apps.facilities.members import owner_emails
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.models import Letter, Notification
from apps.notifications.telling import tell
from apps.retention.models import Disposition, OnSilence, State
from apps.retention.models.policies import policy_of

KINDS = (Kind.DECISIONS_WANTED, Kind.DELETION_AHEAD)


def give_notice(*, now: datetime) -> int:
    """Tell every facility's owners of what they have not been told, at once; returns how many facilities."""
    return sum(_given(key, now) for key in _to_tell())


def note_told() -> None:
    """Note what has reached an owner; what can reach nobody any more is told anew."""
    with as_center():
        waiting = Disposition.objects.filter(state=State.NOTIFIED, told_at=None).exclude(notice="")
        told = Notification.objects.filter(
            kind__in=KINDS, facility_id=OuterRef("facility_id"), occasion=OuterRef("notice")
        )
        letters = Letter.objects.filter(
            notification__kind__in=KINDS,
            notification__facility_id=OuterRef("facility_id"),
            notification__occasion=OuterRef("notice"),
        )
        first = letters.filter(sent_at__isnull=False).order_by("sent_at").values("sent_at")[:1]
        reached = waiting.filter(Exists(letters.filter(sent_at__isnull=False)))
        counts = dict(reached.order_by().values_list("facility_id").annotate(count=Count("pk")))
        reached.update(told_at=Subquery(first))
        for facility_id, count in counts.items():
            record("dispositions.told", actor=SYSTEM, object_type="facility", object_id=facility_id,
                   facility_id=facility_id, count=count)  # fmt: skip
        is_over = Exists(told.filter(fanned_out_at__isnull=False)) & ~Exists(letters.filter(due_at__isnull=False))
        waiting.filter(is_over).update(notice="")


def _to_tell() -> list[int]:
    with as_center():
        waiting = Disposition.objects.filter(state=State.NOTIFIED, told_at=None, notice="")
        return list(waiting.order_by("facility_id").values_list("facility_id", flat=True).distinct())


def _given(facility_id: int, now: datetime) -> bool:
    """Whether this worker gave notice. The rows are held meanwhile."""
    with as_center():
        untold = Disposition.objects.filter(facility_id=facility_id, state=State.NOTIFIED, told_at=None, notice="")
        held = list(untold.order_by("pk").select_for_update(skip_locked=True))
        if not (held and owner_emails(facility_id)):
            return False
        occasion = f"{now:%Y%m%dT%H%M%S.%f}"
        Disposition.objects.filter(pk__in=[each.pk for each in held]).update(notice=occasion)
        deletes = policy_of(facility_id).on_silence == OnSilence.DELETE
        facility = Facility.objects.get(pk=facility_id)
        tell(
            Kind.DELETION_AHEAD if deletes else Kind.DECISIONS_WANTED,
            facility=facility,
            about=("facility", facility_id),
            occasion=occasion,
            due_on=min(day_of(each.decide_by, facility.time_zone) for each in held if each.decide_by),
            path=reverse("portal:expiring", kwargs={"facility_slug": facility.slug}),
            facts={"count": len(held)},
        )
    return True
