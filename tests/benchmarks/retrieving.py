"""Retrieving by WADO-RS: a study, one instance, a picture; one object of 1 GiB."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.benchmarks.images import Slices
from tests.benchmarks.servers import Server
from tests.benchmarks.storing import body, connected, headers, middle, require_success

STUDY = 100  # images of 512x512: 53 MB
ROUNDS, SINGLES, PICTURES = 7, 60, 20
PIECE = 1 << 20
BIG_LABELS = ("object of 1 GiB, MB/s", "... first byte, ms", "... raises memory by, MB")


@dataclass(frozen=True)
class Figures:
    """Medians."""

    study: float = field(metadata={"label": "study, MB/s"})
    first_byte: float = field(metadata={"label": "... first byte, ms"})
    single: float = field(metadata={"label": "one image, ms"})
    rendered: float = field(metadata={"label": "rendered, ms"})
    rendered_again: float = field(metadata={"label": "rendered again, ms"})
    metadata: float = field(metadata={"label": "metadata of the study, ms"})


def retrieved(server: Server) -> Figures:
    """Each the median of several."""
    connection = connected(server)
    slices = Slices(512)
    connection.request("POST", f"{urlsplit(server.url).path}/studies", body(slices.take(STUDY)), headers(server))
    require_success(connection)
    addresses = _addresses(server, connection)
    study = addresses[0].partition("/series/")[0]
    parts = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    whole = [_got(server, connection, study, parts) for _ in range(ROUNDS + 1)][1:]
    singles = [_got(server, connection, each, parts).seconds for each in addresses[:SINGLES]]
    pictures = addresses[SINGLES : SINGLES + PICTURES]
    jpeg = {"Accept": "image/jpeg"}
    _got(server, connection, f"{addresses[-1]}/rendered", jpeg)
    first = [_got(server, connection, f"{each}/rendered", jpeg).seconds for each in pictures]
    again = [_got(server, connection, f"{each}/rendered", jpeg).seconds for each in pictures]
    metadata = [_got(server, connection, f"{study}/metadata", {}).seconds for _ in range(3)]
    connection.close()
    return Figures(
        study=middle([each.length / 1e6 / each.seconds for each in whole]),
        first_byte=1000 * middle([each.first for each in whole]),
        single=1000 * middle(singles),
        rendered=1000 * middle(first),
        rendered_again=1000 * middle(again),
        metadata=1000 * middle(metadata),
    )


def big_retrieved(server: Server) -> tuple[float, float, float]:
    """MB/s of the last stored object of 1 GiB, milliseconds to its first byte, MB by which memory rose."""
    connection = connected(server)
    (address,) = _addresses(server, connection, {"Rows": "1024"})[:1]
    with _memory(server) as rise:
        found = _got(server, connection, address, {"Accept": 'multipart/related; type="application/dicom"'})
    connection.close()
    return found.length / 1e6 / found.seconds, 1000 * found.first, rise[0]


@dataclass(frozen=True)
class _Answer:
    length: int
    first: float
    seconds: float


def _got(server: Server, connection: http.client.HTTPConnection, path: str, own: dict[str, str]) -> _Answer:
    started = time.perf_counter()
    connection.request("GET", path, headers=server.headers | own)
    response = connection.getresponse()
    buffer = memoryview(bytearray(PIECE))
    length = response.readinto(buffer[:1])
    first = time.perf_counter() - started
    while size := response.readinto(buffer):
        length += size
    if response.status != 200:
        raise RuntimeError(f"{server.name}: {response.status} for {path}")
    return _Answer(length, first, time.perf_counter() - started)


def _addresses(server: Server, connection: http.client.HTTPConnection, only: dict[str, str] | None = None) -> list[str]:
    """Paths of the instances that the server has."""
    connection.request("GET", f"{urlsplit(server.url).path}/instances?limit=1000", headers=server.headers)
    found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    root = urlsplit(server.url).path
    return [
        f"{root}/studies/{_of(each, '0020000D')}/series/{_of(each, '0020000E')}/instances/{_of(each, '00080018')}"
        for each in found
        if not only or _of(each, "00280010") == int(only["Rows"])
    ]


def _of(found: dict[str, Any], tag: str) -> Any:
    return found[tag]["Value"][0]


@contextmanager
def _memory(server: Server) -> Iterator[list[float]]:
    """By how many MB the server's memory rises meanwhile."""
    before, rise, done = server.memory_bytes(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            rise[0] = max(rise[0], (server.memory_bytes() - before) / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield rise
    finally:
        done.set()
        watcher.join()
