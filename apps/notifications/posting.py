"""One POST to an address that somebody else chose: public, pinned, never redirected, bounded in time and size.

The name is resolved once, every address that it has must be public, and the connection goes to one of those: a name
that answers differently the second time (DNS rebinding) leads nowhere else. TLS still checks the certificate of the
name. Nothing of the answer but its status is kept.
"""

import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.conf import settings

from apps.core.addresses import NAT64_WITHIN, all_of

WITHIN_S = 10.0
MOST_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """The status of an answer, or why there is none; and how long it took."""

    status: int | None
    problem: str
    took_ms: int

    @property
    def is_taken(self) -> bool:
        """Any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class NotPublic(httpcore.ConnectError):
    """The name leads to this machine, or into a private network."""


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Post it and tell what came of it; raises nothing that a receiver could cause."""
    started = monotonic()
    try:
        status, problem = _post(url, body, headers, started + WITHIN_S), ""
    except NotPublic:
        status, problem = None, "The address is not a public one"
    except (httpcore.TimeoutException, TimeoutError):
        status, problem = None, f"No answer within {WITHIN_S:.0f} seconds"
    except ssl.SSLError:
        status, problem = None, "TLS failed: is the certificate valid for this name?"
    except httpcore.ConnectError as error:
        is_tls = isinstance(error.__cause__ or error.__context__, ssl.SSLError)
        status, problem = None, "TLS failed: is the certificate valid for this name?" if is_tls else "No connection"
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
        status, problem = None, f"The connection broke: {type(error).__name__}"
    if status is not None and 300 <= status < 400:
        problem = "Redirected: give the address it leads to"
    return Answer(status, problem, int((monotonic() - started) * 1000))


def is_acceptable(url: str) -> bool:
    """Whether it is an address that messages may go to at all: https, with a name and without a password."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    schemes = {"https", "http"} if settings.WEBHOOKS_ANYWHERE else {"https"}
    return parts.scheme in schemes and bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment


def _post(url: str, body: bytes, headers: Mapping[str, str], until: float) -> int:
    if not is_acceptable(url):
        raise NotPublic
    sent = {"content-type": "application/json", "user-agent": "MedVault-Webhooks", "connection": "close", **headers}
    with (
        httpcore.ConnectionPool(
            ssl_context=ssl.create_default_context(), network_backend=_Pinned(until), max_keepalive_connections=0
        ) as pool,
        pool.stream("POST", url, headers=list(sent.items()), content=body) as response,
    ):
        read = 0
        for piece in response.iter_stream():
            read += len(piece)
            if read > MOST_READ:
                break
        return int(response.status)


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were looked at, and to no other; everything ends at `until`."""

    def __init__(self, until: float) -> None:
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        problem: OSError | None = None
        for address in _addresses(host, port):
            try:
                connected = socket.create_connection((address, port), _left(self._until))
            except OSError as error:
                problem = error
                continue
            return _Stream(connected, self._until)
        raise httpcore.ConnectError from problem


class _Stream(httpcore.NetworkStream):
    """A connection of which every step ends at `until`, however slowly the other side answers."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._socket, self._until = connected, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        self._socket.settimeout(_left(self._until))
        return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._socket.settimeout(_left(self._until))
        self._socket.sendall(buffer)

    def close(self) -> None:
        self._socket.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        self._socket.settimeout(_left(self._until))
        with self._socket:  # wrapping takes the connection over; where it fails, that is the end of it
            return _Stream(ssl_context.wrap_socket(self._socket, server_hostname=server_hostname), self._until)

    def get_extra_info(self, info: str) -> Any:  # noqa: ARG002
        return None


def _left(until: float) -> float:
    left = until - monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _addresses(host: str, port: int) -> list[str]:
    """What the name resolves to. Raises NotPublic where any of it is not public, ConnectError where it is nothing."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError from error
    addresses = [str(each[4][0]) for each in found]
    if not settings.WEBHOOKS_ANYWHERE and not all(map(is_public, addresses)):
        raise NotPublic
    return addresses


def is_public(address: str) -> bool:
    """Whether it is an address of the Internet; one inside another (mapped, 6to4, Teredo, NAT64) counts as both."""
    parsed = ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and (parsed in NAT64_WITHIN or parsed.is_site_local):
        return False
    return all(each.is_global and not each.is_multicast for each in all_of(parsed))
