"""Reading multipart/related (RFC 2387) as it arrives: one part at a time, each in pieces, none held whole."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from typing import Any

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from apps.core.errors import DomainError

PIECE = 256 * 1024
LONGEST_PART_HEADER = 8 * 1024
LONGEST_TYPE = 1024  # the library's parser takes the square of it
_PART_END = None


class MalformedBody(DomainError):
    """The body is not the multipart message that its Content-Type announces, or ends early."""

    code = "malformed_body"


@dataclass(frozen=True, slots=True)
class Part:
    """One part; `pieces` must be read before the next part is asked for, else the rest is passed over."""

    content_type: str
    pieces: Iterator[memoryview]


def content_type_of(header: str) -> tuple[str, dict[str, str]]:
    """Media type in lower case and its parameters (RFC 9110, 8.3.1). Raises MalformedBody."""
    if len(header) > LONGEST_TYPE:
        raise MalformedBody(f"A Content-Type exceeds {LONGEST_TYPE} characters")
    message = Message()
    message["Content-Type"] = header
    parameters = dict(message.get_params([], unquote=True)[1:])
    return message.get_content_type() if header else "", {name.lower(): value for name, value in parameters.items()}


def parts(read: Callable[[int], bytes], boundary: str) -> Iterator[Part]:
    """The parts of the message that `read(size)` gives. Raises MalformedBody."""
    events = _Events(read, boundary)
    while (headers := events.next_headers()) is not None:
        pieces = events.pieces()
        yield Part(content_type_of(headers.get("content-type", ""))[0], pieces)
        for _ in pieces:
            pass


class _Events:
    """Turns the parser's callbacks into something to pull from."""

    def __init__(self, read: Callable[[int], bytes], boundary: str) -> None:
        self._read = read
        self._queue: deque[Any] = deque()
        self._name = self._value = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._is_over = False
        try:
            self._parser = MultipartParser(
                boundary.encode(),
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_field,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_end,
                    "on_headers_finished": lambda: self._queue.append(self._headers),
                    "on_part_data": lambda data, start, end: self._queue.append(memoryview(data)[start:end]),
                    "on_part_end": lambda: self._queue.append(_PART_END),
                    "on_end": self._end,
                },
            )
        except (MultipartParseError, UnicodeEncodeError, ValueError) as error:
            raise MalformedBody("The boundary of the Content-Type is malformed") from error

    def next_headers(self) -> dict[str, str] | None:
        """Headers of the next part, None after the last."""
        self._fill()
        if not self._queue:
            return None
        headers: dict[str, str] = self._queue.popleft()
        return headers

    def pieces(self) -> Iterator[memoryview]:
        """The content of the part whose headers came last."""
        while True:
            self._fill()
            if not self._queue:
                raise MalformedBody("The body ends within a part")
            piece = self._queue.popleft()
            if piece is _PART_END:
                return
            yield piece

    def _fill(self) -> None:
        while not self._queue and not self._is_over:
            data = self._read(PIECE)
            if not data:
                raise MalformedBody("The body ends before its closing boundary")
            try:
                self._parser.write(data)
            except MultipartParseError as error:
                raise MalformedBody("The body is no well-formed multipart message") from error

    def _begin(self) -> None:
        self._headers, self._header_bytes = {}, 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += self._counted(data, start, end)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += self._counted(data, start, end)

    def _header_end(self) -> None:
        self._headers[self._name.decode("latin-1").lower()] = self._value.decode("latin-1")
        self._name = self._value = b""

    def _counted(self, data: bytes, start: int, end: int) -> bytes:
        self._header_bytes += end - start
        if self._header_bytes > LONGEST_PART_HEADER:
            raise MalformedBody(f"The header of a part exceeds {LONGEST_PART_HEADER} bytes")
        return data[start:end]

    def _end(self) -> None:
        self._is_over = True
