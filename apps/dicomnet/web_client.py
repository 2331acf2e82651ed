"""Requests to DICOMweb servers of facilities: only to addresses that one may have, whatever its name resolves to next.
Redirects are not followed.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import httpcore
import httpx

from apps.core.errors import DomainError
from apps.orders.addresses import reachable_address

TIMEOUT = httpx.Timeout(60, connect=15)


def web_client(authorization: str, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client whose connections go where reachable_address lets them."""
    given = dict(headers or {}) | ({"Authorization": authorization} if authorization else {})
    return httpx.Client(headers=given, timeout=TIMEOUT, follow_redirects=False, transport=_Transport())


class _Transport(httpx.HTTPTransport):
    def __init__(self) -> None:
        super().__init__()
        self._pool = httpcore.ConnectionPool(ssl_context=httpx.create_ssl_context(), network_backend=_Looking())


class _Looking(httpcore.SyncBackend):
    """Looks at the address and connects to that one: a name is resolved once (DNS rebinding)."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            address = reachable_address(host, port)
        except DomainError as error:
            raise httpcore.ConnectError(error.message) from error
        return super().connect_tcp(address, port, timeout, local_address, socket_options)
