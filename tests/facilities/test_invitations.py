"""An invitation's life: sent, sent again, withdrawn, expired, accepted once."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

import psycopg
import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.facilities.invitations import (
    AlreadyMember,
    AlreadyRegistered,
    ForAnotherPerson,
    InvitationEnded,
    UnknownInvitation,
    find_invitation,
    invite,
    join,
    register,
    renew_invitation,
    revoke_invitation,
)
from apps.facilities.models import Facility, Invitation, Role
from apps.facilities.tenancy import as_center, as_facility
from tests.conftest import PASSWORD
from tests.facilities.test_members import at_the_same_time, roles

EMAIL = "abe@example.org"


@pytest.fixture
def mori(sakura: Facility, person: Callable[..., User]) -> User:
    return person("mori@example.org", sakura=Role.OWNER)


@pytest.fixture
def sent(sakura: Facility, mori: User) -> tuple[Invitation, str]:
    return invite(facility=sakura, email=EMAIL, role=Role.MEMBER, invited_by=mori, actor=SYSTEM)


def expire(invitation: Invitation) -> None:
    with as_center():
        Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def actions(facility: Facility) -> list[str]:
    with as_facility(facility):
        found = Event.objects.filter(object_type="invitation").order_by("pk")
        return [event.action for event in found]


def test_only_the_digest_of_the_secret_is_kept(sent: tuple[Invitation, str], superuser_sql: psycopg.Connection) -> None:
    invitation, secret = sent
    assert bytes(invitation.secret_sha256) == sha256(secret.encode()).digest()
    with as_center():
        row = Invitation.objects.filter(pk=invitation.pk).values().get()
    assert secret not in str(row)
    assert timedelta(days=6, hours=23) < row["expires_at"] - timezone.now() <= timedelta(days=7)


def test_a_new_person_registers_with_a_verified_address(sakura: Facility, sent: tuple[Invitation, str]) -> None:
    membership = register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address="192.0.2.7")
    user = User.objects.get(email=EMAIL)
    assert (membership.user, membership.role, user.name) == (user, Role.MEMBER, "Ren Abe")
    assert user.check_password(PASSWORD)
    assert EmailAddress.objects.get(user=user).verified
    with as_facility(sakura):
        event = Event.objects.get(action="invitation.accepted")
    assert (event.actor_id, event.source_address) == (str(user.pk), "192.0.2.7")


def test_a_person_with_a_sign_in_joins_and_does_not_register(
    sakura: Facility, sent: tuple[Invitation, str], person: Callable[..., User]
) -> None:
    user = person(EMAIL)
    with pytest.raises(AlreadyRegistered):
        register(secret=sent[1], name="Somebody", password=PASSWORD, source_address=None)
    join(secret=sent[1], user=user, source_address=None)
    assert roles(sakura)[EMAIL] == Role.MEMBER


def test_an_invitation_is_for_its_address_alone(
    sakura: Facility, sent: tuple[Invitation, str], person: Callable[..., User]
) -> None:
    with pytest.raises(ForAnotherPerson):
        join(secret=sent[1], user=person("eve@example.org"), source_address=None)
    assert "eve@example.org" not in roles(sakura)
    assert find_invitation(sent[1]).accepted_at is None


def test_a_link_works_once(sent: tuple[Invitation, str]) -> None:
    register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)
    with pytest.raises(InvitationEnded, match="accepted already"):
        join(secret=sent[1], user=User.objects.get(email=EMAIL), source_address=None)


def test_a_withdrawn_invitation_is_void(sakura: Facility, sent: tuple[Invitation, str]) -> None:
    for _ in range(2):
        revoke_invitation(invitation=sent[0], actor=SYSTEM)
    with pytest.raises(InvitationEnded, match="withdrawn"):
        register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)
    with pytest.raises(InvitationEnded):
        renew_invitation(invitation=sent[0], actor=SYSTEM)
    assert actions(sakura) == ["invitation.sent", "invitation.revoked"]


def test_an_accepted_invitation_can_be_neither_withdrawn_nor_sent_again(sent: tuple[Invitation, str]) -> None:
    register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)
    for act in (revoke_invitation, renew_invitation):
        with pytest.raises(InvitationEnded):
            act(invitation=sent[0], actor=SYSTEM)


def test_an_expired_invitation_is_void_until_it_is_sent_again(sakura: Facility, sent: tuple[Invitation, str]) -> None:
    expire(sent[0])
    with pytest.raises(InvitationEnded, match="expired"):
        register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)
    secret = renew_invitation(invitation=sent[0], actor=SYSTEM)
    with pytest.raises(UnknownInvitation):
        find_invitation(sent[1])
    register(secret=secret, name="Ren Abe", password=PASSWORD, source_address=None)
    assert roles(sakura)[EMAIL] == Role.MEMBER


def test_inviting_again_voids_the_earlier_invitation(
    sakura: Facility, mori: User, sent: tuple[Invitation, str]
) -> None:
    _, secret = invite(facility=sakura, email=EMAIL.upper(), role=Role.VIEWER, invited_by=mori, actor=SYSTEM)
    with pytest.raises(InvitationEnded):
        find_invitation(sent[1])
    assert find_invitation(secret).role == Role.VIEWER


def test_a_member_cannot_be_invited(sakura: Facility, mori: User) -> None:
    with pytest.raises(AlreadyMember):
        invite(facility=sakura, email=mori.email, role=Role.VIEWER, invited_by=mori, actor=SYSTEM)


def test_invitations_of_one_facility_leave_the_other_alone(
    sakura: Facility, lindenhof: Facility, mori: User, sent: tuple[Invitation, str]
) -> None:
    _, other = invite(facility=lindenhof, email=EMAIL, role=Role.VIEWER, invited_by=mori, actor=SYSTEM)
    register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)
    assert EMAIL not in roles(lindenhof)
    join(secret=other, user=User.objects.get(email=EMAIL), source_address=None)
    assert roles(lindenhof) == {EMAIL: Role.VIEWER}


def test_accepted_twice_at_once_it_makes_one_member(
    committed_db: None, sakura: Facility, sent: tuple[Invitation, str]
) -> None:
    def accept() -> None:
        register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None)

    assert at_the_same_time(accept, accept) == ["done", "invitation_ended"]
    assert roles(sakura) == {"mori@example.org": Role.OWNER, EMAIL: Role.MEMBER}
    assert User.objects.filter(email=EMAIL).count() == 1


def test_accepted_for_two_facilities_at_once_it_makes_one_sign_in(
    committed_db: None, sakura: Facility, lindenhof: Facility, mori: User, sent: tuple[Invitation, str]
) -> None:
    _, other = invite(facility=lindenhof, email=EMAIL, role=Role.VIEWER, invited_by=mori, actor=SYSTEM)

    def accept(secret: str) -> Callable[[], object]:
        return lambda: register(secret=secret, name="Ren Abe", password=PASSWORD, source_address=None)

    assert at_the_same_time(accept(sent[1]), accept(other)) == ["already_registered", "done"]
    assert User.objects.filter(email=EMAIL).count() == 1


def test_withdrawn_and_accepted_at_once_it_is_one_of_the_two(
    committed_db: None, sakura: Facility, sent: tuple[Invitation, str]
) -> None:
    outcomes = at_the_same_time(
        lambda: register(secret=sent[1], name="Ren Abe", password=PASSWORD, source_address=None),
        lambda: revoke_invitation(invitation=sent[0], actor=SYSTEM),
    )
    assert outcomes == ["done", "invitation_ended"]
    with as_center():
        invitation = Invitation.objects.get(pk=sent[0].pk)
    assert (invitation.accepted_at is None) != (invitation.revoked_at is None)
