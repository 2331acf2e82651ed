"""Who of the center's staff is at work."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from apps.accounts.models import User


def staff_member(request: HttpRequest) -> User:
    """The person whose request it is; pages of the workplace have let nobody else in."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
