"""What every page of a facility shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.accounts.models import User
from apps.notifications.inbox import bell_of
from apps.portal.home import facilities_of


def facilities(request: HttpRequest) -> dict[str, Any]:
    """The facilities to switch between, and the bell; asked for only where a template shows them."""
    facility, person = getattr(request, "facility", None), getattr(request, "user", None)  # none: refused before
    if facility is None or not isinstance(person, User):
        return {}
    return {
        "facilities": SimpleLazyObject(lambda: facilities_of(person)),
        "bell": SimpleLazyObject(lambda: bell_of(person, facility.pk)),
    }
