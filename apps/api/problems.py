"""Errors as problem details (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from django.http import JsonResponse
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.errors import DomainError

PROBLEM = "application/problem+json"


def problem(status: int, *, code: str, detail: str, headers: dict[str, str] | None = None) -> JsonResponse:
    """A problem outside of REST framework's views."""
    return JsonResponse(_details(status, code, detail), status=status, content_type=PROBLEM, headers=headers)


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. A fact that no view has translated is a conflict."""
    if isinstance(error, DomainError):
        return Response(_details(409, error.code, error.message), status=409, content_type=PROBLEM)
    response = exception_handler(error, context)
    if response is None:
        return None
    code = error.default_code if isinstance(error, APIException) else "not_found"
    details = _details(response.status_code, code, "")
    if isinstance(error, ValidationError):
        details |= {"detail": "The request is not as it should be", "errors": response.data}
    elif isinstance(response.data, dict):
        details["detail"] = str(response.data.get("detail", ""))
    response.data, response.content_type = details, PROBLEM
    return response


def _details(status: int, code: str, detail: str) -> dict[str, Any]:
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail}
