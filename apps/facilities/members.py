"""Who belongs to a facility: roles change and people leave, and somebody always stays in charge."""

from django.utils.translation import gettext

from apps.audit.record import Actor, record
from apps.core.errors import DomainError
from apps.facilities.invitations import withdraw_all_of
from apps.facilities.member_lock import lock_members
from apps.facilities.models import Membership, Role
from apps.facilities.tenancy import as_facility


class LastOwner(DomainError):
    """The facility would be left without an owner who can sign in."""

    code = "last_owner"

    def __init__(self) -> None:
        super().__init__(gettext("This is the last owner. Make somebody else an owner first."))


class NoLongerMember(DomainError):
    """The person has left the facility meanwhile."""

    code = "no_longer_member"

    def __init__(self) -> None:
        super().__init__(gettext("This person is no longer a member"))


def change_role(*, membership: Membership, role: Role, actor: Actor) -> None:
    """Give a member another role; the same again changes nothing. Raises LastOwner, NoLongerMember."""
    with as_facility(membership.facility_id):
        found = _locked(membership)
        if found.role == role:
            return
        if found.role == Role.OWNER:
            _require_another_owner(found)
            withdraw_all_of(found.user_id, found.facility_id, actor=actor)
        before, found.role = found.role, role
        found.save(update_fields=["role"])
        _record("role_changed", found, actor, before=before, after=role)


def remove_member(*, membership: Membership, actor: Actor) -> None:
    """End a membership at once; the person stays known. Raises LastOwner, NoLongerMember."""
    with as_facility(membership.facility_id):
        found = _locked(membership)
        if found.role == Role.OWNER:
            _require_another_owner(found)
        withdraw_all_of(found.user_id, found.facility_id, actor=actor)
        _record("removed", found, actor, role=found.role)
        found.delete()


def owner_emails(facility_id: int) -> list[str]:
    """Where those are reached who decide for a facility."""
    owners = Membership.objects.filter(facility_id=facility_id, role=Role.OWNER, user__is_active=True)
    return sorted(owners.values_list("user__email", flat=True))


def _locked(membership: Membership) -> Membership:
    lock_members(membership.facility_id)
    found = Membership.objects.filter(facility=membership.facility_id, pk=membership.pk).first()
    if found is None:
        raise NoLongerMember
    return found


def _require_another_owner(membership: Membership) -> None:
    owners = Membership.objects.filter(facility=membership.facility_id, role=Role.OWNER, user__is_active=True)
    if not owners.exclude(pk=membership.pk).exists():
        raise LastOwner


def _record(verb: str, membership: Membership, actor: Actor, **details: object) -> None:
    record(
        f"membership.{verb}",
        actor=actor,
        object_type="membership",
        object_id=membership.pk,
        facility_id=membership.facility_id,
        user=membership.user_id,
        **details,
    )
