"""A facility's people, invitations and device tokens: who has access is a matter of people, never of a token."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.doors import entered
from apps.api.fields import BoundedListField, person, valid
from apps.api.paging import PAGED, listed, page_of, page_serializer
from apps.api.resource import Resource
from apps.facilities.invitation_mail import mail_invitation
from apps.facilities.invitations import invite, renew_invitation, revoke_invitation
from apps.facilities.members import change_role, remove_member
from apps.facilities.models import DeviceToken, Invitation, Membership, Role, Scope
from apps.facilities.tenancy import as_facility
from apps.facilities.tokens import issue_token, revoke_token


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A person and their role."""

    name = serializers.CharField(source="user.name", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Membership
        fields = ("id", "name", "email", "role", "created_at")


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation that is open, or whose link has expired. `is_mailed`: the mail server took it."""

    email = serializers.EmailField(max_length=254)
    role = serializers.ChoiceField(choices=Role.choices)

    class Meta:
        model = Invitation
        fields: tuple[str, ...] = ("id", "email", "role", "created_at", "expires_at", "has_expired")
        read_only_fields = ("created_at", "expires_at", "has_expired")


class SentSerializer(InvitationSerializer):
    """The same, and whether the mail server took its mail."""

    is_mailed = serializers.BooleanField(read_only=True)

    class Meta(InvitationSerializer.Meta):
        fields = (*InvitationSerializer.Meta.fields, "is_mailed")


class TokenSerializer(serializers.ModelSerializer[DeviceToken]):
    """A device token; its secret was told once."""

    scopes = BoundedListField(child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=50)

    class Meta:
        model = DeviceToken
        fields: tuple[str, ...] = (
            "id", "label", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at",
        )  # fmt: skip
        read_only_fields = ("created_at", "expires_at", "revoked_at", "last_used_at")


class TokenWishSerializer(TokenSerializer):
    """A token that is wanted, valid for so many days; null: until it is revoked."""

    valid_days = serializers.IntegerField(min_value=1, max_value=3650, allow_null=True)

    class Meta(TokenSerializer.Meta):
        fields = ("label", "scopes", "valid_days")


class IssuedSerializer(TokenSerializer):
    """A new token and its secret, which is in this answer and nowhere else."""

    secret = serializers.CharField()

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "secret")


class RoleSerializer(serializers.Serializer[Any]):
    """A role."""

    role = serializers.ChoiceField(choices=Role.choices)


class MembersView(Resource):
    """Members."""

    tag = "People"

    @extend_schema(
        operation_id="members_list", responses=page_serializer("members", MemberSerializer), parameters=PAGED
    )
    def get(self, request: Request) -> Response:
        """The facility's people."""
        found = Membership.objects.filter(facility=entered(request).facility).select_related("user")
        return listed(request, "members", MemberSerializer, page_of(request, found, "pk"))


class MemberView(Resource):
    """One member."""

    tag = "People"

    @extend_schema(operation_id="members_change", request=RoleSerializer, responses=MemberSerializer,
                   examples=[OpenApiExample("An owner", {"role": "owner"}, request_only=True)])  # fmt: skip
    def patch(self, request: Request, membership_id: int) -> Response:
        """Give a member another role. 409 `last_owner`: somebody stays in charge."""
        found, asked = _member(request, membership_id), valid(RoleSerializer, request)
        change_role(membership=found, role=Role(asked["role"]), actor=entered(request).actor)
        return Response(MemberSerializer(_member(request, membership_id)).data)

    @extend_schema(operation_id="members_remove", request=None, responses={204: None})
    def delete(self, request: Request, membership_id: int) -> Response:
        """End a membership at once."""
        remove_member(membership=_member(request, membership_id), actor=entered(request).actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationsView(Resource):
    """Invitations."""

    tag = "People"

    @extend_schema(
        operation_id="invitations_list", responses=page_serializer("invitations", InvitationSerializer),
        parameters=PAGED,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """Invitations that nobody accepted yet."""
        with as_facility(entered(request).facility):
            return listed(request, "invitations", InvitationSerializer, page_of(request, _open(request), "-pk"))

    @extend_schema(
        operation_id="invitations_create", request=InvitationSerializer, responses={201: SentSerializer},
        examples=[OpenApiExample("A member", {"email": "mori@clinic.example", "role": "member"}, request_only=True)],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Invite somebody; the link goes by mail and is in no answer."""
        door, asked = entered(request), valid(InvitationSerializer, request)
        invitation, secret = invite(
            facility=door.facility, email=asked["email"], role=Role(asked["role"]), invited_by=person(request),
            actor=door.actor,
        )  # fmt: skip
        return _sent(invitation, secret, status.HTTP_201_CREATED)


class InvitationView(Resource):
    """One invitation."""

    tag = "People"

    @extend_schema(operation_id="invitations_withdraw", request=None, responses={204: None})
    def delete(self, request: Request, invitation_id: int) -> Response:
        """Make an invitation's link void."""
        revoke_invitation(invitation=_invitation(request, invitation_id), actor=entered(request).actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ResendView(Resource):
    """An invitation again."""

    tag = "People"

    @extend_schema(operation_id="invitations_resend", request=None, responses=SentSerializer)
    def post(self, request: Request, invitation_id: int) -> Response:
        """Send an invitation again, with a new link; the one before is void."""
        invitation = _invitation(request, invitation_id)
        return _sent(invitation, renew_invitation(invitation=invitation, actor=entered(request).actor), 200)


class TokensView(Resource):
    """Device tokens."""

    tag = "People"

    @extend_schema(operation_id="tokens_list", responses=page_serializer("tokens", TokenSerializer), parameters=PAGED)
    def get(self, request: Request) -> Response:
        """The facility's device tokens, the newest first."""
        found = DeviceToken.objects.filter(facility=entered(request).facility)
        return listed(request, "tokens", TokenSerializer, page_of(request, found, "-pk"))

    @extend_schema(
        operation_id="tokens_create", request=TokenWishSerializer, responses={201: IssuedSerializer},
        examples=[
            OpenApiExample(
                "For a viewer", {"label": "Viewer, room 2", "scopes": ["images:read"], "valid_days": 365},
                request_only=True,
            )
        ],
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        """Issue a token. Its secret is in this answer and nowhere else."""
        door, asked = entered(request), valid(TokenWishSerializer, request)
        days = asked["valid_days"]
        token, secret = issue_token(
            door.facility, label=asked["label"], scopes=[Scope(each) for each in dict.fromkeys(asked["scopes"])],
            actor=door.actor, expires_at=timezone.now() + timedelta(days=days) if days else None,
        )  # fmt: skip
        return Response(TokenSerializer(token).data | {"secret": secret}, status=status.HTTP_201_CREATED)


class TokenView(Resource):
    """One token."""

    tag = "People"

    @extend_schema(operation_id="tokens_revoke", request=None, responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke a token; it is refused from now on."""
        door = entered(request)
        token = DeviceToken.objects.filter(facility=door.facility, pk=token_id).first()
        if token is None:
            raise NotFound
        revoke_token(token, actor=door.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _member(request: Request, membership_id: int) -> Membership:
    members = Membership.objects.select_related("user").filter(facility=entered(request).facility, pk=membership_id)
    found = members.first()
    if found is None:
        raise NotFound
    return found


def _open(request: Request) -> Any:
    return Invitation.objects.filter(facility=entered(request).facility, accepted_at=None, revoked_at=None)


def _invitation(request: Request, invitation_id: int) -> Invitation:
    with as_facility(entered(request).facility):
        found = Invitation.objects.select_related("facility").filter(facility=entered(request).facility)
        invitation = found.filter(pk=invitation_id).first()
    if invitation is None:
        raise NotFound
    return invitation


def _sent(invitation: Invitation, secret: str, code: int) -> Response:
    """The answer, once the mail has left; a mail server may take its time, and its door holds no transaction."""
    try:
        mail_invitation(invitation=invitation, secret=secret)
    except OSError:
        is_mailed = False
    else:
        is_mailed = True
    return Response(InvitationSerializer(invitation).data | {"is_mailed": is_mailed}, status=code)
