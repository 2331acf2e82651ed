"""One connection, served in this process, so that its bounds and the disk can be made small."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from pynetdicom.sop_class import CTImageStorage  # type: ignore[attr-defined]

from apps.collection.models import Terminal
from apps.collection.promises import pack_promised
from apps.dicomnet import serving
from apps.dicomnet.serving import serve
from apps.vault import spool
from tests.dicomnet.conftest import Gateway, instance_uids
from tests.dicomnet.test_storing import associated, ct, rejection_of
from tests.ports import free_port
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("committed_db", "terminal")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway of one thread a connection; its processes are this one."""
    port = free_port()
    listener = socket.create_server(("127.0.0.1", port))

    def accept() -> None:
        while True:
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(sock, peer[0], None, lambda: None), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield Gateway(port, None)  # type: ignore[arg-type]
    listener.close()


def test_a_disk_without_room_refuses_and_the_association_goes_on(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assoc = associated(served, (CTImageStorage, "1.2.840.10008.1.2.1"))
    with monkeypatch.context() as full:
        full.setattr(spool, "RESERVE", 1 << 60)
        assert assoc.send_c_store(ct(1)).Status == 0xA700
    assert assoc.send_c_store(ct(2)).Status == 0
    assoc.release()
    until(lambda: pack_promised() == 1)
    assert instance_uids() == ["1.2.826.0.1.2"]


def test_a_journal_that_cannot_be_written_is_never_acknowledged(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    assoc = associated(served, (CTImageStorage, "1.2.840.10008.1.2.1"))
    assert assoc.send_c_store(ct(1)).Status == 0

    def broken(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "fdatasync", broken)
        assert assoc.send_c_store(ct(2)).Status == 0xA700
    assert assoc.send_c_store(ct(3)).Status == 0
    assoc.release()
    until(lambda: pack_promised() == 2)
    assert instance_uids() == ["1.2.826.0.1.1", "1.2.826.0.1.3"]


def test_who_says_nothing_is_aborted(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_S", 0.2)
    assoc = associated(served)
    until(lambda: assoc.is_aborted)


def test_who_stops_in_the_middle_of_a_message_is_let_go_of(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "STALLED_S", 0.2)
    assoc = associated(served)
    assert assoc.dul.socket
    assert assoc.dul.socket.socket
    assoc.dul.socket.socket.sendall(b"\4\0\0\0\0\x20\0\0")
    until(lambda: not assoc.is_established)


def test_who_never_asks_for_an_association_is_let_go_of(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "REQUEST_TIMEOUT_S", 0.2)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        assert sock.recv(10) == b""


def test_while_the_database_is_away_callers_are_told_to_come_again(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_caller: object) -> Terminal:
        raise OperationalError

    monkeypatch.setattr(serving, "terminal_of", away)
    assert rejection_of(served) == (2, 3, 1)
