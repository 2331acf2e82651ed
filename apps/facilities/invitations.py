"""Invitations to a facility: sent by an owner, accepted once, by whoever the address belongs to."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256

from allauth.account.models import EmailAddress
from django.utils.translation import gettext

from apps.accounts.models import User
from apps.audit.record import Actor, record
from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.core.locks import lock_names
from apps.facilities.member_lock import lock_members
from apps.facilities.models import Facility, Invitation, Membership, Role
from apps.facilities.tenancy import as_center, as_facility

VALIDITY = timedelta(days=7)


class AlreadyMember(DomainError):
    """The address belongs to somebody who is in the facility."""

    code = "already_member"

    def __init__(self) -> None:
        super().__init__(gettext("This person is a member already"))


class UnknownInvitation(DomainError):
    """No invitation has this secret; a link that was sent again replaces the one before."""

    code = "unknown_invitation"

    def __init__(self) -> None:
        super().__init__(
            gettext("This link is not that of an invitation. If you were sent another one since, use that.")
        )


class InvitationEnded(DomainError):
    """The invitation was accepted, withdrawn, or has expired."""

    code = "invitation_ended"


class ForAnotherPerson(DomainError):
    """The invitation was sent to an address that is not the person's."""

    code = "for_another_person"

    def __init__(self) -> None:
        super().__init__(gettext("This invitation was sent to another e-mail address than yours"))


class AlreadyRegistered(DomainError):
    """The invited address has a sign-in already."""

    code = "already_registered"

    def __init__(self) -> None:
        super().__init__(gettext("You have a sign-in already: use it to accept the invitation"))


def invite(*, facility: Facility, email: str, role: Role, invited_by: User, actor: Actor) -> tuple[Invitation, str]:
    """A new invitation and the secret of its link; open ones to the same address end. Raises AlreadyMember."""
    secret, email = secrets.token_urlsafe(32), email.strip().lower()
    with as_facility(facility):
        lock_members(facility.pk)
        if Membership.objects.filter(facility=facility, user__email=email).exists():
            raise AlreadyMember
        now = database_now()
        for earlier in Invitation.objects.filter(facility=facility, email=email, accepted_at=None, revoked_at=None):
            _revoke(earlier, actor)
        invitation = Invitation.objects.create(
            facility=facility,
            email=email,
            role=role,
            secret_sha256=_digest(secret),
            invited_by=invited_by,
            expires_at=now + VALIDITY,
        )
        _record("sent", invitation, actor, role=role)
    return invitation, secret


def renew_invitation(*, invitation: Invitation, actor: Actor) -> str:
    """The secret of a new link, valid from now on; the link before is void. Raises InvitationEnded unless it is open.

    One that has expired is open: it can be sent again.
    """
    secret = secrets.token_urlsafe(32)
    with as_facility(invitation.facility_id):
        found = _locked(invitation)
        _require_open(found)
        found.secret_sha256, found.expires_at = _digest(secret), database_now() + VALIDITY
        found.save(update_fields=["secret_sha256", "expires_at"])
        _record("sent_again", found, actor, role=found.role)
    return secret


def revoke_invitation(*, invitation: Invitation, actor: Actor) -> None:
    """Withdraw an invitation; again it changes nothing. Raises InvitationEnded where it was accepted meanwhile."""
    with as_facility(invitation.facility_id):
        found = _locked(invitation)
        if found.revoked_at is None:
            _require_open(found)
            _revoke(found, actor)


def withdraw_all_of(user_id: int, facility_id: int, *, actor: Actor) -> None:
    """Withdraw what a person's invitations leave open, within the caller's transaction: who is no owner any more
    must not come back by one.
    """
    sent = Invitation.objects.filter(facility=facility_id, invited_by=user_id, accepted_at=None, revoked_at=None)
    for invitation in sent.select_for_update():
        _revoke(invitation, actor)


def find_invitation(secret: str) -> Invitation:
    """The usable invitation with this secret, its facility loaded. Raises UnknownInvitation, InvitationEnded."""
    with as_center():
        invitation = Invitation.objects.select_related("facility").filter(secret_sha256=_digest(secret)).first()
        if invitation is None:
            raise UnknownInvitation
        _require_usable(invitation)
    return invitation


def is_registered(email: str) -> bool:
    """Whether the address has a sign-in."""
    return User.objects.filter(email=email).exists()


def join(*, secret: str, user: User, source_address: str | None) -> Membership:
    """Accept as a person who is signed in. Raises UnknownInvitation, InvitationEnded, ForAnotherPerson."""

    def themselves(invitation: Invitation) -> User:
        if user.email.lower() != invitation.email:
            raise ForAnotherPerson
        return user

    return _accept(secret, themselves, source_address)


def register(*, secret: str, name: str, password: str, source_address: str | None) -> Membership:
    """Accept as a new person, whose address the link has verified.

    Raises UnknownInvitation, InvitationEnded, AlreadyRegistered.
    """

    def new_person(invitation: Invitation) -> User:
        lock_names([f"sign-in of {invitation.email}"])
        if is_registered(invitation.email):
            raise AlreadyRegistered
        user = User.objects.create_user(invitation.email, password, name=name)
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    return _accept(secret, new_person, source_address)


def _locked(invitation: Invitation) -> Invitation:
    lock_members(invitation.facility_id)
    return Invitation.objects.get(facility=invitation.facility_id, pk=invitation.pk)


def _accept(secret: str, person: Callable[[Invitation], User], source_address: str | None) -> Membership:
    facility_id = find_invitation(secret).facility_id
    with as_facility(facility_id):
        lock_members(facility_id)
        invitation = Invitation.objects.filter(facility=facility_id, secret_sha256=_digest(secret)).first()
        if invitation is None:
            raise UnknownInvitation
        _require_usable(invitation)
        user = person(invitation)
        membership, _ = Membership.objects.get_or_create(
            facility_id=facility_id, user=user, defaults={"role": invitation.role}
        )
        invitation.accepted_at = database_now()
        invitation.save(update_fields=["accepted_at"])
        actor = Actor("user", str(user.pk), source_address)
        _record("accepted", invitation, actor, role=membership.role, membership=membership.pk)
    return membership


def _require_open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise InvitationEnded(gettext("This invitation has been accepted already. Sign in."))
    if invitation.revoked_at is not None:
        raise InvitationEnded(gettext("This invitation was withdrawn. Ask the facility for another one."))


def _require_usable(invitation: Invitation) -> None:
    _require_open(invitation)
    if invitation.expires_at <= database_now():
        raise InvitationEnded(gettext("This invitation has expired. Ask the facility to send it again."))


def _revoke(invitation: Invitation, actor: Actor) -> None:
    invitation.revoked_at = database_now()
    invitation.save(update_fields=["revoked_at"])
    _record("revoked", invitation, actor)


def _record(verb: str, invitation: Invitation, actor: Actor, **details: object) -> None:
    record(
        f"invitation.{verb}",
        actor=actor,
        object_type="invitation",
        object_id=invitation.pk,
        facility_id=invitation.facility_id,
        **details,
    )


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
