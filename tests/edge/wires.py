"""A terminal that serves collectors, and the wire between them: it holds, breaks, stalls or changes what it carries."""

import http.server
import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.edge.conftest import Edge
from tests.ports import free_port
from tests.waiting import until

Wire = Callable[[int, bytes], bytes | None]
"""What becomes of bytes from the terminal on the so many-th connection; None breaks it."""


@contextmanager
def serving(room: Edge, *folders: Path, within: tuple[str, ...] = ()) -> Iterator[int]:
    """The terminal's port. `within`: a program that starts it."""
    port = free_port()
    process = room.start("watch", *folders, "--serve", port, "--serve-host", "127.0.0.1", "--settled", "0",
                         "--every", "1", within=within)  # fmt: skip
    try:
        until(lambda: is_open(port))
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


@contextmanager
def answering(answers: dict[str, Any]) -> Iterator[int]:
    """The port of something that gives these answers, whatever is asked."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 the library's name

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def wire(port: int, carry: Wire) -> Iterator[int]:
    """The port to come to instead of the terminal's."""
    listener = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, carry: Callable[[bytes], bytes | None]) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                carried = carry(data)
                if carried is None:
                    break
                target.sendall(carried)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        number = 0
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                terminal = socket.create_connection(("127.0.0.1", port))
                number += 1
                threading.Thread(target=pump, args=(client, terminal, bytes), daemon=True).start()
                down = (terminal, client, lambda data, number=number: carry(number, data))
                threading.Thread(target=pump, args=down, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()
