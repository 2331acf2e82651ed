"""The terminal's web server for collectors bounds what strangers can make it do."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from medvault_edge import serving
from medvault_edge.offering import Offering
from medvault_edge.passes import Passes

from tests.edge.test_faults import made_up
from tests.ports import free_port
from tests.waiting import until


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def port(tmp_path: Path, images: Path, said: list[str]) -> Iterator[int]:
    offering = Offering(made_up(tmp_path).home, [images], 0, lambda: datetime.now(UTC), said.append)
    port = free_port()
    with serving.Serving(offering, host="127.0.0.1", port=port):
        yield port


def test_too_long_and_unknown_requests_are_refused(port: int) -> None:
    address = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{address}/challenge").json()["facility"] == "sakura"
    assert httpx.post(f"{address}/visits", content=b"a" * (serving.MOST_BODY + 1)).status_code == 413
    assert httpx.post(f"{address}/visits", content=iter([b"a"])).status_code == 411
    assert httpx.post(f"{address}/visits", content=b"\xff" * 100).status_code == 403
    for path in ("/", "/visits", "/visits/x/y", "/challenge/", "/challenge?x"):
        assert httpx.get(f"{address}{path}").status_code in {403, 404}
    answer = httpx.request("BREW", f"{address}/challenge")
    assert (answer.status_code, answer.headers["content-type"]) == (501, "application/problem+json")


def test_who_is_slow_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_S", 0.5)
    for begun in (b"", b"GET /chal", b"POST /visits HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc"):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            slow.sendall(begun)
            while slow.recv(1000):
                pass


def test_only_so_many_connections_are_taken(port: int) -> None:
    many = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(serving.MOST_CONNECTIONS)]
    until(lambda: threading.active_count() > serving.MOST_CONNECTIONS)
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{port}/challenge")
    for each in many:
        each.close()
    until(lambda: is_answering(port))


def is_answering(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/challenge").status_code == 200
    except httpx.TransportError:
        return False


def test_a_fault_of_its_own_is_said_and_life_goes_on(
    port: int, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(Offering, "challenge", lambda _self: 1 / 0)
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{port}/challenge")
    assert said == ["A collector's request could not be answered (ZeroDivisionError)"]
    assert is_answering(port)


def test_a_pass_ends_with_its_time_its_use_and_too_many_others() -> None:
    over, passes = Passes[bool](0), Passes[bool](60, most=2)
    assert over.use_up(over.give(True)) is None
    first = passes.give(True)
    assert (passes.look(first), passes.use_up(first), passes.use_up(first)) == (True, True, None)
    oldest = passes.give(True)
    passes.give(True), passes.give(True)
    assert passes.look(oldest) is None
    assert passes.look("") is None
