"""A facility's system that listens for webhooks, well or badly: the path says how it answers."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DRIPS_S = 0.05


@dataclass
class Listener:
    """`heard`: path, headers and body of every request; `answers`: what to say instead of what the path says."""

    url: str
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _path, headers, _body in self.heard]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    listener: Listener


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        listener = self.server.listener
        body = self.rfile.read(int(self.headers["Content-Length"]))
        listener.heard.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        with suppress(OSError):  # whoever asked may have gone
            self._answer(listener)

    def _answer(self, listener: Listener) -> None:
        match self.path:
            case "/drips":  # a byte at a time: no single wait is long
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                    self.wfile.write(bytes([byte]))
                    time.sleep(DRIPS_S)
            case "/big":
                self._say(200)
                while True:
                    self.wfile.write(bytes(1 << 16))
            case "/elsewhere":
                self._say(307, Location=f"{listener.url}/inside")
            case _:
                self._say(listener.answers.pop(0) if listener.answers else 204)

    def _say(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    server = _Server(("127.0.0.1", 0), _Handler)
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if context else "http"
    server.listener = Listener(f"{scheme}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
