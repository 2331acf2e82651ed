"""Whom the doors of facilities have admitted, told to REST framework."""

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request


class Admitted(BaseAuthentication):
    """The person of the session, if there is one. Who may enter was asked before."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        user = request._request.user  # noqa: SLF001
        return (user, None) if user.is_authenticated else None
