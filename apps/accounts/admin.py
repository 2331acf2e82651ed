"""People, what they sign in with, and the groups that make them staff."""

from collections.abc import Sequence
from typing import Any, ClassVar

from allauth.account.forms import ResetPasswordForm
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.core.context import request_context
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.contrib.admin.exceptions import NotRegistered
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from apps.accounts.models import User
from apps.accounts.user_agents import browser_in_words
from apps.audit.admin import AuditedAdmin
from apps.core.admin import ROWS_OF_A_TABLE, Table, link_to, list_of, to_page

for theirs in (Group, EmailAddress, EmailConfirmation, Authenticator, UserSession):
    try:
        admin.site.unregister(theirs)
    except NotRegistered:
        continue


class UserForm(ModelForm):  # type: ignore[type-arg]
    """A person of the center or of a facility; addresses are lower case, so that two differ by more than case."""

    class Meta:
        model = User
        fields = ("email", "name", "is_active", "is_staff", "groups")
        help_texts = {
            "is_active": _("Without it the person is signed out at once and cannot sign in."),
            "is_staff": _("May enter this workplace. What for, the groups say."),
        }

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


@admin.register(User)
class UserAdmin(AuditedAdmin):
    form = UserForm
    list_display = ("email", "name", "is_active", "is_staff", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email__exact",)
    search_help_text = _("E-mail address")
    formfield_overrides: ClassVar[dict[Any, Any]] = {
        models.ManyToManyField: {"widget": UnfoldAdminCheckboxSelectMultipleWidget}
    }
    actions_detail = ("send_password_link",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.add_user")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """Only a superuser changes a superuser, or a deactivated administrator would be easy to make."""
        if isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser:
            return False
        return request.user.has_perm("accounts.change_user")

    def get_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        if obj is None:
            return ("email", "name", "groups")
        return ("email", "name", "is_active", "is_staff", "groups", "is_superuser", "last_login", "date_joined")

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> Sequence[str]:
        if obj is None:
            return ()
        # People change their own address, which has to be verified; nobody locks themselves out or promotes themselves.
        fixed = ("email", "is_superuser", "last_login", "date_joined")
        return (*fixed, "is_active", "is_staff", "groups") if obj.pk == request.user.pk else fixed

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        if not change:
            obj.is_staff = True
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
        if not change:
            # A mail server that is down must not undo the person: the link can be sent again.
            transaction.on_commit(lambda: _send_password_link(request, obj), robust=True)

    @action(  # type: ignore[untyped-decorator]
        description=_("Send password link"),
        icon="mail",
        permissions=["accounts.change_user"],
        dialog={
            "title": _("Send a link to choose a password?"),
            "description": _("It goes to the person's e-mail address."),
            "form_class": BaseDialogForm,
            "form_submit_text": _("Send"),
        },
    )
    def send_password_link(self, request: HttpRequest, _form: BaseDialogForm, object_id: str) -> HttpResponse:
        person = self.get_object(request, object_id)
        if person is None or not self.has_change_permission(request, person):
            raise PermissionDenied
        try:
            _send_password_link(request, person)
        except OSError as error:
            messages.error(request, _("The mail could not be sent: %s") % type(error).__name__)
        else:
            self.record_act(request, "password_link_sent", person)
            messages.success(request, _("The link is on its way."))
        return to_page(request, person)

    def tables(self, obj: User) -> list[Table]:
        sessions = UserSession.objects.filter(user=obj).order_by("-last_seen_at")[:ROWS_OF_A_TABLE]
        factors = Authenticator.objects.filter(user=obj).order_by("pk")
        return [
            Table(
                _("Second factors"),
                [_("Kind"), _("Added"), _("Last used")],
                [[each.get_type_display(), each.created_at, each.last_used_at or "-"] for each in factors],
            ),
            Table(
                _("Sessions"),
                [_("Address"), _("Browser"), _("Since"), _("Last seen")],
                [[each.ip, browser_in_words(each.user_agent), each.created_at, each.last_seen_at] for each in sessions],
                list_of(UserSession, user__id=obj.pk),
            ),
        ]


@admin.register(Group)
class GroupAdmin(AuditedAdmin):
    list_display = ("__str__",)
    ordering = ("name",)
    fields = ("called",)

    @display(description=_("name"))  # type: ignore[untyped-decorator]
    def called(self, obj: Group) -> str:
        return str(obj)

    def tables(self, obj: Group) -> list[Table]:
        people = User.objects.filter(groups=obj).order_by("email")[:ROWS_OF_A_TABLE]
        return [
            Table(
                _("People"),
                [_("E-mail address"), _("Name"), _("Active")],
                [[link_to(each, each.email), each.name, _("yes") if each.is_active else _("no")] for each in people],
                list_of(User, groups__id__exact=obj.pk),
            ),
            Table(_("What they change; they read everything"), [_("Of what"), _("Allowed")], _may_change(obj)),
        ]


@admin.register(EmailAddress)
class EmailAddressAdmin(AuditedAdmin):
    list_display = ("email", "user", "verified", "primary")
    list_select_related = ("user",)
    list_filter = ("verified",)
    search_fields = ("user__email__exact",)
    search_help_text = _("The person's e-mail address")
    fields = ("email", "user", "verified", "primary")


@admin.register(Authenticator)
class AuthenticatorAdmin(AuditedAdmin):
    """Second factors without their secrets."""

    when_empty = _("People add second factors in their own account.")
    list_display = ("user", "type", "created_at", "last_used_at")
    list_select_related = ("user",)
    list_filter = ("type",)
    search_fields = ("user__email__exact",)
    search_help_text = _("The person's e-mail address")
    fields = ("user", "type", "created_at", "last_used_at")


@admin.register(UserSession)
class UserSessionAdmin(AuditedAdmin):
    """Browsers that are signed in, without the key that would sign anybody else in."""

    linked_by = ("user",)
    list_display = ("user", "ip", "browser", "created_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__email__exact",)
    search_help_text = _("The person's e-mail address")
    fields = ("user", "ip", "browser", "user_agent", "created_at", "last_seen_at")
    ordering: ClassVar[Sequence[str]] = ["-pk"]

    @display(description=_("browser"))  # type: ignore[untyped-decorator]
    def browser(self, obj: UserSession) -> str:
        return browser_in_words(obj.user_agent)


ACTS = {"add": _("add"), "change": _("change"), "delete": _("remove")}


def _may_change(group: Group) -> list[list[str]]:
    """Kinds of rows, and what the group may do with them besides reading."""
    may = dict[str, list[str]]()
    for each in group.permissions.select_related("content_type").order_by("content_type__app_label", "codename"):
        act, model = each.codename.partition("_")[0], each.content_type.model_class()
        if model is not None and act in ACTS:
            may.setdefault(str(model._meta.verbose_name_plural), []).append(str(ACTS[act]))
    return [[name, ", ".join(acts)] for name, acts in sorted(may.items())]


def _send_password_link(request: HttpRequest, person: User) -> None:
    with request_context(request):  # after the commit allauth may have left the request already
        form = ResetPasswordForm({"email": person.email})
        if form.is_valid():
            form.save(request)
