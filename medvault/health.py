"""Health of the web process: alive, and ready to serve; and what else is wrong with the installation."""

import hmac

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from medvault.parts import Part, looked_at


def alive(_request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return HttpResponse("ok", content_type="text/plain")


def ready(request: HttpRequest) -> JsonResponse:
    """Every part and what is wrong with it; 503 where a part is missing without which this host cannot serve.

    A balancer takes the host out then. What another host would lack too, such as a worker, leaves it in, and is told.
    What exactly is wrong is for those who may read the metrics.
    """
    parts = looked_at()
    is_ready = all(part.is_well or not part.is_needed for part in parts)
    status = "ready" if all(part.is_well for part in parts) else "degraded" if is_ready else "unready"
    may_read = is_operator(request)
    told = {"status": status, "parts": {part.name: _told(part) if may_read else _state(part) for part in parts}}
    return JsonResponse(told, status=200 if is_ready else 503)


def is_operator(request: HttpRequest) -> bool:
    """Whoever brings METRICS_TOKEN; or calls from this machine itself, not through a proxy on it."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if settings.METRICS_TOKEN and scheme.lower() == "bearer":
        return hmac.compare_digest(token.encode(), settings.METRICS_TOKEN.encode())
    is_direct = "X-Forwarded-For" not in request.headers and "Forwarded" not in request.headers
    return is_direct and request.META.get("REMOTE_ADDR") in {"127.0.0.1", "::1"}


def _state(part: Part) -> str:
    return "ok" if part.is_well else "failing"


def _told(part: Part) -> dict[str, str]:
    return {"state": _state(part), **({"problem": part.problem} if part.problem else {})}
