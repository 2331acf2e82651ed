"""The terminal's small web server for collectors on the LAN. What goes over it is sealed to the center, or signed."""

import json
import os
import re
import socket
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self

from medvault_edge import SOFTWARE
from medvault_edge.errors import EdgeError, NoRoom, NotPermitted, NotUsable, NotVerified, Refused
from medvault_edge.offering import Offering

REQUEST_S, IDLE_S = 30.0, 30.0
MOST_CONNECTIONS, MOST_BODY, PIECE = 20, 64 * 1024, 256 * 1024
_STATUS: dict[type[EdgeError], int] = {
    NotPermitted: 403, NotVerified: 403, Refused: 404, NotUsable: 409, NoRoom: 507,
}  # fmt: skip


class Serving:
    """Listens while it is entered."""

    def __init__(self, offering: Offering, *, host: str, port: int) -> None:
        self._offering, self._address = offering, (host, port)
        self._server: _Server | None = None

    def __enter__(self) -> Self:
        try:
            self._server = _Server(self._address, self._offering)
        except OSError as error:
            raise NotUsable(f"Port {self._address[1]} cannot be listened on: {error.strerror}") from error
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], offering: Offering) -> None:
        self.offering = offering
        self._free = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without asking the network what this machine is called, which can take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self._address()

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 the library's signature
        """Who went away or was too slow makes the visit again."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.offering.say(f"A collector's request could not be answered ({type(error).__name__})")

    def _address(self) -> tuple[str, int]:
        host, port = self.server_address[:2]
        return str(host), int(port)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = IDLE_S
    server_version, sys_version = SOFTWARE, ""

    def setup(self) -> None:
        super().setup()
        self._deadline = threading.Timer(REQUEST_S, self._give_up)
        self._deadline.daemon = True
        self._deadline.start()

    def finish(self) -> None:
        self._deadline.cancel()
        super().finish()

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 10):
            self.send_error(411)
        elif int(length) > MOST_BODY:
            self.send_error(413)
        else:
            self._answer(self.rfile.read(int(length)))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A problem (RFC 9457) instead of a page."""
        detail = explain or message or HTTPStatus(code).phrase
        self._send({"status": code, "detail": detail}, status=code, kind="application/problem+json")

    def log_message(self, *_: object) -> None:
        """The offering says what happens."""

    def _answer(self, body: bytes) -> None:
        """The request is here whole: from now on this side takes the time."""
        self._deadline.cancel()
        text = body.decode("ascii", "replace").strip()
        try:
            match self.command, *self.path.split("/")[1:]:
                case "GET", "challenge":
                    self._send(self.server.offering.challenge())
                case "POST", "visits":
                    self._send({"offer": self.server.offering.offer(text)})
                case "GET", "visits", uid:
                    self._stream(self.server.offering.sealed(self._token(), uid))
                case "POST", "visits", uid, "receipt":
                    self._send({"written": self.server.offering.receipted(self._token(), uid, text)})
                case _:
                    self.send_error(404)
        except EdgeError as error:
            self.send_error(_STATUS.get(type(error), 503), str(error))

    def _send(self, content: dict[str, Any], *, status: int = 200, kind: str = "application/json") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, path: Path) -> None:
        """A sealed file, from the byte on that was asked for."""
        asked = re.fullmatch(r"bytes=(\d{1,18})-", self.headers.get("Range", ""), re.ASCII)
        with path.open("rb") as file:
            length = os.fstat(file.fileno()).st_size
            start = int(asked[1]) if asked else 0
            if start >= length:
                self.send_error(416)
                return
            file.seek(start)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(length - start))
            if asked:
                self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
            self.end_headers()
            while piece := file.read(PIECE):
                self.wfile.write(piece)

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def _give_up(self) -> None:
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
