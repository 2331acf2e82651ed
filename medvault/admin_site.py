"""The center's workplace: django-unfold's site, entered by staff with a second factor."""

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class MedVaultAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff with a second factor (the demonstration may switch the factor off)."""
        user = request.user
        if not (user.is_authenticated and user.is_active and user.is_staff):
            return False
        return not settings.STAFF_SECOND_FACTOR or is_mfa_enabled(user)
