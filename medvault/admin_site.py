"""The center's workplace: django-unfold's site, entered by staff with a second factor."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite


class MedVaultAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """Its sign-in page is everybody's: the one that asks for the second factor."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff with a second factor (the demonstration may switch the factor off)."""
        user = request.user
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return False
        return not settings.STAFF_SECOND_FACTOR or is_mfa_enabled(user)

    @method_decorator(never_cache)
    @method_decorator(secure_admin_login)  # sends who is not signed in to sign in, and refuses who is no staff
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Where a page sends those whom `has_permission` refuses: staff are missing their second factor."""
        if not self.has_permission(request):
            messages.warning(
                request,
                _("Staff enter the workplace with a second factor. Set one up here, then open the workplace again."),
            )
            return redirect("mfa_index")
        return redirect("admin:index")
