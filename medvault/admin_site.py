"""The center's workplace: django-unfold's site, entered by staff with a second factor."""

from typing import Any, cast
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.decorators import secure_admin_login
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLResolver, include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from apps.accounts.models import User


class MedVaultAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Its sign-in page is everybody's: the one that asks for the second factor."""

    def extra_urls(self) -> list[URLResolver]:
        """The search over everything, and saved filters."""
        return [path("", include("medvault.workplace.urls"))]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Unfold's search takes its term from the address, which must not name patients."""
        return redirect("admin:find")

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff who gave their second factor in this session (the demonstration may switch the factor off)."""
        user = request.user
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return False
        return not settings.STAFF_SECOND_FACTOR or (is_mfa_enabled(user) and _gave_second_factor(request))

    @method_decorator(never_cache)
    @method_decorator(secure_admin_login)  # sends who is not signed in to sign in, and refuses who is no staff
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Where a page sends those whom `has_permission` refuses: staff are missing their second factor."""
        user = cast(User, request.user)
        if self.has_permission(request):
            return redirect("admin:index")
        if is_mfa_enabled(user, [Authenticator.Type.TOTP]):
            return _ask_again("mfa_reauthenticate")
        if is_mfa_enabled(user):
            return _ask_again("mfa_reauthenticate_webauthn")
        messages.warning(
            request,
            _("Staff enter the workplace with a second factor. Set one up here, then open the workplace again."),
        )
        return redirect("mfa_index")

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Everybody's page, which records the change and tells the person."""
        return redirect("account_change_password")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Sign out, on record as from everybody's page."""
        if request.method == "POST":
            get_adapter().logout(request)
        return redirect("home")


def _gave_second_factor(request: HttpRequest) -> bool:
    return any(
        record.get("method") == "mfa" for record in get_authentication_records(request, cast(User, request.user))
    )


def _ask_again(name: str) -> HttpResponse:
    return redirect(f"{reverse(name)}?{urlencode({'next': reverse('admin:index')})}")
