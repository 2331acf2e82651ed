"""Retrieving and searching by DICOMweb: a study, an image, pictures, an object of 1 GiB; 1,000 studies to search."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from tests.benchmarks.images import Slices
from tests.benchmarks.servers import Server, medvault, orthanc, orthanc_program
from tests.benchmarks.storing import BATCH, big, body, connected, headers, middle, require_success

ROUNDS, SINGLES, QUERIES, BIG_ROUNDS = 7, 60, 40, 4
PIECE = 1 << 20
PARTS = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
JPEG = {"Accept": "image/jpeg"}
SEARCHES = {  # PatientID of one study of Slices; dates are those that Slices gives
    "patient": "PatientID={patient}",
    "week": "StudyDate=20240401-20240407",
    "page of 100": "limit=100&offset={offset}",
}
console = Console(width=110)


@dataclass(frozen=True)
class Size:
    """How much is stored; `frames` of 2 MiB has the large object."""

    images: int
    studies: int
    frames: int


FULL, SMALL = Size(images=300, studies=1000, frames=512), Size(images=60, studies=200, frames=32)


def main(folder: Path, *, small: bool) -> None:
    """In turns where Orthanc is installed, else MedVault alone."""
    size = SMALL if small else FULL
    with ExitStack() as stack:
        servers = [stack.enter_context(medvault(folder / "medvault-wado"))]
        if orthanc_program():
            servers.append(stack.enter_context(orthanc(folder / "orthanc-wado")))
        figures: dict[str, list[str]] = {}
        for server in servers:
            for name, figure in _figures(server, size):
                figures.setdefault(name, []).append(figure)
        table = Table("DICOMweb; ms: median, 95th percentile", *(server.name for server in servers))
        for name, row in figures.items():
            table.add_row(name, *row)
        console.print(table)


def _figures(server: Server, size: Size) -> Iterator[tuple[str, str]]:
    connection = connected(server)
    slices = Slices(512, per_study=size.images)
    _store(server, connection, slices, size.images)
    addresses = _addresses(server, connection)
    study = addresses[0].partition("/series/")[0]
    yield from _of_study(server, connection, study)
    singles = [1000 * _got(server, connection, each, PARTS).seconds for each in addresses[:SINGLES]]
    yield "one image, ms", _told(singles)
    pictures = [f"{each}/rendered" for each in addresses[: SINGLES // 2]]
    _got(server, connection, f"{addresses[-1]}/rendered", JPEG)
    for when in ("rendered 512x512, ms", "... again, ms"):
        yield when, _told([1000 * _got(server, connection, each, JPEG).seconds for each in pictures])
    connection.close()  # servers end one that is idle
    yield from _of_big(server, size)
    yield from _searches(server, size)


def _of_study(server: Server, connection: http.client.HTTPConnection, study: str) -> Iterator[tuple[str, str]]:
    found = [_got(server, connection, study, PARTS) for _ in range(ROUNDS + 1)][1:]
    yield "study, MB/s", f"{middle([each.length / 1e6 / each.seconds for each in found]):,.0f}"
    yield "... first byte, ms", _told([1000 * each.first for each in found])
    metadata = [_got(server, connection, f"{study}/metadata", {}) for _ in range(3)]
    yield "... its metadata, ms", _told([1000 * each.seconds for each in metadata])


def _searches(server: Server, size: Size) -> Iterator[tuple[str, str]]:
    connection, slices = connected(server), Slices(64, per_study=1)
    patient = slices.patient(size.studies // 2)
    _store(server, connection, slices, size.studies)
    root = urlsplit(server.url).path
    for name, query in SEARCHES.items():
        address = f"{root}/studies?{query.format(patient=patient, offset=size.studies // 4)}"
        _got(server, connection, address, {})
        times = [1000 * _got(server, connection, address, {}).seconds for _ in range(QUERIES)]
        yield f"search: {name}, ms", _told(times)
    connection.close()


def _of_big(server: Server, size: Size) -> Iterator[tuple[str, str]]:
    big(server, frames=size.frames)
    connection = connected(server)
    (address,) = _addresses(server, connection, rows=1024)
    with _memory(server) as rise:  # MedVault reads it from the disk: what is written leaves its memory
        found = [_got(server, connection, address, PARTS) for _ in range(BIG_ROUNDS)]
    connection.close()
    rates = [each.length / 1e6 / each.seconds for each in found]
    yield f"object of {size.frames * 2} MiB, first time, MB/s", f"{rates[0]:,.0f}"
    yield "... again, MB/s", f"{middle(rates[1:]):,.0f}"
    yield "... first byte, first time, ms", f"{1000 * found[0].first:,.1f}"
    yield "... raises memory by, MB", f"{rise[0]:,.0f}"


@dataclass(frozen=True)
class _Answer:
    length: int
    first: float
    seconds: float


def _got(server: Server, connection: http.client.HTTPConnection, path: str, own: dict[str, str]) -> _Answer:
    """GET, read to its end; seconds to the first byte of the content and to the last."""
    started = time.perf_counter()
    connection.request("GET", path, headers=server.headers | own)
    response = connection.getresponse()
    buffer = memoryview(bytearray(PIECE))
    length = response.readinto(buffer[:1])
    first = time.perf_counter() - started
    while size := response.readinto(buffer):
        length += size
    if response.status not in {200, 204}:
        raise RuntimeError(f"{server.name}: {response.status} for {path}")
    return _Answer(length, first, time.perf_counter() - started)


def _store(server: Server, connection: http.client.HTTPConnection, slices: Slices, count: int) -> None:
    for at in range(0, count, BATCH):
        batch = body(slices.take(min(BATCH, count - at)))
        connection.request("POST", f"{urlsplit(server.url).path}/studies", batch, headers(server))
        require_success(connection)


def _addresses(server: Server, connection: http.client.HTTPConnection, rows: int = 512) -> list[str]:
    """Paths of the instances with so many rows."""
    root = urlsplit(server.url).path
    connection.request("GET", f"{root}/instances?limit=1000&includefield=00280010", headers=server.headers)
    found: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    return [
        f"{root}/studies/{_of(each, '0020000D')}/series/{_of(each, '0020000E')}/instances/{_of(each, '00080018')}"
        for each in found
        if _of(each, "00280010") == rows
    ]


def _of(found: dict[str, Any], tag: str) -> Any:
    return found[tag]["Value"][0]


def _told(milliseconds: list[float]) -> str:
    times = sorted(milliseconds)
    return f"{middle(times):,.1f}, {times[min(len(times) - 1, round(len(times) * 0.95))]:,.1f}"


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
