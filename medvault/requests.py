"""Every request has an id, a line in the log and a place in the metrics; none of them tells its path or its query."""

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core import request_ids
from medvault.logs.filters import route_of
from medvault.metrics import meters

log = logging.getLogger("medvault.access")
UNWATCHED = {"healthz", "readyz", "metrics"}


class RequestMiddleware:
    """Outermost: takes the id of X-Request-ID or makes one, gives it back, and notes how the request ended."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        with request_ids.entered(request.headers.get(request_ids.HEADER, "")) as request_id:
            response = self.get_response(request)
            response.headers[request_ids.HEADER] = request_id
            if (route := route_of(request)) not in UNWATCHED:
                _note(request, route, response.status_code, time.perf_counter() - began)
        return response


def _note(request: HttpRequest, route: str, status: int, seconds: float) -> None:
    """`seconds`: until the answer began; a study that is streamed goes on after it."""
    method = request.method if request.method in meters.METHODS else "other"
    meters.REQUESTS.labels(route, method, str(status)).inc()
    meters.REQUEST_SECONDS.labels(route).observe(seconds)
    slug = getattr(getattr(request, "facility", None), "slug", "")
    told = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1), "facility": slug}
    log.info("%s %s %d %.1f ms %s", *told.values(), extra={"fields": told})
