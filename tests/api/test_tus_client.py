"""A tus client that others wrote, and broken connections, against the web server that the installation runs."""

import http.client
import io
import socket
from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pydicom.data
import pytest
from django.conf import settings
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

from apps.catalog.models import Instance
from apps.collection.handover import open_upload, uploads_to_open
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_facility
from tests.collection.sealed import manifest_of, sealed
from tests.waiting import until

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()
FILES = {"1.dcm": CT}


@pytest.fixture
def token(sakura: Facility, token_for: Callable[..., str]) -> str:
    return token_for(sakura, Scope.HANDOVER)


def collection() -> tuple[UUID, bytes]:
    uid = uuid4()
    return uid, sealed(FILES, manifest_of(FILES, collection=uid, facility="sakura"))


def metadata(uid: UUID, content: bytes) -> dict[str, str]:
    return {"collection": str(uid), "sha256": sha256(content).hexdigest()}


def test_it_hands_over_a_collection_in_chunks(address: str, token: str, sakura: Facility) -> None:
    uid, content = collection()
    client = TusClient(f"{address}/api/v1/f/sakura/uploads/", headers={"Authorization": f"Bearer {token}"})
    uploader = client.uploader(
        file_stream=io.BytesIO(content), chunk_size=len(content) // 7, metadata=metadata(uid, content)
    )
    uploader.upload_chunk()
    again = client.uploader(file_stream=io.BytesIO(content), url=uploader.url, chunk_size=len(content) // 3)
    again.upload()
    assert again.offset == len(content)
    for key in uploads_to_open():
        assert open_upload(key)
    with as_facility(sakura):
        assert Instance.objects.count() == 1


def test_it_is_told_when_its_token_is_not_taken(address: str, sakura: Facility) -> None:
    uid, content = collection()
    client = TusClient(f"{address}/api/v1/f/sakura/uploads/", headers={"Authorization": "Bearer mv_wrong"})
    with pytest.raises(TusCommunicationError) as refused:
        client.uploader(file_stream=io.BytesIO(content), metadata=metadata(uid, content)).upload()
    assert refused.value.status_code == 401


class Sender:
    """Speaks tus by hand, so that it can break off."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self.host, self.port = str(parts.hostname), int(parts.port or 0)
        self.headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}

    def begin(self, uid: UUID, content: bytes) -> str:
        pairs = [f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata(uid, content).items()]
        headers = {"Upload-Length": str(len(content)), "Upload-Metadata": ",".join(pairs)}
        return str(self.ask("POST", "/api/v1/f/sakura/uploads/", headers=headers).headers["Location"])

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.request(method, path, body, self.headers | (headers or {}))
        response = connection.getresponse()
        response.read()
        return response

    def offset(self, path: str) -> int:
        return int(self.ask("HEAD", path).headers["Upload-Offset"])

    def opened(self, path: str, offset: int, announced: int) -> socket.socket:
        """A connection on which the head of a PATCH was sent, and nothing of its body."""
        connection = socket.create_connection((self.host, self.port), timeout=30)
        headers = self.headers | {
            "Host": "localhost",
            "Upload-Offset": str(offset),
            "Content-Length": str(announced),
            "Content-Type": "application/offset+octet-stream",
        }
        lines = [f"PATCH {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        connection.sendall("\r\n".join(lines).encode())
        return connection

    def has(self, path: str, end: int) -> bool:
        return self.offset(path) >= end


def test_what_arrived_before_a_connection_broke_is_kept(address: str, token: str, sakura: Facility) -> None:
    sender = Sender(address, token)
    uid, content = collection()
    path = sender.begin(uid, content)
    for tenth in range(1, 10):
        start, end = sender.offset(path), len(content) * tenth // 10
        with sender.opened(path, start, len(content) - start) as connection:
            connection.sendall(content[start:end])
        until(partial(sender.has, path, end))
    kind = {"Upload-Offset": str(sender.offset(path)), "Content-Type": "application/offset+octet-stream"}
    response = sender.ask("PATCH", path, content[sender.offset(path) :], kind)
    assert response.status == 204, response.status
    for key in uploads_to_open():
        assert open_upload(key)
    with as_facility(sakura):
        assert Instance.objects.count() == 1


def is_held() -> bool:
    """Whether somebody appends to the one upload there is. Asks the kernel: a try of the lock would take it."""
    [file] = Path(settings.UPLOADS).iterdir()
    inode = f":{file.stat().st_ino} "
    return any(inode in line for line in Path("/proc/locks").read_text().splitlines())


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs the kernel's list of locks (Linux)")
def test_two_at_once_do_not_write_into_each_other(address: str, token: str, sakura: Facility) -> None:
    sender = Sender(address, token)
    uid, content = collection()
    path = sender.begin(uid, content)
    with sender.opened(path, 0, len(content)) as first:
        until(is_held)
        kind = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        assert sender.ask("PATCH", path, content, kind).status == 423
        first.sendall(content)
        assert first.recv(12) == b"HTTP/1.1 204"
    assert sender.offset(path) == len(content)
