"""A REST view of a facility's things: counted, bounded, whole or not at all, and done once for an Idempotency-Key."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, cast

from django.core.exceptions import RequestDataTooBig
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponseBase, RawPostDataException, UnreadablePostError
from rest_framework.views import APIView

from apps.api.idempotency import HEADER, once
from apps.api.limits import count
from apps.core.problems import problem
from apps.facilities.doors import Door, FacilityRequest
from apps.facilities.middleware import source_address

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Resource(APIView):
    """`doors` by method are given by `behind`; `tag` is its chapter of the description; `asks`: POST changes nothing.

    What is refused has left nothing behind: a write whose answer is an error is rolled back.
    """

    doors: Mapping[str, Door] = {}
    tag: ClassVar[str] = ""
    asks: ClassVar[bool] = False

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        standing = count(*_callers(request))
        if standing.is_over:
            response: HttpResponseBase = problem(429, code="too_many_requests", detail="Send less often")
        else:
            response = self._answered(request, partial(super().dispatch, request, *args, **kwargs))
        for name, value in standing.headers.items():
            response.headers[name] = value
        return response

    def _answered(self, request: HttpRequest, act: Any) -> HttpResponseBase:
        if request.method in SAFE:
            return cast(HttpResponseBase, act())
        try:
            _ = request.body
        except RequestDataTooBig:
            return problem(413, code="too_large", detail="The body is larger than is taken here")
        except RawPostDataException:  # it was read as a form, by whoever looked for a CSRF token
            return problem(415, code="unsupported_media_type", detail="Send application/json")
        except UnreadablePostError:
            return problem(400, code="bad_request", detail="The body ended early")
        if HEADER in request.headers and hasattr(request, "facility") and not self.asks:
            return once(cast(FacilityRequest, request), partial(_whole, act))
        return _whole(act) if connection.in_atomic_block else cast(HttpResponseBase, act())


def _whole(act: Any) -> HttpResponseBase:
    """What is done, rendered; rolled back where it is refused."""
    with transaction.atomic():
        response = act()
        if callable(render := getattr(response, "render", None)):
            render()
        if response.status_code >= 400:
            transaction.set_rollback(True)
    return cast(HttpResponseBase, response)


def _callers(request: HttpRequest) -> list[str]:
    """Who is counted: a token or a person, and the facility; without one the address."""
    if not hasattr(request, "facility"):
        return [f"address:{source_address(request)}"]
    entering = cast(FacilityRequest, request)
    return [f"{entering.actor.kind}:{entering.actor.id}", f"facility:{entering.facility.pk}"]
