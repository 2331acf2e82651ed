"""A peer's TCP or TLS connection, read in pieces without copying, each wait bounded."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress

BUFFER = 256 * 1024
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Gone(Exception):
    """The peer closed the connection, or nothing came in time."""


class Connection:
    """Reads and writes what a peer and we exchange; not for more than one thread."""

    def __init__(self, sock: socket.socket, *, timeout_s: float) -> None:
        """`timeout_s`: the longest wait for further bytes of what has begun, and for the peer to take ours."""
        self._socket = sock
        self.timeout_s = timeout_s
        self._buffer = memoryview(bytearray(BUFFER))
        self._start = self._end = 0
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def wait(self, timeout_s: float) -> bool:
        """Whether the peer has begun to send, or closed, within the time."""
        if self._start < self._end:
            return True
        try:
            self._fill(timeout_s)
        except TimeoutError:
            return False
        return True

    def take(self, size: int) -> bytes:
        """The next `size` bytes. Raises Gone."""
        if self._end - self._start >= size:
            taken = bytes(self._buffer[self._start : self._start + size])
            self._start += size
            return taken
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """The next `size` bytes as they arrive; each piece is valid until the next is asked for. Raises Gone."""
        while size:
            if self._start == self._end:
                try:
                    self._fill(self.timeout_s)
                except TimeoutError:
                    raise Gone("Nothing came in time") from None
            end = min(self._end, self._start + size)
            piece = self._buffer[self._start : end]
            self._start = end
            size -= len(piece)
            yield piece

    def send(self, *parts: bytes) -> None:
        """Raises Gone where the peer does not take it."""
        try:
            self._socket.settimeout(self.timeout_s)
            self._socket.sendall(b"".join(parts))
        except OSError as error:
            raise Gone("The peer does not take what we send") from error

    def close(self, *, linger_s: float = 0) -> None:
        """End the connection; wait so long for the peer to end it first, as it is to do (PS3.8, 9.2, state 13)."""
        with suppress(OSError):
            deadline = time.monotonic() + linger_s
            while (left := deadline - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv_into(self._buffer):
                    break
        self._socket.close()

    def _fill(self, timeout_s: float) -> None:
        """Raises TimeoutError, Gone."""
        try:
            self._socket.settimeout(timeout_s)
            self._start, self._end = 0, self._socket.recv_into(self._buffer)
            if _QUICKACK is not None:
                # Senders that leave Nagle's algorithm on wait for our acknowledgement before the rest of an image;
                # the kernel forgets this option again, so it is set after every receive.
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError from None
        except OSError as error:
            raise Gone("The connection broke") from error
        if not self._end:
            raise Gone("The peer closed the connection")
