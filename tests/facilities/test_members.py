"""Roles change and people leave; somebody always stays in charge, whatever happens at the same moment."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.core.errors import DomainError
from apps.facilities.invitations import InvitationEnded, find_invitation, invite
from apps.facilities.members import LastOwner, NoLongerMember, change_role, remove_member
from apps.facilities.models import Facility, Membership, Role
from apps.facilities.tenancy import as_center, as_facility


def membership_of(user: User, facility: Facility) -> Membership:
    with as_center():
        return Membership.objects.get(user=user, facility=facility)


def roles(facility: Facility) -> dict[str, str]:
    with as_center():
        found = Membership.objects.filter(facility=facility)
        return {membership.user.email: membership.role for membership in found.select_related("user")}


def at_the_same_time(*acts: Callable[[], Any]) -> list[str]:
    """Run each act on a connection of its own; the code of each one's refusal, or "done"."""
    barrier = threading.Barrier(len(acts))
    outcomes = ["crashed"] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        connection.ensure_connection()
        barrier.wait(timeout=10)
        try:
            act()
            outcomes[number] = "done"
        except DomainError as error:
            outcomes[number] = error.code
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(outcomes)


def test_a_role_changes_and_the_change_is_on_record(sakura: Facility, person: Callable[..., User]) -> None:
    user = person("abe@example.org", sakura=Role.VIEWER)
    change_role(membership=membership_of(user, sakura), role=Role.MEMBER, actor=SYSTEM)
    assert roles(sakura) == {"abe@example.org": Role.MEMBER}
    with as_facility(sakura):
        event = Event.objects.get(action="membership.role_changed")
    assert event.details == {"user": user.pk, "before": "viewer", "after": "member"}


def test_the_last_owner_neither_steps_down_nor_leaves(sakura: Facility, person: Callable[..., User]) -> None:
    owner = membership_of(person("mori@example.org", sakura=Role.OWNER), sakura)
    person("abe@example.org", sakura=Role.MEMBER)
    with pytest.raises(LastOwner):
        change_role(membership=owner, role=Role.MEMBER, actor=SYSTEM)
    with pytest.raises(LastOwner):
        remove_member(membership=owner, actor=SYSTEM)
    assert roles(sakura)["mori@example.org"] == Role.OWNER


def test_an_owner_who_is_deactivated_is_not_in_charge(sakura: Facility, person: Callable[..., User]) -> None:
    owner = membership_of(person("mori@example.org", sakura=Role.OWNER), sakura)
    other = person("abe@example.org", sakura=Role.OWNER)
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(LastOwner):
        remove_member(membership=owner, actor=SYSTEM)


def test_an_owner_of_another_facility_does_not_count(
    sakura: Facility, lindenhof: Facility, person: Callable[..., User]
) -> None:
    owner = membership_of(person("mori@example.org", sakura=Role.OWNER, lindenhof=Role.OWNER), sakura)
    with pytest.raises(LastOwner):
        remove_member(membership=owner, actor=SYSTEM)


def test_who_has_left_cannot_be_changed(sakura: Facility, person: Callable[..., User]) -> None:
    gone = membership_of(person("abe@example.org", sakura=Role.VIEWER), sakura)
    remove_member(membership=gone, actor=SYSTEM)
    assert roles(sakura) == {}
    for act in (lambda: change_role(membership=gone, role=Role.OWNER, actor=SYSTEM),
                lambda: remove_member(membership=gone, actor=SYSTEM)):  # fmt: skip
        with pytest.raises(NoLongerMember):
            act()
    with as_facility(sakura):
        assert Event.objects.filter(action="membership.removed").count() == 1


@pytest.mark.parametrize("act", ["remove", "demote"])
def test_of_two_owners_who_go_at_the_same_moment_one_stays(
    committed_db: None, sakura: Facility, person: Callable[..., User], act: str
) -> None:
    def going(membership: Membership) -> Callable[[], None]:
        if act == "remove":
            return lambda: remove_member(membership=membership, actor=SYSTEM)
        return lambda: change_role(membership=membership, role=Role.VIEWER, actor=SYSTEM)

    for number in range(5):
        people = [person(f"{number}{name}@example.org", sakura=Role.OWNER) for name in ("mori", "abe")]
        with as_center():
            Membership.objects.filter(facility=sakura).exclude(user__in=people).delete()
        acts = [going(membership_of(each, sakura)) for each in people]
        assert at_the_same_time(*acts) == ["done", "last_owner"]
        assert list(roles(sakura).values()).count(Role.OWNER) == 1


def test_who_is_removed_does_not_come_back_by_an_invitation_of_their_own(
    sakura: Facility, person: Callable[..., User]
) -> None:
    leaving = person("abe@example.org", sakura=Role.OWNER)
    staying = person("mori@example.org", sakura=Role.OWNER)
    _, own = invite(facility=sakura, email="abe@private.example", role=Role.OWNER, invited_by=leaving, actor=SYSTEM)
    _, other = invite(facility=sakura, email="ito@example.org", role=Role.VIEWER, invited_by=staying, actor=SYSTEM)
    remove_member(membership=membership_of(leaving, sakura), actor=SYSTEM)
    with pytest.raises(InvitationEnded):
        find_invitation(own)
    assert find_invitation(other).email == "ito@example.org"
