"""What a person chose about being told: for each kind its channels, and the hours of their e-mail."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time

from apps.accounts.models import User
from apps.facilities.models import Membership, Role
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import TELLING, Kind, Telling
from apps.notifications.models import Preference, ReadingHours


@dataclass(frozen=True, slots=True)
class Chosen:
    """How a kind reaches a person now."""

    kind: Kind
    telling: Telling
    in_inbox: bool
    by_email: bool


def chosen_by(user: User) -> list[Chosen]:
    """Of every kind that may concern the person, by what they do in facilities and at the center."""
    chosen = {each.kind: each for each in Preference.objects.filter(user=user)}
    return [_chosen(kind, chosen.get(kind)) for kind in _concerning(user)]


def choose(user: User, channels: Mapping[Kind, tuple[bool, bool]]) -> None:
    """Keep what differs from the defaults; `channels` says of each kind whether in the inbox, and whether by e-mail."""
    for kind, (in_inbox, by_email) in channels.items():
        telling = TELLING[kind]
        wanted = {"in_inbox": in_inbox, "by_email": by_email or telling.is_binding}
        if wanted == {"in_inbox": telling.in_inbox, "by_email": telling.by_email}:
            Preference.objects.filter(user=user, kind=kind).delete()
        else:
            Preference.objects.update_or_create(user=user, kind=kind, defaults=wanted)


def hours_of(user: User) -> ReadingHours:
    """The person's, or those of somebody who chose none: not saved."""
    return ReadingHours.objects.filter(user=user).first() or ReadingHours(user=user)


def choose_hours(
    user: User, *, digest_at: time | None, quiet_from: time | None, quiet_until: time | None
) -> None:  # fmt: skip
    """When their e-mail may come."""
    defaults = {"digest_at": digest_at, "quiet_from": quiet_from, "quiet_until": quiet_until}
    ReadingHours.objects.update_or_create(user=user, defaults=defaults)


def _chosen(kind: Kind, preference: Preference | None) -> Chosen:
    telling = TELLING[kind]
    if preference is None:
        return Chosen(kind, telling, telling.in_inbox, telling.by_email)
    return Chosen(kind, telling, preference.in_inbox, preference.by_email or telling.is_binding)


def _concerning(user: User) -> Iterable[Kind]:
    with as_center():
        roles = [Role(role) for role in Membership.objects.filter(user=user).values_list("role", flat=True)]
    groups = set(user.groups.values_list("name", flat=True)) if user.is_staff else set()
    for kind, telling in TELLING.items():
        is_member = telling.role and any(role.covers(telling.role) for role in roles)
        if is_member or groups.intersection(telling.groups) or (telling.groups and user.is_superuser):
            yield kind
