"""What the gateway's processes do: workers serve associations, one process packs what they have promised."""

import json
import logging
import select
import signal
import socket
import ssl
import threading
from contextlib import suppress

from django.db import DatabaseError, InterfaceError
from django.db import connection as database

from apps.collection.promises import pack_promised
from apps.collection.tasks import announce_packs
from apps.dicomnet.front import RING
from apps.dicomnet.serving import serve

PACK_EVERY_S = 2.0
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
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    while True:
        is_last = stopping.is_set()
        try:
            if pack_promised():
                announce_packs()
        except (DatabaseError, InterfaceError) as error:
            log.error("Nothing can be packed now, the database went away: %s", type(error).__name__)  # noqa: TRY400
            database.close()
        if is_last:
            return
        with suppress(InterruptedError):
            select.select([bell], [], [], PACK_EVERY_S)
        with suppress(BlockingIOError):
            while bell.recv(1):
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
