"""Doors into a facility: what a view below /f/<facility_slug>/ asks of who comes.

The middleware refuses a view without a door, so that a forgotten one is a failing test and not an open page.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.http import HttpRequest

from apps.audit.record import Actor
from apps.facilities.models import DeviceToken, Facility, Role, Scope

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Door:
    """`role` for people; `scope` or `or_scope` for devices, None where none may enter; `own_scope`: the view enters the
    facility itself, because it streams and would outlive the request's transaction.
    """

    role: Role
    scope: Scope | None
    own_scope: bool
    or_scope: Scope | None = None


class FacilityRequest(HttpRequest):
    """A request that has come through a door."""

    facility: Facility
    role: Role | None
    token: DeviceToken | None
    actor: Actor


def facility_door(
    *, role: Role = Role.VIEWER, scope: Scope | None = None, own_scope: bool = False
) -> Callable[[View], View]:
    """Mark a view as a door. People need at least `role`; devices a token with `scope`."""

    def marked(view: View) -> View:
        view.facility_door = Door(role, scope, own_scope)  # type: ignore[attr-defined]
        return view

    return marked


def door_of(view: Callable[..., Any], method: str | None = None) -> Door | None:
    """The door of a view, if it has one; of a view with one for each method (`facility_doors`), that method's, or the
    first for a method that it will refuse.
    """
    doors: dict[str, Door | None] | None = getattr(view, "facility_doors", None)
    if doors is None:
        return getattr(view, "facility_door", None)
    return doors[method if method in doors else next(iter(doors))]
