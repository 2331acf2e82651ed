"""The central directory of a ZIP archive (PKWARE APPNOTE 4.3 to 4.5), read record by record.

`zipfile` keeps every record in memory, about 1 KB each, however many an archive claims to hold. Here memory does not
grow with the archive.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_END, _END64_LOCATOR, _END64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_RECORD = struct.Struct("<4s6H3L5H2L")
_END_RECORD = struct.Struct("<4s4H2LH")
_LONGEST_COMMENT = 0xFFFF
_LONGEST_RECORD = _RECORD.size + 3 * 0xFFFF
_WINDOW = 1 << 20
_SATURATED = 0xFFFFFFFF
_LARGEST = 1 << 62  # what a file offset may be, with room for what is added to it
_ZIP64 = 0x0001
_UTF8 = 0x800


class DamagedArchive(Exception):
    """The archive has no central directory that can be read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the central directory says of one entry. `mode` is that of Unix, 0 where it has none; sizes in bytes."""

    name: str
    flags: int
    method: int
    crc32: int
    compressed_bytes: int
    length_bytes: int
    header_offset: int
    mode: int


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the central directory lies in an open file, and what was put before the archive, in bytes."""

    descriptor: int
    start: int
    end: int
    shift: int

    def __iter__(self) -> Iterator[Entry]:
        """Every entry in order. Raises DamagedArchive, OSError."""
        window, window_at, at = b"", self.start, self.start
        while at < self.end:
            if at + _LONGEST_RECORD > window_at + len(window) < self.end:
                window, window_at = os.pread(self.descriptor, min(_WINDOW, self.end - at), at), at
            entry, size = _entry(window, at - window_at, self.shift)
            at += size
            yield entry


def find_directory(descriptor: int, length: int) -> Directory:
    """Raises DamagedArchive, OSError."""
    tail_at = max(0, length - _LONGEST_COMMENT - _END_RECORD.size)
    tail = os.pread(descriptor, length - tail_at, tail_at)
    at, size, offset = _end_record(tail)
    end = tail_at + at
    locator = os.pread(descriptor, 20, end - 20) if end >= 20 else b""
    if locator.startswith(_END64_LOCATOR):
        # Its own offset is wrong in an archive with something before it, as in self-extracting ones.
        end -= 20 + 56
        record = os.pread(descriptor, 56, max(0, end))
        if not record.startswith(_END64):
            raise DamagedArchive
        size, offset = struct.unpack_from("<2Q", record, 40)
    start = end - size
    if start < 0 or start < offset:
        raise DamagedArchive
    return Directory(descriptor, start, end, start - offset)


def _end_record(tail: bytes) -> tuple[int, int, int]:
    """Where in the tail the directory's end is recorded, and the directory's size and offset.

    A comment may look like another such record; the one whose comment reaches the end of the archive counts.
    """
    at = len(tail)
    while (at := tail.rfind(_END, 0, at)) >= 0:
        if len(tail) - at >= _END_RECORD.size:
            *_, size, offset, comment_size = _END_RECORD.unpack_from(tail, at)
            if at + _END_RECORD.size + comment_size == len(tail):
                return at, size, offset
    raise DamagedArchive


def _entry(window: bytes, at: int, shift: int) -> tuple[Entry, int]:
    """The record at `at` of `window`, and its size."""
    if len(window) < at + _RECORD.size or window[at : at + 4] != b"PK\x01\x02":
        raise DamagedArchive
    (_, made_by, _, flags, method, _, _, crc32, compressed, length, name_size, extra_size, comment_size, _, _,
     attributes, offset) = _RECORD.unpack_from(window, at)  # fmt: skip
    extra_at = at + _RECORD.size + name_size
    end = extra_at + extra_size + comment_size
    if len(window) < end:
        raise DamagedArchive
    long = _long_values(window[extra_at : extra_at + extra_size])
    length, compressed, offset = (
        next(long, -1) if value == _SATURATED else value for value in (length, compressed, offset)
    )
    if min(length, compressed, offset) < 0 or max(length, compressed, offset + shift) > _LARGEST:
        raise DamagedArchive
    name = _text(window[at + _RECORD.size : extra_at], flags)
    mode = attributes >> 16 if made_by >> 8 == 3 else 0
    return Entry(name, flags, method, crc32, compressed, length, offset + shift, mode), end - at


def _long_values(extra: bytes) -> Iterator[int]:
    """The 64-bit values of the ZIP64 extra field, which stand for those that are saturated, in their order."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        if kind == _ZIP64:
            yield from (value for (value,) in struct.iter_unpack("<Q", extra[4 : 4 + size // 8 * 8]))
            return
        extra = extra[4 + size :]


def _text(raw: bytes, flags: int) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace") if flags & _UTF8 else raw.decode("cp437")
