"""What the gateway's processes do: workers serve associations, one process packs what they have promised."""

import json
import logging
import select
import signal
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from django.db import InterfaceError, OperationalError
from django.db import connection as database

from apps.collection.promises import pack_promised
from apps.collection.tasks import announce_packs
from apps.dicomnet.committing import report_due
from apps.dicomnet.front import RING
from apps.dicomnet.serving import serve

EVERY_S = 2.0
log = logging.getLogger(__name__)


def work(channel: socket.socket, bell: socket.socket, tls: ssl.SSLContext | None) -> None:
    """Serve each connection that the front hands over, on a thread of its own."""
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1024, 1)
        if not message:
            return
        told = json.loads(message)
        sock = socket.socket(fileno=descriptors[0])
        arguments = (channel, bell, told["key"], sock, told["address"], tls if told["tls"] else None)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()


def pack(_channel: socket.socket, bell: socket.socket) -> None:
    """Pack what journals hold: when the bell rings, and every few seconds whatever happens."""

    def once() -> None:
        if pack_promised():
            announce_packs()

    _repeat(once, bell)


def report(_channel: socket.socket, _bell: socket.socket) -> None:
    """Report storage commitments over associations of ours."""
    _repeat(report_due, None)


def _repeat(act: Callable[[], object], bell: socket.socket | None) -> None:
    """Until SIGTERM, and once more after it."""
    stopping, (sleeper, waker) = threading.Event(), socket.socketpair()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopping.set()
        waker.send(RING)

    signal.signal(signal.SIGTERM, stop)
    waited_for = [sleeper, bell] if bell else [sleeper]
    while True:
        is_last = stopping.is_set()
        try:
            act()
        except (OperationalError, InterfaceError) as error:
            log.error("The database went away: %s", error)  # noqa: TRY400
        finally:
            database.close()
        if is_last:
            return
        select.select(waited_for, [], [], EVERY_S)
        with suppress(BlockingIOError):
            while bell and bell.recv(1):
                pass


def _serve(
    channel: socket.socket, bell: socket.socket, key: int, sock: socket.socket, address: str, tls: ssl.SSLContext | None
) -> None:
    def ring() -> None:
        with suppress(BlockingIOError):  # rung often enough
            bell.send(RING)

    try:
        serve(sock, address, tls, ring)
    finally:
        channel.send(str(key).encode())
