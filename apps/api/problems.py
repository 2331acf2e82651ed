"""Errors of REST framework's views as problem details (RFC 9457), and the page that explains their codes."""

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from apps.catalog.criteria import InvalidCriteria
from apps.core.errors import DomainError
from apps.core.problems import PROBLEM, details

CODES = {
    "answer_lost": "The act with this Idempotency-Key was done; its answer cannot be read any more.",
    "bad_idempotency_key": "The Idempotency-Key is not a string of 1 to 255 visible characters.",
    "bad_request": "The request is malformed.",
    "forbidden": "The token lacks the scope, the person the role, or the session's CSRF token is missing.",
    "idempotency_key_reused": "The Idempotency-Key came with another request in the last 24 hours.",
    "in_progress": "A request with the same Idempotency-Key is being carried out: ask again in a moment.",
    "internal_server_error": "The center failed. It is on record; send again later, with the same Idempotency-Key.",
    "invalid": "A field is missing or not as it should be; `errors` names each.",
    "method_not_allowed": "The address does not take this method; `Allow` names those that it takes.",
    "not_acceptable": "`Accept` allows none of the types that there are.",
    "not_found": "There is no such thing, or it is another facility's.",
    "parse_error": "The body is not JSON.",
    "service_unavailable": "The database or the vault is away; `Retry-After` says when to send again.",
    "too_large": "The body is larger than is taken here.",
    "too_many_requests": "The limit of requests is reached; `Retry-After` says in how many seconds it begins anew.",
    "unauthorized": "There is no token, or one that is unknown, revoked or expired; or nobody is signed in.",
    "unsupported_media_type": "The body is of another type than JSON.",
}


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. A fact that no view has translated is a conflict."""
    if isinstance(error, InvalidCriteria):
        error = ValidationError({error.field: [error.message]})
    if isinstance(error, DomainError):
        return Response(details(409, error.code, error.message), status=409, content_type=PROBLEM)
    response = exception_handler(error, context)
    if response is None:
        return None
    code = error.default_code if isinstance(error, APIException) else "not_found"
    told = details(response.status_code, code, "")
    if isinstance(error, ValidationError):
        told |= {"detail": "The request is not as it should be", "errors": _tellable(response.data)}
    elif isinstance(response.data, dict):
        told["detail"] = str(response.data.get("detail", ""))
    response.data, response.content_type = told, PROBLEM
    return response


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """What each code means: where the types of problems lead."""
    found = CODES | {kind.code: (kind.__doc__ or "").partition("\n")[0] for kind in _facts(DomainError)}
    return render(request, "api/problems.html", {"codes": sorted(found.items())})


def _tellable(errors: Any) -> Any:
    """The errors, of which some repeat what was sent: lone surrogates, which JSON can name and UTF-8 has not, are ?."""
    return json.loads(json.dumps(errors, ensure_ascii=False).encode(errors="replace"))


def _facts(kind: type[DomainError]) -> list[type[DomainError]]:
    return [found for each in kind.__subclasses__() for found in (each, *_facts(each))]
