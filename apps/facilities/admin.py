"""Facilities, who belongs to them, and their devices' tokens; the audit trail with the names of both."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.validators import RegexValidator
from django.db import transaction
from django.db.models import BigIntegerField, Case, Model, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminSelectWidget

from apps.accounts.models import User
from apps.audit.admin import AuditedAdmin, staff_actor
from apps.audit.models import Event
from apps.core.admin import ROWS_OF_A_TABLE, ReadOnlyAdmin, Table, TenantAdmin, facts_of, link_to, list_of, to_page
from apps.core.clock import time_zones
from apps.core.shown import day
from apps.facilities.invitation_mail import mail_invitation
from apps.facilities.invitations import AlreadyMember, invite
from apps.facilities.models import DeviceToken, Facility, Invitation, Membership, Role, Scope
from apps.facilities.tokens import revoke_token


class AuditedTenantAdmin(AuditedAdmin, TenantAdmin):
    """Rows of facilities with an audited history."""


class FacilityForm(forms.ModelForm):  # type: ignore[type-arg]
    """A facility: `country` is an ISO 3166-1 alpha-2 code, `time_zone` a name of the IANA database."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        initial="UTC",
        choices=lambda: [(name, name) for name in time_zones()],
        widget=UnfoldAdminSelectWidget,
    )
    language = forms.ChoiceField(
        label=_("Language"),
        initial=settings.LANGUAGE_CODE,
        choices=settings.LANGUAGES,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Of letters and documents, unless their reader chose one."),
    )

    class Meta:
        model = Facility
        fields = ("name", "slug", "kind", "country", "subdivision", "time_zone", "language", "address", "receipts_to")
        help_texts = {"slug": _("Part of every address of the facility; it cannot be changed later.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "country" in self.fields:
            self.fields["country"].validators.append(RegexValidator(r"\A[A-Z]{2}\Z", _("Two capital letters.")))
        if "subdivision" in self.fields:
            code = RegexValidator(r"\A[A-Z0-9]{1,3}\Z", _("One to three capital letters or digits."))
            self.fields["subdivision"].validators.append(code)


class OwnerForm(BaseDialogForm):  # type: ignore[misc]
    """Whom to invite as an owner."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminEmailInputWidget)


class FacilityAdmin(AuditedAdmin):
    """Registered in retention, which adds what is agreed on for the end of storage."""

    form = FacilityForm
    list_display = ("name", "slug", "country", "time_zone", "created_at")
    list_filter = ("country",)
    search_fields = ("slug__exact", "name__exact")
    search_help_text = _("Name or address name")
    actions_detail = ("invite_owner",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("facilities.add_facility")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm("facilities.change_facility")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return (*self.form.Meta.fields, *(("created_at",) if obj else ()))

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        return ("slug", "country", "created_at") if obj else ()

    def facility_id_of(self, obj: Facility) -> int | None:
        return obj.pk

    @action(  # type: ignore[untyped-decorator]
        description=_("Invite an owner"),
        icon="person_add",
        permissions=["facilities.add_facility"],
        dialog={
            "title": _("Invite an owner"),
            "description": _("Owners invite everybody else of the facility themselves."),
            "form_class": OwnerForm,
            "form_submit_text": _("Invite"),
        },
    )
    def invite_owner(self, request: HttpRequest, form: OwnerForm, object_id: str) -> HttpResponse:
        facility, inviter = self.get_object(request, object_id), request.user
        if facility is None or not isinstance(inviter, User):
            raise PermissionDenied
        try:
            invitation, secret = invite(
                facility=facility,
                email=form.cleaned_data["email"],
                role=Role.OWNER,
                invited_by=inviter,
                actor=staff_actor(request),
            )
        except AlreadyMember as error:
            messages.error(request, error.message)
        else:
            # A mail server that is down must not undo the invitation: inviting again sends another link.
            transaction.on_commit(lambda: mail_invitation(invitation=invitation, secret=secret), robust=True)
            messages.success(request, _("The invitation goes to %s.") % invitation.email)
        return to_page(request, facility)

    def tables(self, obj: Facility) -> list[Table]:
        members = Membership.objects.filter(facility=obj).select_related("user").order_by("pk")[:ROWS_OF_A_TABLE]
        tokens = DeviceToken.objects.filter(facility=obj, revoked_at=None).order_by("pk")[:ROWS_OF_A_TABLE]
        return [
            Table(
                _("People"),
                [_("Person"), _("E-mail address"), _("Role"), _("Since")],
                [[link_to(row.user), row.user.email, row.get_role_display(), row.created_at] for row in members],
                list_of(Membership, facility__id__exact=obj.pk),
            ),
            Table(
                _("Device tokens in force"),
                [_("Label"), _("Scopes"), _("Last used"), _("Expires")],
                [
                    [link_to(row), ", ".join(row.scopes), row.last_used_at or "-", row.expires_at or "-"]
                    for row in tokens
                ],
                list_of(DeviceToken, facility__id__exact=obj.pk),
            ),
        ]


@admin.register(Membership)
class MembershipAdmin(AuditedTenantAdmin):
    list_display = ("user", "facility", "role", "created_at")
    list_select_related = ("facility", "user")
    list_filter = (("facility", RelatedDropdownFilter), "role")
    search_fields = ("user__email__exact",)
    search_help_text = _("The person's e-mail address")
    fields = ("facility", "user", "role", "created_at")


@admin.register(Invitation)
class InvitationAdmin(AuditedTenantAdmin):
    when_empty = _("A facility's first owner is invited from its page; owners invite the others.")
    list_display = ("email", "facility", "role", "created_at", "expires_at", "accepted_at", "revoked_at")
    search_fields = ("email__exact",)
    search_help_text = _("E-mail address")
    fields = ("facility", "email", "role", "invited_by", "created_at", "expires_at", "accepted_at", "revoked_at")


@admin.register(DeviceToken)
class DeviceTokenAdmin(AuditedTenantAdmin):
    """Tokens without their digests; issuing is the facility's own affair, ending one may be urgent."""

    list_display = ("label", "facility", "scope_names", "is_in_force", "last_used_at", "expires_at")
    fields = ("facility", "label", "told_scopes", "created_at", "last_used_at", "expires_at", "revoked_at")
    actions_detail = ("revoke",)

    @display(description=_("scopes"))  # type: ignore[untyped-decorator]
    def scope_names(self, obj: DeviceToken) -> str:
        return ", ".join(obj.scopes)

    @display(description=_("scopes"))  # type: ignore[untyped-decorator]
    def told_scopes(self, obj: DeviceToken) -> SafeString:
        told = [(name, Scope(name).label if name in Scope.values else "-") for name in obj.scopes]
        return format_html_join("", "<div><b>{}</b>: {}</div>", told)

    def can_act_on(self, obj: DeviceToken) -> bool:
        return obj.revoked_at is None

    @display(description=_("in force"), boolean=True)  # type: ignore[untyped-decorator]
    def is_in_force(self, obj: DeviceToken) -> bool:
        return obj.is_usable

    @action(  # type: ignore[untyped-decorator]
        description=_("Revoke"),
        icon="block",
        permissions=["facilities.change_devicetoken"],
        dialog={
            "title": _("Revoke this token?"),
            "description": _("The device is refused from now on. This cannot be undone."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Revoke"),
        },
    )
    def revoke(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        token = self.get_object(request, object_id)
        if token is None:
            raise PermissionDenied
        revoke_token(token, actor=staff_actor(request))
        messages.success(request, _("The token is revoked."))
        return to_page(request, token)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Registered here and not in audit: the names of people and facilities are in rooms above it."""

    list_display = ("time", "act", "about", "facility", "actor", "source_address")
    linked_by = ("object_type", "object_id")
    search_fields = ("object_id__exact",)
    search_help_text = _("Number of the object")
    fields = ("time", "act", "about", "facility", "actor", "source_address", "facts")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        facility = Facility.objects.filter(pk=OuterRef("facility_id")).values("name")
        key = Case(When(actor_kind="user", actor_id__regex=r"^\d{1,18}$", then=Cast("actor_id", BigIntegerField())))
        person = User.objects.filter(pk=OuterRef("user_key")).values("email")
        events: QuerySet[Event] = super().get_queryset(request)
        return events.annotate(facility_name=Subquery(facility), user_key=key).annotate(person=Subquery(person))

    @display(description=_("time"))  # type: ignore[untyped-decorator]
    def time(self, obj: Event) -> str:
        return f"{day(obj.at)} {localtime(obj.at):%H:%M:%S}"

    @display(description=_("act"))  # type: ignore[untyped-decorator]
    def act(self, obj: Event) -> str:
        return obj.act

    @display(description=_("about"))  # type: ignore[untyped-decorator]
    def about(self, obj: Event) -> str:
        return obj.about

    @display(description=_("details"))  # type: ignore[untyped-decorator]
    def facts(self, obj: Event) -> SafeString:
        return facts_of(obj.details)

    @display(description=_("facility"))  # type: ignore[untyped-decorator]
    def facility(self, obj: Any) -> str:
        return obj.facility_name or "-"

    @display(description=_("who"))  # type: ignore[untyped-decorator]
    def actor(self, obj: Any) -> SafeString:
        if obj.person:
            return format_html("{}", obj.person)
        return format_html("{} {}", obj.actor_kind.replace("_", " "), obj.actor_id)
