"""The center's REST API, as this program uses it (the center's docs/api.md)."""

from collections.abc import Iterator
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx

from medvault_edge import SOFTWARE
from medvault_edge.errors import NotPermitted, NotReachable, NotUsable, Refused

TIMEOUT = httpx.Timeout(60, connect=15)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def checked_url(url: str) -> str:
    """The center's address, which must be https unless it is this very machine. Raises NotUsable."""
    parts = urlsplit(url if "://" in url else f"https://{url}")
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise NotUsable("The center's address is like https://center.example")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise NotUsable("The center's address must begin with https://")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


class Center:
    """A connection to the center; `token` of the facility that is meant."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = checked_url(url)
        headers = {"User-Agent": SOFTWARE} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, follow_redirects=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def enrol(self, *, code: str, name: str, jwk: dict[str, Any]) -> dict[str, Any]:
        """Become known by a one-time code."""
        body = {"code": code, "name": name, "software": SOFTWARE, "jwk": jwk}
        return self._json("POST", "/api/v1/enrol/", json=body)

    def terminals(self, slug: str) -> list[dict[str, Any]]:
        """What a facility's terminals are set to."""
        return list(self._json("GET", f"/api/v1/f/{slug}/terminals/").get("terminals", []))

    def report_capacity(self, slug: str, uid: str, capacity: dict[str, Any]) -> dict[str, Any]:
        """Tell how full a terminal is; its settings come back."""
        return self._json("POST", f"/api/v1/f/{slug}/terminals/{uid}/capacity/", json=capacity)

    def request_collection(self, slug: str, uid: str, wish: dict[str, Any]) -> dict[str, Any]:
        """Ask for a collection."""
        return self._json("POST", f"/api/v1/f/{slug}/terminals/{uid}/requests/", json=wish)

    def collection(self, slug: str, uid: str) -> dict[str, Any]:
        """How far a collection is at the center."""
        return self._json("GET", f"/api/v1/f/{slug}/collections/{uid}/")

    def receipts_of(self, slug: str, uid: str) -> dict[str, str | None]:
        """The receipts of a collection, by kind."""
        return self._json("GET", f"/api/v1/f/{slug}/collections/{uid}/receipts/")

    def receipts_after(self, slug: str, cursor: str) -> dict[str, Any]:
        """Receipts that came after a cursor."""
        return self._json("GET", f"/api/v1/f/{slug}/receipts/", params={"after": cursor} if cursor else None)

    def restores(self, slug: str) -> list[dict[str, Any]]:
        """What lies ready to come back."""
        return list(self._json("GET", f"/api/v1/f/{slug}/restores/").get("restores", []))

    def arrived(self, slug: str, uid: str, manifest_sha256: str, *, files: int, length: int) -> None:
        """Say how much of a restore is verified and synced here."""
        told = {"manifest_sha256": manifest_sha256, "files": files, "bytes": length}
        self._json("POST", f"/api/v1/f/{slug}/restores/{uid}/arrived/", json=told)

    def restored(self, slug: str, uid: str, manifest_sha256: str) -> None:
        """Say that all of a restore has arrived."""
        self._json("POST", f"/api/v1/f/{slug}/restores/{uid}/restored/", json={"manifest_sha256": manifest_sha256})

    def file_from(self, path: str, offset: int) -> Iterator[bytes]:
        """A file from a byte on. Raises NotReachable where it is cut or the center is busy, Refused."""
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            with self._client.stream("GET", f"{self.url}{path}", headers=headers) as response:
                if response.status_code in {401, 403}:
                    raise NotPermitted("The center does not permit this: the terminal is to be enrolled again")
                if response.status_code >= 500:
                    raise NotReachable(f"The center cannot answer now ({response.status_code})")
                if response.status_code != (httpx.codes.PARTIAL_CONTENT if offset else httpx.codes.OK):
                    raise Refused(f"The center does not give this file ({response.status_code})")
                yield from response.iter_raw()
        except httpx.TransportError as error:
            raise NotReachable(f"The center does not answer ({type(error).__name__})") from error

    def ask(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """A request; `path` may be a whole address of the center's. Raises NotReachable, NotPermitted."""
        address = urljoin(f"{self.url}/", path)
        if urlsplit(address).netloc != urlsplit(self.url).netloc:
            raise Refused("The center names an address that is not its own")
        try:
            response = self._client.request(method, address, **kwargs)
        except httpx.TransportError as error:
            raise NotReachable(f"The center does not answer ({type(error).__name__})") from error
        if response.status_code in {401, 403}:
            raise NotPermitted(_why(response) or "The center does not permit this")
        if response.status_code >= 500:
            raise NotReachable(f"The center cannot answer now ({response.status_code})")
        return response

    def _json(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        response = self.ask(method, path, **kwargs)
        if response.status_code >= 400:
            raise Refused(_why(response) or f"The center refuses this ({response.status_code})")
        try:
            content = response.json()
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise Refused("What answers there is no MedVault center")
        return content


def _why(response: httpx.Response) -> str:
    """The detail of a problem (RFC 9457), if it is one."""
    try:
        content = response.json()
    except ValueError:
        return ""
    return str(content.get("detail", ""))[:300] if isinstance(content, dict) else ""
