"""Sending to a DICOMweb server by STOW-RS (PS3.18, 10.5): images as they were received, streamed, a few at a time."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from apps.catalog.bytes import instance_pieces
from apps.catalog.models import Instance
from apps.dicomnet.sending import Unreachable
from apps.dicomnet.web_client import web_client
from apps.orders.statuses import NOT_SUPPORTED, SUCCESS
from apps.vault.errors import MissingPack, VaultUnavailable
from apps.vault.spool import passing_folder

AT_ONCE, AT_ONCE_BYTES, PIECE = 50, 32 * 1024 * 1024, 1 << 20
LONGEST_ANSWER = 8 * 1024 * 1024
ANSWERED = {httpx.codes.OK, httpx.codes.ACCEPTED, httpx.codes.CONFLICT}
STORED, FAILED = "00081199", "00081198"
UID, WARNING, FAILURE = "00081155", "00081196", "00081197"
PROCESSING_FAILURE, OUT_OF_RESOURCES, CANNOT_UNDERSTAND = 0x0110, 0xA700, 0xC000
REFUSALS = {400: CANNOT_UNDERSTAND, 413: OUT_OF_RESOURCES, 415: NOT_SUPPORTED, 422: CANNOT_UNDERSTAND}
"""What statuses of HTTP say of an image that was sent by itself."""


def store_to(url: str, authorization: str, instances: Iterable[Instance]) -> Iterator[tuple[Instance, int | None]]:
    """Send each; yields its DICOM status, None where it could not be read. Raises Unreachable."""
    with (
        web_client(authorization, {"Accept": "application/dicom+json"}) as client,
        passing_folder() as folder,
    ):
        for batch in _batches(instances):
            paths = {instance.sop_instance_uid: _read(instance, folder / f"{instance.pk}") for instance in batch}
            readable = {uid: path for uid, path in paths.items() if path}
            statuses = _store(client, f"{url.rstrip('/')}/studies", readable)
            for instance in batch:
                uid = instance.sop_instance_uid
                yield instance, statuses.get(uid, PROCESSING_FAILURE) if uid in readable else None
            for path in readable.values():
                path.unlink()


def _batches(instances: Iterable[Instance]) -> Iterator[list[Instance]]:
    batch: list[Instance] = []
    size = 0
    for instance in instances:
        if batch and (len(batch) == AT_ONCE or size + instance.length_bytes > AT_ONCE_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(instance)
        size += instance.length_bytes
    if batch:
        yield batch


def _read(instance: Instance, path: Path) -> Path | None:
    """The image as a file, so that one that cannot be read breaks no request."""
    try:
        with path.open("wb") as file:
            for piece in instance_pieces(instance):
                file.write(piece)
    except (MissingPack, VaultUnavailable, OSError):
        path.unlink(missing_ok=True)
        return None
    return path


def _store(client: httpx.Client, address: str, files: Mapping[str, Path]) -> dict[str, int]:
    """Statuses by SOP Instance UID. Where a server refuses a request, each image is sent by itself."""
    if not files:
        return {}
    boundary = uuid4().hex
    head, end = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode(), f"--{boundary}--\r\n".encode()

    def content() -> Iterator[bytes]:
        for path in files.values():
            yield head
            with path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
            yield b"\r\n"
        yield end

    length = sum(len(head) + path.stat().st_size + 2 for path in files.values()) + len(end)
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(length),
    }
    try:
        with client.stream("POST", address, headers=headers, content=content()) as response:
            if response.status_code in ANSWERED:
                return _statuses(_answer(response))
            code = response.status_code
    except httpx.HTTPError as error:
        raise Unreachable(f"The server does not answer ({type(error).__name__})") from error
    if code not in REFUSALS:
        raise Unreachable(f"The server answers with status {code}")
    if len(files) == 1:
        return dict.fromkeys(files, REFUSALS[code])
    return {uid: status for each in files.items() for uid, status in _store(client, address, dict([each])).items()}


def _answer(response: httpx.Response) -> dict[str, Any]:
    """Its JSON, in bounded memory. Raises Unreachable where it is none."""
    body = bytearray()
    for piece in response.iter_bytes():
        body += piece
        if len(body) > LONGEST_ANSWER:
            raise Unreachable("The server's answer is too long")
    try:
        found = json.loads(body or "{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable("The server's answer is no DICOM JSON")
    return found


def _statuses(answer: dict[str, Any]) -> dict[str, int]:
    """Of what it stored and of what it refused (PS3.18, I.2); what it does not mention is not there."""
    try:
        stored = {_first(item, UID): int(_first(item, WARNING) or SUCCESS) for item in _items(answer, STORED)}
        failed = {
            _first(item, UID): int(_first(item, FAILURE) or PROCESSING_FAILURE) for item in _items(answer, FAILED)
        }
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise Unreachable("The server's answer is malformed") from error
    return stored | failed


def _items(answer: dict[str, Any], tag: str) -> list[dict[str, Any]]:
    return list(answer.get(tag, {}).get("Value") or [])


def _first(item: dict[str, Any], tag: str) -> Any:
    return (item.get(tag, {}).get("Value") or [None])[0]
