"""The stored bytes of an instance: a range of its pack. Reading raises MissingPack, VaultUnavailable."""

import io
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from apps.catalog.bounds import Limits
from apps.catalog.models import Conflict, Instance
from apps.catalog.part10 import data_set_start
from apps.catalog.sources import BytesSource
from apps.vault import reading

BUFFER = 128 * 1024
HEAD = 64 * 1024
LARGEST_GAP = 64 * 1024  # is read and dropped rather than asked for around


def instance_pieces(instance: Instance) -> Iterator[bytes]:
    """The file as it was received, in pieces."""
    return reading.pieces(instance.pack, instance.pack_offset, instance.length_bytes)


def instance_range(instance: Instance, offset: int, size: int) -> Iterator[bytes]:
    """`size` bytes of the file from `offset`, in pieces."""
    return reading.pieces(instance.pack, instance.pack_offset + offset, size)


def instances_pieces(instances: Iterable[Instance]) -> Iterator[tuple[Instance, bytes]]:
    """The files one after the other, each piece with its instance. Neighbours in a pack are read in one go."""
    for run in _runs(instances):
        yield from _cut(run)


def _runs(instances: Iterable[Instance]) -> Iterator[list[Instance]]:
    run: list[Instance] = []
    for instance in instances:
        if run:
            gap = instance.pack_offset - run[-1].pack_offset - run[-1].length_bytes
            if instance.pack_id != run[-1].pack_id or not 0 <= gap <= LARGEST_GAP:
                yield run
                run = []
        run.append(instance)
    if run:
        yield run


def _cut(run: list[Instance]) -> Iterator[tuple[Instance, bytes]]:
    at = run[0].pack_offset
    size = run[-1].pack_offset + run[-1].length_bytes - at
    left = list(reversed(run))
    for piece in reading.pieces(run[0].pack, at, size):
        end = at + len(piece)
        while left and left[-1].pack_offset < end:
            instance = left[-1]
            instance_end = instance.pack_offset + instance.length_bytes
            yield instance, piece[max(0, instance.pack_offset - at) : min(len(piece), instance_end - at)]
            if instance_end > end:
                break
            left.pop()
        at = end


def data_set_pieces(instance: Instance) -> Iterator[bytes]:
    """What follows the file meta information: the data set as it travels. Raises Unreadable."""
    head = reading.read_at(instance.pack, instance.pack_offset, min(HEAD, instance.length_bytes))
    start = data_set_start(BytesSource(head), Limits())
    return instance_range(instance, start, instance.length_bytes - start)


def open_instance(instance: Instance | Conflict) -> BinaryIO:
    """The same file, or one in conflict, seekable; reads fetch ranges of the pack."""
    return cast(BinaryIO, io.BufferedReader(_PackRange(instance), BUFFER))


class _PackRange(io.RawIOBase):
    def __init__(self, instance: Instance | Conflict) -> None:
        self._pack = instance.pack
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
        data = reading.read_at(self._pack, self._start + self._at, size) if size else b""
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
