"""The page of a facility's people: everybody sees it, owners decide on it."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.models import User
from apps.core.acting import attempt
from apps.core.errors import DomainError
from apps.facilities.doors import FacilityRequest, facility_door
from apps.facilities.invitation_mail import mail_invitation
from apps.facilities.invitations import invite, renew_invitation, revoke_invitation
from apps.facilities.members import change_role, remove_member
from apps.facilities.models import Invitation, Membership, Role
from apps.facilities.tenancy import as_facility


class InvitationForm(forms.Form):
    """Whom to invite as what."""

    email = forms.EmailField(label=gettext_lazy("E-mail address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role, initial=Role.MEMBER)


class RoleForm(forms.Form):
    """A member's new role."""

    role = forms.ChoiceField(choices=Role)


@facility_door()
@require_safe
def members(request: FacilityRequest) -> HttpResponse:
    """Members and open invitations."""
    return _page(request, InvitationForm())


@facility_door(role=Role.OWNER, own_scope=True)
@require_POST
def send_invitation(request: FacilityRequest) -> HttpResponse:
    """Invite an address; the mail leaves after the invitation is committed."""
    form = InvitationForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        try:
            invitation, secret = invite(
                facility=request.facility,
                email=form.cleaned_data["email"],
                role=role,
                invited_by=_person(request),
                actor=request.actor,
            )
        except DomainError as error:
            form.add_error("email", error.message)
        else:
            return _mailed(request, invitation, secret)
    with as_facility(request.facility):
        return _page(request, form, status=422)


@facility_door(role=Role.OWNER, own_scope=True)
@require_POST
def resend_invitation(request: FacilityRequest, invitation_id: int) -> HttpResponse:
    """Send an open invitation again, with a new link."""
    invitation = _invitation(request, invitation_id)
    try:
        secret = renew_invitation(invitation=invitation, actor=request.actor)
    except DomainError as error:
        messages.error(request, error.message)
        return _back(request)
    return _mailed(request, invitation, secret)


@facility_door(role=Role.OWNER)
@require_POST
def withdraw_invitation(request: FacilityRequest, invitation_id: int) -> HttpResponse:
    """Make an invitation's link void."""
    invitation = get_object_or_404(Invitation, facility=request.facility, pk=invitation_id)
    done = _("The invitation is withdrawn.")
    return _carry_out(request, lambda: revoke_invitation(invitation=invitation, actor=request.actor), done)


@facility_door(role=Role.OWNER)
@require_POST
def set_role(request: FacilityRequest, membership_id: int) -> HttpResponse:
    """Change a member's role."""
    membership = get_object_or_404(Membership, facility=request.facility, pk=membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("There is no such role."))
        return _back(request)
    role = Role(form.cleaned_data["role"])
    done = _("The role is changed.")
    return _carry_out(request, lambda: change_role(membership=membership, role=role, actor=request.actor), done)


@facility_door(role=Role.OWNER)
@require_POST
def remove(request: FacilityRequest, membership_id: int) -> HttpResponse:
    """End a membership; those who end their own see the facility no more."""
    membership = get_object_or_404(Membership, facility=request.facility, pk=membership_id)
    done = _("The person is no longer a member.")
    answer = _carry_out(request, lambda: remove_member(membership=membership, actor=request.actor), done)
    gone = not Membership.objects.filter(facility=request.facility, pk=membership_id).exists()
    return redirect("home") if gone and membership.user_id == request.user.pk else answer


def _page(request: FacilityRequest, form: InvitationForm, status: int = 200) -> HttpResponse:
    facility = request.facility
    is_owner = request.role == Role.OWNER
    invitations = Invitation.objects.filter(facility=facility, accepted_at=None, revoked_at=None)
    context = {
        "members": Membership.objects.filter(facility=facility).select_related("user").order_by("created_at", "pk"),
        "invitations": invitations.select_related("invited_by").order_by("-created_at") if is_owner else [],
        "is_owner": is_owner,
        "roles": Role.choices,
        "form": form,
    }
    return render(request, "facilities/members.html", context, status=status)


def _carry_out(request: FacilityRequest, act: Callable[[], None], done: str) -> HttpResponse:
    attempt(request, act, done=done)
    return _back(request)


def _mailed(request: FacilityRequest, invitation: Invitation, secret: str) -> HttpResponse:
    try:
        mail_invitation(invitation=invitation, secret=secret)
    except OSError:
        messages.error(request, _("The invitation is kept, but its mail could not be sent. Send it again later."))
    else:
        messages.success(request, _("The invitation is on its way to %s.") % invitation.email)
    return _back(request)


def _invitation(request: FacilityRequest, invitation_id: int) -> Invitation:
    with as_facility(request.facility):
        found = Invitation.objects.select_related("facility")
        return get_object_or_404(found, facility=request.facility, pk=invitation_id)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


def _back(request: FacilityRequest) -> HttpResponse:
    return redirect("facilities:members", facility_slug=request.facility.slug)
