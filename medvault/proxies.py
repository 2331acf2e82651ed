"""Whose request it is behind proxies."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ProxyMiddleware:
    """Puts the client's address where the nearest proxy's stands. Each of TRUSTED_PROXIES proxies appends the address
    it was called from to X-Forwarded-For; what stands before that anybody may have written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        addresses = request.headers.get("X-Forwarded-For", "").split(",")
        if 0 < settings.TRUSTED_PROXIES <= len(addresses) and (address := addresses[-settings.TRUSTED_PROXIES].strip()):
            request.META["REMOTE_ADDR"] = address
        return self.get_response(request)
