"""One address, a view for each HTTP method, each behind its own door."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseNotAllowed

from apps.facilities.doors import door_of

View = Callable[..., HttpResponseBase]
_SAFE = {"GET", "HEAD", "OPTIONS"}


def by_method(**views: View) -> View:
    """A view that hands over to one for each method: `by_method(GET=search, POST=store)`.

    HEAD is answered as GET. Each view has its @facility_door; a method without a view gets 405, behind the first's.
    """
    views |= {"HEAD": views["GET"]} if "GET" in views else {}

    def dispatch(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
        view = views.get(request.method or "")
        return view(request, **kwargs) if view else HttpResponseNotAllowed(views)

    dispatch.facility_doors = {method: door_of(view) for method, view in views.items()}  # type: ignore[attr-defined]
    dispatch.csrf_exempt = all(  # type: ignore[attr-defined]
        getattr(view, "csrf_exempt", False) for method, view in views.items() if method not in _SAFE
    )
    return dispatch
