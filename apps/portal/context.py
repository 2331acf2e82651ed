"""What every page of a facility shows around its content."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.portal.home import facilities_of


def facilities(request: HttpRequest) -> dict[str, Any]:
    """The facilities to switch between; asked for only where a template shows them."""
    if getattr(request, "facility", None) is None or not request.user.is_authenticated:
        return {}
    return {"facilities": SimpleLazyObject(lambda: facilities_of(request.user))}
