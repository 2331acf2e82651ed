"""REST framework's views behind the doors of facilities."""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from apps.facilities.doors import Door, FacilityRequest
from apps.facilities.models import Role, Scope


def door(*, role: Role = Role.VIEWER, scope: Scope | None = None, own_scope: bool = False) -> Door:
    """What one method of a view asks of who comes; `own_scope` as a facility_door's."""
    return Door(role, scope, own_scope)


def behind(view: type[APIView], **doors: Door) -> Callable[..., HttpResponseBase]:
    """The view with a door for each method: `behind(TerminalView, GET=door(scope=Scope.REPORT))`."""
    function = cast(Callable[..., Any], view.as_view())
    first = next(iter(doors.values()))
    every: dict[str, Door] = {"HEAD": doors.get("GET", first), "OPTIONS": first} | doors
    function.facility_doors = doors | every  # type: ignore[attr-defined]
    return function


def entered(request: Request) -> FacilityRequest:
    """The request that has come through a facility's door; REST framework's passes on what that one has."""
    return cast(FacilityRequest, request)
