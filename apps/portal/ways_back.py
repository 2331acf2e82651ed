"""Addresses that only take what is posted, asked for as a page: by a reload, another language, a bookmark."""

from collections.abc import Callable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve

GetResponse = Callable[[HttpRequest], HttpResponseBase]
OF_FACILITIES = "/f/"


class WaysBack:
    """Leads a browser from there to the page that the form stood on, in place of an empty answer.

    Must stand above what gives a form back that was kept (KeptForms).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED and _wants_page(request):
            return redirect(page_above(request.path))
        return response


def page_above(path: str) -> str:
    """The nearest address above it: of a page, or of what leads on to one."""
    parts = path.strip("/").split("/")
    while parts := parts[:-1]:
        for address in (f"/{'/'.join(parts)}/", f"/{'/'.join(parts)}"):
            try:
                resolve(address)
            except Resolver404:
                continue
            return address
    return "/"


def _wants_page(request: HttpRequest) -> bool:
    is_page = "text/html" in request.headers.get("Accept", "") and "HX-Request" not in request.headers
    return request.method == "GET" and request.path.startswith(OF_FACILITIES) and is_page
