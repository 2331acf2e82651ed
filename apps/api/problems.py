"""Errors of REST framework's views as problem details (RFC 9457)."""

from typing import Any

from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.core.errors import DomainError
from apps.core.problems import PROBLEM, details


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. A fact that no view has translated is a conflict."""
    if isinstance(error, DomainError):
        return Response(details(409, error.code, error.message), status=409, content_type=PROBLEM)
    response = exception_handler(error, context)
    if response is None:
        return None
    code = error.default_code if isinstance(error, APIException) else "not_found"
    told = details(response.status_code, code, "")
    if isinstance(error, ValidationError):
        told |= {"detail": "The request is not as it should be", "errors": response.data}
    elif isinstance(response.data, dict):
        told["detail"] = str(response.data.get("detail", ""))
    response.data, response.content_type = told, PROBLEM
    return response
