"""REST framework's views behind the doors of facilities."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponseBase
from rest_framework.request import Request

from apps.api.resource import SAFE, Resource
from apps.facilities.doors import Door, FacilityRequest
from apps.facilities.models import Role, Scope


def door(
    *, role: Role = Role.VIEWER, scope: Scope | None = None, or_scope: Scope | None = None, own_scope: bool = False
) -> Door:
    """What one method of a view asks of who comes: of people a role, of a token one of the scopes.

    Without a scope people alone enter; what they write comes with a CSRF token. `own_scope` as a facility_door's.
    """
    return Door(role, scope, own_scope, or_scope)


def behind(view: type[Resource], **doors: Door) -> Callable[..., HttpResponseBase]:
    """The view with a door for each method: `behind(TerminalView, GET=door(scope=Scope.REPORT))`."""
    first = next(iter(doors.values()))
    every = {"HEAD": doors.get("GET", first), "OPTIONS": first} | doors
    function = cast(Callable[..., Any], view.as_view(doors=every))
    function.facility_doors = doors | every  # type: ignore[attr-defined]
    by_people = any(each.scope is None for name, each in doors.items() if name not in SAFE)
    function.csrf_exempt = not by_people  # type: ignore[attr-defined]
    return function


def entered(request: Request) -> FacilityRequest:
    """The request that has come through a facility's door; REST framework's passes on what that one has."""
    return cast(FacilityRequest, request)
