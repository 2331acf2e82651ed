"""Whatever refuses below /api/ does so with problem details (RFC 9457): resolver, middleware and a view that broke."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, HttpResponseBase

from apps.core.problems import PROBLEM, problem

API = "/api/"
DETAILS = {
    400: "The request is not as it should be",
    403: "This needs another role, or the CSRF token of a session",
    404: "There is no such thing here",
    405: "The address does not take this method",
    500: "The center failed at this. It is on record; send again later",
}
_OF_THE_BODY = {"content-type", "content-length", "content-language"}


class ProblemMiddleware:
    """Pages for people, and sentences, become problems; problems stay."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if not request.path_info.startswith(API):
            return response
        if response.status_code == HTTPStatus.MOVED_PERMANENTLY and request.method not in {"GET", "HEAD"}:
            return problem(404, code="not_found", detail="Addresses end with a slash")
        if response.status_code < 400 or response.headers.get("Content-Type", "").startswith(PROBLEM):
            return response
        return _as_problem(response)


def _as_problem(response: HttpResponseBase) -> HttpResponseBase:
    status = response.status_code
    headers = {name: value for name, value in response.headers.items() if name.lower() not in _OF_THE_BODY}
    told = ""
    if isinstance(response, HttpResponse) and response.headers.get("Content-Type", "").startswith("text/plain"):
        told = response.content.decode().strip()
    detail = told or DETAILS.get(status, HTTPStatus(status).phrase)
    answer = problem(status, code=HTTPStatus(status).name.lower(), detail=detail, headers=headers)
    answer.cookies = response.cookies
    return answer
