"""A terminal on the LAN, as a collector speaks to it. What it says is believed for its signature alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from medvault_edge import SOFTWARE
from medvault_edge.errors import NoRoom, NotPermitted, NotReachable, NotUsable, Refused

TIMEOUT = httpx.Timeout(60, connect=15)
COLLECTING_S = 4 * 3600.0
MOST_ANSWER = 16 << 20


class TerminalAt:
    """A connection to `HOST:PORT`; its network's proxies are none of the LAN's."""

    def __init__(self, address: str) -> None:
        self._client = httpx.Client(
            base_url=_url(address), headers={"User-Agent": SOFTWARE}, timeout=TIMEOUT, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def challenge(self) -> dict[str, Any]:
        """Who it says it is, and its nonce."""
        return self._json("GET", "/challenge")

    def visit(self, visit: str) -> str:
        """Its offer, once it has collected, which takes as long as reading and sealing its images does."""
        timeout = httpx.Timeout(60, connect=15, read=COLLECTING_S)
        return str(self._json("POST", "/visits", content=visit, timeout=timeout).get("offer"))

    def sealed(self, uid: str, token: str, offset: int) -> Iterator[bytes]:
        """A sealed file from a byte on. Raises NotReachable where it is cut."""
        headers = _bearer(token) | {"Range": f"bytes={offset}-"}
        with self._asked("GET", f"/visits/{uid}", headers=headers) as response:
            if response.status_code != httpx.codes.PARTIAL_CONTENT:
                raise Refused("The terminal does not go on where it was")
            yield from response.iter_raw()

    def receipted(self, uid: str, token: str, receipt: str) -> list[str]:
        """Give a receipt; the names of what the terminal wrote to its folder."""
        written = self._json("POST", f"/visits/{uid}/receipt", headers=_bearer(token), content=receipt).get("written")
        return [str(name) for name in written] if isinstance(written, list) else []

    def _json(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        with self._asked(method, path, **kwargs) as response:
            return _content(response)

    @contextmanager
    def _asked(self, method: str, path: str, **kwargs: Any) -> Iterator[httpx.Response]:
        with _reached(), self._client.stream(method, path, **kwargs) as response:
            if response.status_code < 400:
                yield response
                return
            why = str(_content(response).get("detail", ""))[:300] or "The terminal refuses this"
        raise {403: NotPermitted, 503: NotReachable, 507: NoRoom}.get(response.status_code, Refused)(why)


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise NotReachable(f"The terminal does not answer ({type(error).__name__})") from error


def _content(response: httpx.Response) -> dict[str, Any]:
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > MOST_ANSWER:
            raise Refused("What answers there is no MedVault terminal")
    try:
        content = json.loads(body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise Refused("What answers there is no MedVault terminal")
    return content


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _url(address: str) -> str:
    parts = urlsplit(f"http://{address}")
    try:
        is_one = bool(parts.hostname and parts.port) and parts.netloc == address
    except ValueError:
        is_one = False
    if not is_one:
        raise NotUsable("A terminal's address is HOST:PORT")
    return f"http://{address}"
