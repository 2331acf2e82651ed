"""Problem details for HTTP APIs (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import JsonResponse

PROBLEM = "application/problem+json"
TYPES = "/api/v1/problems/"


def problem(status: int, *, code: str, detail: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """A refusal for a program; `code` is stable, `detail` a sentence for people."""
    return JsonResponse(details(status, code, detail), status=status, content_type=PROBLEM, headers=headers)


def details(status: int, code: str, detail: str) -> dict[str, Any]:
    """The members of a problem; at its type the code is explained."""
    kind = f"{settings.PUBLIC_URL}{TYPES}#{code}"
    return {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
