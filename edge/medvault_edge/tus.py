"""Resumable upload (tus 1.0.0): goes on where it was cut, at any byte."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from medvault_edge.center import Center
from medvault_edge.errors import NotReachable, Refused

PIECE = 1 << 20
AT_ONCE = 256 << 20
PAUSES_S = (0.5, 1, 2, 5, 10, 20, 30, 60)
_TUS = {"Tus-Resumable": "1.0.0"}
Progress = Callable[[int], None]


class Gone(Exception):
    """The center does not know the upload any more."""


def upload(
    center: Center, path: Path, *, uploads_url: str, metadata: dict[str, str], known_url: str,
    on_begun: Callable[[str], None], progress: Progress, pause: Callable[[float], None] = time.sleep,
) -> None:  # fmt: skip
    """Send a file to its end. `known_url`: where it was begun before, if it was; `progress` is told the offset.

    Cuts are gone over by waiting and asking how much has arrived. Raises NotReachable once that was tried often
    without a single further byte, NotPermitted, Refused.
    """
    length, url, failures, furthest = path.stat().st_size, known_url, 0, -1
    while True:
        try:
            if not url:
                url = _begun(center, uploads_url, length, metadata)
                on_begun(url)
            offset = _offset(center, url, length)
            progress(offset)
            if offset == length:
                return
            if offset > furthest:
                furthest, failures = offset, 0
            _append(center, path, url, offset, progress)
        except Gone:
            url = ""
        except NotReachable:
            failures += 1
            if failures > len(PAUSES_S):
                raise
            pause(PAUSES_S[failures - 1])


def _begun(center: Center, uploads_url: str, length: int, metadata: dict[str, str]) -> str:
    """The center names an upload that another device began of the same collection, and opens it to that one alone."""
    url = _begin(center, uploads_url, length, metadata)
    try:
        _offset(center, url, length)
    except Gone:
        raise Refused("Another device hands this collection over, or has done so") from None
    return url


def _begin(center: Center, uploads_url: str, length: int, metadata: dict[str, str]) -> str:
    encoded = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata.items())
    headers = _TUS | {"Upload-Length": str(length), "Upload-Metadata": encoded}
    response = center.ask("POST", uploads_url, headers=headers)
    if response.status_code != httpx.codes.CREATED or not response.headers.get("Location"):
        raise Refused(_sentence(response, "The center does not take the upload"))
    return str(response.headers["Location"])


def _offset(center: Center, url: str, length: int) -> int:
    response = center.ask("HEAD", url, headers=_TUS)
    if response.status_code in {404, 410}:
        raise Gone
    offset = response.headers.get("Upload-Offset", "")
    if response.status_code != httpx.codes.OK or not offset.isdigit() or int(offset) > length:
        raise Refused("The center does not tell how much has arrived")
    return int(offset)


def _append(center: Center, path: Path, url: str, offset: int, progress: Progress) -> None:
    """A piece from `offset` on; what arrived of it the next HEAD tells."""
    size = min(AT_ONCE, path.stat().st_size - offset)
    headers = _TUS | {
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(size),
    }
    response = center.ask("PATCH", url, headers=headers, content=_pieces(path, offset, size, progress))
    match response.status_code:
        case 204:
            return
        case 404 | 410:
            raise Gone
        case 409 | 423:  # another offset than ours, or an interrupted request still holds it: ask again
            raise NotReachable("The upload is busy at the center")
        case _:
            raise Refused(_sentence(response, "The center does not take the upload"))


def _pieces(path: Path, offset: int, size: int, progress: Progress) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        sent = 0
        while sent < size and (piece := file.read(min(PIECE, size - sent))):
            yield piece
            sent += len(piece)
            progress(offset + sent)


def _sentence(response: httpx.Response, otherwise: str) -> str:
    try:
        return str(response.json().get("detail") or otherwise)[:300]
    except ValueError:
        return f"{otherwise} ({response.status_code})"
