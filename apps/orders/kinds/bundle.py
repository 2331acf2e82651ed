"""The file of an order of media: a ZIP, stored, of disc images or of the contents of sticks, and their labels.

A disc image is written to where it stands in the ZIP: there is no second copy of it.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from isal.isal_zlib import crc32

from apps.orders.errors import OutputDiffers
from apps.vault.zipformat import directory, local_header

PIECE = 1 << 20
_LOCAL_FIXED = 30  # bytes of a local file header, APPNOTE 4.3.7


class Part(io.RawIOBase):
    """A part of an open file as a file of its own: `length` bytes from `start`, or all that is written from there."""

    def __init__(self, file: BinaryIO, start: int, length: int | None = None) -> None:
        self._file, self._start, self._length = file, start, length
        self._at = 0

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return self._length is None

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, (self._end() if base is None else base) + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        size = max(0, min(len(buffer), self._end() - self._at))
        self._file.seek(self._start + self._at)
        read = self._file.read(size)
        buffer[: len(read)] = read
        self._at += len(read)
        return len(read)

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        self._file.seek(self._start + self._at)
        self._at += self._file.write(data)
        return len(data)

    def _end(self) -> int:
        return self._file.seek(0, io.SEEK_END) - self._start if self._length is None else self._length


class Bundle:
    """A ZIP in the making. Leaving it without an error finishes it."""

    def __init__(self, target: Path) -> None:
        self._file = target.open("x+b")
        self._entries: list[tuple[str, int, int, int]] = []

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """A member to write, seekable; what is written last lies last."""
        at = self._file.seek(0, io.SEEK_END)
        start = at + self._file.write(local_header(name, 0, 0))
        yield cast(BinaryIO, Part(self._file, start))
        length = self._file.seek(0, io.SEEK_END) - start
        crc = 0
        self._file.seek(start)
        while piece := self._file.read(PIECE):
            crc = crc32(piece, crc)
        self._file.seek(at)
        self._file.write(local_header(name, length, crc))
        self._entries.append((name, start, length, crc))

    def finish(self) -> None:
        end = self._file.seek(0, io.SEEK_END)
        self._file.write(directory(self._entries, end))

    def close(self) -> None:
        self._file.close()


def members(output: BinaryIO) -> dict[str, tuple[int, int]]:
    """Where in a bundle each member lies, and its length. Raises OutputDiffers."""
    try:
        with ZipFile(output) as archive:
            found = archive.infolist()
    except BadZipFile as error:
        raise OutputDiffers("The output cannot be read back") from error
    if any(each.compress_type != ZIP_STORED for each in found):
        raise OutputDiffers("The output is not as it was written")
    return {each.filename: (_content_at(output, each.header_offset), each.file_size) for each in found}


def _content_at(output: BinaryIO, header_at: int) -> int:
    output.seek(header_at)
    header = output.read(_LOCAL_FIXED)
    name, extra = header[26:28], header[28:30]
    return header_at + _LOCAL_FIXED + int.from_bytes(name, "little") + int.from_bytes(extra, "little")
