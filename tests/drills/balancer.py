"""A balancer on loopback: each connection goes to the first host that takes it."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

PIECE = 1 << 16


@contextmanager
def balancer(addresses: Sequence[tuple[str, int]]) -> Iterator[str]:
    """Its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, addresses), daemon=True).start()
        yield f"http://localhost:{listener.getsockname()[1]}"


def _accept(listener: socket.socket, addresses: Sequence[tuple[str, int]]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, addresses), daemon=True).start()


def _serve(client: socket.socket, addresses: Sequence[tuple[str, int]]) -> None:
    with client:
        for address in addresses:
            with suppress(OSError), socket.create_connection(address, timeout=3) as host:
                host.settimeout(None)
                back = threading.Thread(target=_carry, args=(host, client), daemon=True)
                back.start()
                _carry(client, host)
                back.join()
                return


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
