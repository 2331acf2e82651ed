"""Problem details for HTTP APIs (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import JsonResponse

from apps.core import request_ids

PROBLEM = "application/problem+json"
TYPES = "/api/v1/problems/"


def problem(status: int, *, code: str, detail: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """A refusal for a program; `code` is stable, `detail` a sentence for people."""
    return JsonResponse(details(status, code, detail), status=status, content_type=PROBLEM, headers=headers)


def details(status: int, code: str, detail: str) -> dict[str, Any]:
    """The members of a problem. At its type the code is explained; by `request_id` the center finds it in its logs."""
    kind = f"{settings.PUBLIC_URL}{TYPES}#{code}"
    told = {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
    return told | ({"request_id": request_id} if (request_id := request_ids.current()) else {})
