"""Storing by STOW-RS: batches of 50 over one connection and over four; one object of 1 GiB."""

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from urllib.parse import urlsplit

from tests.benchmarks.images import Slices, big_object
from tests.benchmarks.servers import Server

BATCH = 50
BOUNDARY = b"benchmark-boundary"
_HEAD = b"--" + BOUNDARY + b"\r\nContent-Type: application/dicom\r\n\r\n"
_END = b"--" + BOUNDARY + b"--\r\n"


def body(files: Iterator[bytes]) -> bytes:
    return b"".join(_HEAD + file + b"\r\n" for file in files) + _END


def images_per_second(server: Server, slices: Slices, *, count: int, connections: int) -> float:
    """Acknowledged images a second."""
    bodies = [body(slices.take(BATCH)) for _ in range(count // BATCH)]
    shares = [bodies[number::connections] for number in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        list(pool.map(lambda share: _send_all(server, share), shares))
    return count / (time.perf_counter() - started)


def big(server: Server, frames: int = 512) -> tuple[float, float]:
    """MB/s of one object of `frames` times 2 MiB, and by how many MB it raised the server's peak memory."""
    head, frame, count = big_object(frames)
    length = len(_HEAD) + len(head) + len(frame) * count + 2 + len(_END)
    before = server.memory_bytes()
    peak = [before]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            peak[0] = max(peak[0], server.memory_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    connection = connected(server)
    connection.putrequest("POST", f"{urlsplit(server.url).path}/studies")
    for name, value in {**headers(server), "Content-Length": str(length)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(_HEAD + head)
    for number in range(count):
        connection.send(number.to_bytes(4, "little") + frame[4:])
    connection.send(b"\r\n" + _END)
    require_success(connection)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    return length / 1e6 / seconds, (peak[0] - before) / 1e6


def middle(figures: list[float]) -> float:
    return median(figures)


def _send_all(server: Server, bodies: list[bytes]) -> None:
    connection = connected(server)
    for each in bodies:
        connection.request("POST", f"{urlsplit(server.url).path}/studies", each, headers(server))
        require_success(connection)


def connected(server: Server) -> http.client.HTTPConnection:
    parts = urlsplit(server.url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=300)


def headers(server: Server) -> dict[str, str]:
    kind = f'multipart/related; type="application/dicom"; boundary={BOUNDARY.decode()}'
    return server.headers | {"Content-Type": kind, "Accept": "application/dicom+json"}


def require_success(connection: http.client.HTTPConnection) -> None:
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status}: {content[:300]!r}")
