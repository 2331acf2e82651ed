"""Runs every view inside the scope its address names: a facility, the center, or none."""

import logging
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from apps.audit.record import Actor
from apps.facilities.doors import Door, FacilityRequest, door_of
from apps.facilities.models import Membership, Role
from apps.facilities.reading import time_zone_of
from apps.facilities.tenancy import as_center, narrow_to
from apps.facilities.tokens import UnknownToken, bearer_token, recognize

NO_SUCH_PAGE = "No such page"
RETRY_AFTER_S = "30"
log = logging.getLogger(__name__)


class TenancyMiddleware:
    """A facility's views run as that facility, the admin's as the center, all others see no facility's rows.

    A stranger gets what an unknown facility gets: 404. Nobody signed in: the sign-in page, or 401 at a device's door.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if "facility_slug" in kwargs:
            return _through_door(request, view, dict(kwargs))
        if request.resolver_match and "admin" in request.resolver_match.namespaces:
            with as_center():
                return _rendered(view(request, *args, **kwargs))
        return None


def _through_door(request: HttpRequest, view: Callable[..., Any], kwargs: dict[str, Any]) -> HttpResponseBase:
    door = door_of(view, request.method)
    if door is None:
        raise ImproperlyConfigured(f"{view.__module__}.{view.__qualname__} has no @facility_door")
    entering = cast(FacilityRequest, request)
    try:
        with as_center():
            refusal = _admit(entering, door, kwargs.pop("facility_slug"))
            if not refusal and not door.own_scope:
                narrow_to(entering.facility)
                return _inside(entering, view, kwargs)
    except (OperationalError, InterfaceError) as error:
        if not door.scope:
            raise
        log.warning("The database is away: %s", type(error).__name__)
        refusal = _refusal(503, "The database is away. Send again")
        refusal.headers["Retry-After"] = RETRY_AFTER_S
    if refusal:
        return refusal
    return _private(cast(HttpResponseBase, view(request, **kwargs)))


def _inside(request: FacilityRequest, view: Callable[..., Any], kwargs: dict[str, Any]) -> HttpResponseBase:
    person = None if request.token else request.user
    with timezone.override(time_zone_of(person, request.facility)):
        return _private(_rendered(view(request, **kwargs)))


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Clinics share computers: what a person saw must be gone when the next one goes back in the browser."""
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _admit(request: FacilityRequest, door: Door, slug: str) -> HttpResponseBase | None:
    """Fill in facility, role, token and actor; or the refusal. As the center: nobody is known yet."""
    if door.scope and (secret := bearer_token(request)):
        return _admit_device(request, door, slug, secret)
    if not request.user.is_authenticated:
        if door.scope or _is_rest(request):
            return _unauthorized(door)
        return redirect_to_login(request.get_full_path())
    if door.scope and request.method not in {"GET", "HEAD", "OPTIONS"}:
        # A session travels with any page's request; a token does not. Devices write with tokens alone.
        return _unauthorized(door)
    membership = Membership.objects.select_related("facility").filter(
        facility__slug=slug, user_id=request.user.pk
    ).first()  # fmt: skip
    if membership is None:
        raise Http404(NO_SUCH_PAGE)
    request.facility, request.role, request.token = membership.facility, Role(membership.role), None
    request.actor = Actor("user", str(request.user.pk), source_address(request))
    if not request.role.covers(door.role):
        raise PermissionDenied
    return None


def _admit_device(request: FacilityRequest, door: Door, slug: str, secret: str) -> HttpResponseBase | None:
    try:
        token = recognize(secret)
    except UnknownToken:
        return _unauthorized(door)
    if token.facility.slug != slug:
        return _refusal(404, NO_SUCH_PAGE)
    request.facility, request.role, request.token = token.facility, None, token
    request.actor = Actor("token", str(token.pk), source_address(request))
    if not {door.scope, door.or_scope} & set(token.scopes):
        challenge = f'Bearer realm="MedVault", error="insufficient_scope", scope="{door.scope}"'
        return _refusal(403, f"The token lacks the scope {door.scope}", challenge)
    return None


def source_address(request: HttpRequest) -> str | None:
    """The peer's address as the web server saw it."""
    return request.META.get("REMOTE_ADDR") or None


def _unauthorized(door: Door) -> HttpResponse:
    sentence = "Sign in with a device token: Authorization: Bearer TOKEN" if door.scope else "Sign in to the portal"
    return _refusal(401, sentence, 'Bearer realm="MedVault"')


def _refusal(status: int, sentence: str, challenge: str = "") -> HttpResponse:
    """A sentence for a device, with the challenge of RFC 6750, 3."""
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return HttpResponse(f"{sentence}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)


def _is_rest(request: HttpRequest) -> bool:
    return bool(request.resolver_match and "api" in request.resolver_match.namespaces)


def _rendered(response: Any) -> HttpResponseBase:
    """Render a lazy template response while its rows can still be read."""
    if callable(render := getattr(response, "render", None)):
        render()
    return cast(HttpResponseBase, response)
