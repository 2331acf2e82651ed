"""Who is told of a kind, and how each of them wants to hear of it."""

from collections.abc import Iterable
from dataclasses import dataclass

from apps.accounts.models import User
from apps.facilities.models import Membership, Role
from apps.notifications.kinds import TELLING, Kind
from apps.notifications.models import Notification, Preference, ReadingHours


@dataclass(frozen=True, slots=True)
class Reader:
    """A person to tell, and by which channels."""

    user: User
    in_inbox: bool
    by_email: bool
    hours: ReadingHours | None


def readers_of(notification: Notification) -> list[Reader]:
    """Those whom the kind is for, with what they prefer; for the center's role."""
    kind = Kind(notification.kind)
    telling = TELLING[kind]
    people = _members(notification.facility_id or 0, telling.role) if telling.role else _staff(telling.groups)
    chosen = {each.user_id: each for each in Preference.objects.filter(kind=kind, user__in=people)}
    hours = {each.user_id: each for each in ReadingHours.objects.filter(user__in=people)}
    return [
        Reader(
            user,
            in_inbox=chosen[user.pk].in_inbox if user.pk in chosen else telling.in_inbox,
            by_email=telling.is_binding or (chosen[user.pk].by_email if user.pk in chosen else telling.by_email),
            hours=hours.get(user.pk),
        )
        for user in people
    ]


def _members(facility_id: int, role: Role) -> list[User]:
    covering = [each for each in Role if each.covers(role)]
    found = Membership.objects.filter(facility_id=facility_id, role__in=covering, user__is_active=True)
    return [each.user for each in found.select_related("user").order_by("user_id")]


def _staff(groups: Iterable[str]) -> list[User]:
    """The active people of the groups; where a center has nobody in them, whoever administers it."""
    staff = User.objects.filter(is_staff=True, is_active=True).order_by("pk")
    found = list(staff.filter(groups__name__in=groups).distinct())
    return found or list(staff.filter(is_superuser=True))
