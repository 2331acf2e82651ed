"""Where a header is read from: bytes in memory, a region of an open file, a deflated data set."""

import os
import zlib
from typing import Protocol

from apps.catalog.bounds import Limits, Unreadable

PIECE = 64 * 1024
INPUT_PIECE = 16 * 1024


class ByteSource(Protocol):
    """The bytes of one file."""

    @property
    def length(self) -> int:
        """Bytes in the file."""

    def read_at(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`; fewer only at the end."""


class BytesSource:
    """A file that is already in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.length = len(content)

    def read_at(self, offset: int, size: int) -> bytes:
        """See ByteSource."""
        return self._content[offset : offset + size]


class FileSource:
    """`length` bytes from `offset` of an open file: a member inside a pack. Does not move the file's position."""

    def __init__(self, fd: int, offset: int, length: int) -> None:
        self._fd = fd
        self._offset = offset
        self.length = length

    def read_at(self, offset: int, size: int) -> bytes:
        """See ByteSource."""
        return os.pread(self._fd, max(0, min(size, self.length - offset)), self._offset + offset)


class InflatedSource:
    """A data set of a deflated transfer syntax (PS3.5 A.5), inflated piece by piece and never held whole.

    The first pass proves that the stream is complete and gives `length`; the second serves `read_at`, whose offsets
    must not decrease. `is_followed` by other bytes than NUL: some writers leave the trailer of gzip.
    Raises Unreadable("truncated" | "malformed" | "inflates_too_far").
    """

    def __init__(self, source: ByteSource, offset: int, limits: Limits) -> None:
        self._stream = _Inflater(source, offset)
        self.length = 0
        while piece := self._stream.next_piece():
            self.length += len(piece)
            if self.length > limits.inflated_bytes:
                raise Unreadable(
                    "inflates_too_far", f"The data set deflated at byte {offset} exceeds {limits.inflated_bytes} bytes."
                )
        self.is_followed = self._stream.is_followed()
        self._stream = _Inflater(source, offset)
        self._start = 0
        self._buffer = b""

    def read_at(self, offset: int, size: int) -> bytes:
        """See ByteSource."""
        if offset < self._start:
            raise ValueError("an inflated source is read forwards only")
        while self._start + len(self._buffer) < offset + size and (piece := self._stream.next_piece()):
            passed = min(offset - self._start, len(self._buffer))
            self._buffer = self._buffer[passed:] + piece
            self._start += passed
        at = offset - self._start
        return self._buffer[at : at + size]


class _Inflater:
    def __init__(self, source: ByteSource, offset: int) -> None:
        self._source = source
        self._at = offset
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""

    def next_piece(self) -> bytes:
        """Up to PIECE bytes; none at the end of the stream."""
        while not self._inflate.eof:
            if not self._pending:
                self._pending = self._source.read_at(self._at, INPUT_PIECE)
                self._at += len(self._pending)
            starved = not self._pending
            try:
                piece = self._inflate.decompress(self._pending, PIECE)
            except zlib.error:
                raise Unreadable("malformed", f"The deflated data set is damaged before byte {self._at}.") from None
            self._pending = self._inflate.unconsumed_tail
            if piece:
                return piece
            if starved and not self._inflate.eof:
                raise Unreadable("truncated", f"The deflated data set does not end before byte {self._at}.")
        return b""

    def is_followed(self) -> bool:
        """Whether more than NUL bytes come after the end of the stream."""
        return bool(self._inflate.unused_data.strip(b"\0")) or self._at < self._source.length
