"""The stored bytes of an instance: a range of its pack."""

import io
from collections.abc import Iterator
from typing import BinaryIO, cast

from apps.catalog.bounds import Limits
from apps.catalog.models import Instance
from apps.catalog.part10 import data_set_start
from apps.catalog.sources import BytesSource
from apps.vault.places import place

BUFFER = 128 * 1024
HEAD = 64 * 1024


def instance_pieces(instance: Instance) -> Iterator[bytes]:
    """The file as it was received, in pieces. Raises MissingPack."""
    return place("primary").pieces(instance.pack.name, instance.pack_offset, instance.length_bytes)


def data_set_pieces(instance: Instance) -> Iterator[bytes]:
    """What follows the file meta information: the data set as it travels. Raises MissingPack, Unreadable."""
    head = place("primary").read_at(instance.pack.name, instance.pack_offset, min(HEAD, instance.length_bytes))
    start = data_set_start(BytesSource(head), Limits())
    return place("primary").pieces(instance.pack.name, instance.pack_offset + start, instance.length_bytes - start)


def open_instance(instance: Instance) -> BinaryIO:
    """The same file, seekable; reads fetch ranges of the pack. Raises MissingPack on reading."""
    return cast(BinaryIO, io.BufferedReader(_PackRange(instance), BUFFER))


class _PackRange(io.RawIOBase):
    def __init__(self, instance: Instance) -> None:
        self._name = instance.pack.name
        self._start, self._length = instance.pack_offset, instance.length_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._length}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        size = max(0, min(len(buffer), self._length - self._at))
        data = place("primary").read_at(self._name, self._start + self._at, size) if size else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
