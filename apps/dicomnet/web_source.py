"""A DICOMweb server as a source: QIDO-RS and WADO-RS (PS3.18, 10.4 and 10.6)."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from apps.core.multipart import MalformedBody, content_type_of, parts
from apps.dicomnet.listing import MOST_LISTED, ListedImage, ListedStudy, SourceFailed, TooMuchListed
from apps.dicomnet.web_client import web_client
from apps.vault.errors import VaultUnavailable
from apps.vault.spool import require_reserve

PAGE = 200
LONGEST_ANSWER, CHECK_DISK_EVERY = 64 * 1024 * 1024, 64 * 1024 * 1024
AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*'


class WebReader:
    """See listing.Reader."""

    def __init__(self, url: str, authorization: str = "") -> None:
        self._client = web_client(authorization)
        self._url = url.rstrip("/")

    def studies(self, since: date | None) -> list[ListedStudy]:
        """See Reader."""
        asked = {"includefield": "00201208"} | ({"StudyDate": f"{since:%Y%m%d}-"} if since else {})
        return [
            ListedStudy(_text(each, "0020000D"), _number(each, "00201208")) for each in self._search("/studies", asked)
        ]

    def images(self, study_instance_uid: str) -> list[ListedImage]:
        """See Reader."""
        return [
            ListedImage(study_instance_uid, _text(each, "0020000E"), _text(each, "00080018"), _text(each, "00080016"))
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
        pieces = _Pieces(response.iter_bytes())
        try:
            kind, parameters = content_type_of(response.headers.get("Content-Type", ""))
            if kind != "multipart/related" or not parameters.get("boundary"):
                raise SourceFailed("The server does not answer with multipart/related")
            for part in parts(pieces.read, parameters["boundary"]):
                _write(target, part.pieces)
                return
        except MalformedBody as error:
            raise SourceFailed("The server's answer is malformed") from error

    def _search(self, path: str, asked: dict[str, str]) -> Iterator[dict[str, Any]]:
        offset, before = 0, None
        while offset <= MOST_LISTED:
            page = {"limit": str(PAGE), "offset": str(offset)}
            with self._answer(path, {"Accept": "application/dicom+json"}, asked | page) as response:
                if response.status_code == httpx.codes.NO_CONTENT:
                    return
                found = self._json(response)
            if found and found == before:
                raise SourceFailed("The server gives the same page again and again")
            yield from found
            if len(found) < PAGE:
                return
            offset, before = offset + len(found), found
        raise TooMuchListed

    @staticmethod
    def _json(response: httpx.Response) -> list[dict[str, Any]]:
        """What it holds, in bounded memory, however little of it travels compressed."""
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > LONGEST_ANSWER:
                raise SourceFailed("The server's answer is too long")
        try:
            found = json.loads(body)
        except (RecursionError, ValueError):
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


def _write(target: Path, pieces: Iterable[bytes | memoryview]) -> None:
    """An image as it comes; a disk is not filled by it. Raises VaultUnavailable."""
    written = checked = 0
    try:
        with target.open("wb") as file:
            for piece in pieces:
                written += file.write(piece)
                if written - checked >= CHECK_DISK_EVERY:
                    require_reserve(target.parent)
                    checked = written
    except OSError as error:
        raise VaultUnavailable(f"What a source sends could not be written: {error.strerror}") from error


def _text(found: dict[str, Any], tag: str) -> str:
    """The first value of an attribute; '' where there is none, or no attribute as DICOM JSON has them."""
    try:
        return str((found[tag]["Value"] or [""])[0])
    except (KeyError, IndexError, TypeError):
        return ""


def _number(found: dict[str, Any], tag: str) -> int | None:
    text = _text(found, tag)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
