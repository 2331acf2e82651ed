"""Answers that are sent as they are made."""

from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

GATHERED = 256 * 1024


def streamed(pieces: Iterator[bytes], content_type: str, length: int | None = None) -> StreamingHttpResponse:
    """An answer that is sent as it is made. The first piece is made before it: what it raises can still be told."""
    gathered_pieces = gathered(pieces)
    first = next(gathered_pieces, b"")
    response = StreamingHttpResponse(_chained(first, gathered_pieces), content_type=content_type)
    if length is not None:
        response["Content-Length"] = str(length)
    return response


def gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in fewer pieces: handing one to the web server costs more than copying a short one."""
    short: list[bytes] = []
    size = 0
    for piece in pieces:
        if len(piece) < GATHERED and size + len(piece) < 2 * GATHERED:
            short.append(piece)
            size += len(piece)
            continue
        if short:
            yield b"".join(short)
        short, size = [], 0
        yield piece
    if short:
        yield b"".join(short)


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest
