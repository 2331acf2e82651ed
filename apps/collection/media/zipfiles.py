"""ZIP archives: each entry is read from the archive, none is unpacked to a path.

Bounds: ENTRIES in an archive; RATIO for an entry that is longer than UNSUSPICIOUS_BYTES; all entries together claim no
more compressed bytes than the archive has, so that overlapping ones do not multiply it; an entry fits the spool.
"""

import os
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self

from apps.catalog.bounds import MIB
from apps.collection.errors import NothingReceivable
from apps.collection.media.dicomdir import comparable
from apps.collection.media.folders import NOT_FILES
from apps.collection.media.found import Found, NotTaken, not_taken
from apps.collection.media.zipdirectory import DamagedArchive, Entry, find_directory
from apps.vault.errors import VaultUnavailable
from apps.vault.spool import free_bytes

ENTRIES = 1_000_000
RATIO = 200
UNSUSPICIOUS_BYTES = 64 * MIB
_PIECE = 1 << 18
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 1
_STORED, _DEFLATED = 0, 8


class Archive:
    """A ZIP archive, open for reading. Raises OSError, and NothingReceivable when it is damaged or holds too much."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._descriptor = self._file.fileno()
        try:
            self._length = os.fstat(self._descriptor).st_size
            self._directory = find_directory(self._descriptor, self._length)
            count = sum(1 for _ in self._directory)
        except DamagedArchive:
            self._file.close()
            raise NothingReceivable("The archive is damaged: its directory cannot be read") from None
        if count > ENTRIES:
            self._file.close()
            raise NothingReceivable(f"The archive holds more than {ENTRIES:,} entries; unpack it, receive the folder")
        self._comparable: set[int] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def entries(self) -> Iterator[Found]:
        """Every entry but folders, in the directory's order."""
        claimed = 0
        try:
            for entry in self._directory:
                if entry.name.endswith("/"):
                    continue
                claimed += entry.compressed_bytes
                yield self._found(entry, is_overlapping=claimed > self._length)
        except (DamagedArchive, OSError):  # exchanged or withdrawn meanwhile
            yield not_taken(("",), "damaged_archive", "From here on the archive cannot be read.")

    def has(self, parts: tuple[str, ...]) -> bool:
        """Whether there is an entry at `parts`, read as a DICOMDIR means it."""
        if not self._comparable:
            with suppress(DamagedArchive, OSError):
                self._comparable.update(_hash(entry.name.split("/")) for entry in self._directory)
        return _hash(parts) in self._comparable

    def _found(self, entry: Entry, *, is_overlapping: bool) -> Found:
        parts = tuple(entry.name.split("/"))
        if is_overlapping:
            return not_taken(parts, "overlapping", "An entry that shares its bytes with others.")
        if objection := _objection(entry):
            return not_taken(parts, *objection)
        return Found(parts, lambda: self._pieces(entry))

    def _pieces(self, entry: Entry) -> Iterator[bytes]:
        if entry.length_bytes > free_bytes():
            raise VaultUnavailable("The spool has no room for the next file of the archive")
        crc = length = 0
        try:
            for piece in _inflated(self._compressed(entry), entry):
                length += len(piece)
                if length > entry.length_bytes:
                    break
                crc = zlib.crc32(piece, crc)
                yield piece
        except (zlib.error, OSError) as error:
            raise NotTaken("damaged_entry", "The archive is damaged here.") from error
        if length != entry.length_bytes or crc != entry.crc32:
            raise NotTaken("damaged_entry", "The entry does not have the length or checksum it should have.")

    def _compressed(self, entry: Entry) -> Iterator[bytes]:
        header = os.pread(self._descriptor, _LOCAL_HEADER.size, entry.header_offset)
        if len(header) < _LOCAL_HEADER.size or header[:4] != b"PK\x03\x04":
            raise NotTaken("damaged_entry", "The entry is not where the archive says.")
        *_, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        at, left = entry.header_offset + _LOCAL_HEADER.size + name_size + extra_size, entry.compressed_bytes
        while left and (piece := os.pread(self._descriptor, min(_PIECE, left), at)):
            at, left = at + len(piece), left - len(piece)
            yield piece


def _objection(entry: Entry) -> tuple[str, str] | None:
    if not_file := NOT_FILES.get(stat.S_IFMT(entry.mode)):
        return not_file
    if entry.flags & _ENCRYPTED:
        return "encrypted", "The entry is encrypted; unpack the archive with its password and receive the folder."
    if entry.method not in {_STORED, _DEFLATED}:
        return "unsupported_compression", f"The entry is compressed by method {entry.method}; 0 and 8 can be read."
    if entry.length_bytes > max(UNSUSPICIOUS_BYTES, RATIO * entry.compressed_bytes):
        return "expands_too_far", f"The entry would expand to more than {RATIO} times its length."
    return None


def _inflated(pieces: Iterator[bytes], entry: Entry) -> Iterator[bytes]:
    """The entry's bytes, in pieces of at most _PIECE bytes."""
    if entry.method == _STORED:
        yield from pieces
        return
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for piece in pieces:
        rest = piece
        while rest and not inflater.eof:
            yield inflater.decompress(rest, _PIECE)
            rest = inflater.unconsumed_tail
    while tail := inflater.decompress(b"", _PIECE):
        yield tail


def is_archive(start: bytes) -> bool:
    """Whether a file that starts so is a ZIP archive: a DICOM file may have anything in its preamble."""
    return start.startswith((b"PK\3\4", b"PK\5\6")) and start[128:132] != b"DICM"


def _hash(parts: Iterable[str]) -> int:
    """In place of a name, of which there can be a million."""
    return hash("/".join(map(comparable, parts)))
