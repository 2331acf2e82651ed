"""A DICOMweb server as a source: QIDO-RS and WADO-RS (PS3.18, 10.4 and 10.6)."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from apps.catalog.part10 import is_uid
from apps.core.multipart import MalformedBody, content_type_of, parts
from apps.dicomnet.listing import ListedImage, ListedStudy, SourceFailed

PAGE = 200
TIMEOUT = httpx.Timeout(60, connect=15)
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class WebReader:
    """See listing.Reader."""

    def __init__(self, url: str, authorization: str = "") -> None:
        headers = {"Authorization": authorization} if authorization else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, follow_redirects=False)
        self._url = url.rstrip("/")

    def studies(self, since: date | None) -> list[ListedStudy]:
        """See Reader."""
        asked = {"includefield": "00201208"} | ({"StudyDate": f"{since:%Y%m%d}-"} if since else {})
        found = list(self._search("/studies", asked))
        return [ListedStudy(_value(each, "0020000D"), _number(each, "00201208")) for each in found]

    def images(self, study_instance_uid: str) -> list[ListedImage]:
        """See Reader."""
        return [
            ListedImage(
                study_instance_uid, _value(each, "0020000E"), _value(each, "00080018"), _value(each, "00080016")
            )
            for each in self._search(f"/studies/{study_instance_uid}/instances", {})
        ]

    def fetch(self, images: list[ListedImage], folder: Path) -> None:
        """See Reader. Each image is asked for by itself, in the transfer syntax it is stored in."""
        for image in images:
            study, series = image.study_instance_uid, image.series_instance_uid
            path = f"/studies/{study}/series/{series}/instances/{image.sop_instance_uid}"
            with self._answer(path, {"Accept": AS_STORED}) as response:
                self._keep(response, folder / image.sop_instance_uid)

    @staticmethod
    def _keep(response: httpx.Response, target: Path) -> None:
        kind, parameters = content_type_of(response.headers.get("Content-Type", ""))
        if kind != "multipart/related" or not parameters.get("boundary"):
            raise SourceFailed("The server does not answer with multipart/related")
        pieces = _Pieces(response.iter_bytes())
        try:
            for part in parts(pieces.read, parameters["boundary"]):
                with target.open("wb") as file:
                    for piece in part.pieces:
                        file.write(piece)
                return
        except MalformedBody as error:
            raise SourceFailed("The server's answer is malformed") from error

    def _search(self, path: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = {"limit": str(PAGE), "offset": str(offset)}
            with self._answer(path, {"Accept": "application/dicom+json"}, asked | page) as response:
                if response.status_code == httpx.codes.NO_CONTENT:
                    return
                response.read()
                found = self._json(response)
            yield from found
            if len(found) < PAGE:
                return
            offset += len(found)

    @staticmethod
    def _json(response: httpx.Response) -> list[dict[str, Any]]:
        try:
            found = response.json()
        except ValueError:
            found = None
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise SourceFailed("The server's answer is no DICOM JSON")
        return found

    @contextmanager
    def _answer(
        self, path: str, headers: dict[str, str], query: dict[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        try:
            with self._client.stream("GET", f"{self._url}{path}", headers=headers, params=query) as response:
                if response.status_code not in {httpx.codes.OK, httpx.codes.NO_CONTENT}:
                    raise SourceFailed(f"The server answers with status {response.status_code}")
                yield response
        except httpx.HTTPError as error:
            raise SourceFailed(f"The server does not answer ({type(error).__name__})") from error


class _Pieces:
    """An iterator as something to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = b""

    def read(self, size: int) -> bytes:
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._waiting = piece
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken


def _value(found: dict[str, Any], tag: str) -> str:
    """A UID; raises SourceFailed where it is none, so that it can stand in a path."""
    values = found.get(tag, {}).get("Value") or [""]
    if tag != "00080016" and not is_uid(str(values[0])):
        raise SourceFailed("The server lists something without its UIDs")
    return str(values[0])


def _number(found: dict[str, Any], tag: str) -> int | None:
    values = found.get(tag, {}).get("Value") or [None]
    return int(values[0]) if str(values[0]).isdigit() else None
