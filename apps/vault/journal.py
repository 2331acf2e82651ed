"""Journals: files that a sender is told are safe one by one, long before they are packed.

A journal is a folder of the spool, one for each collection that arrives so. It is locked by the process that writes
it, and holds a promise (what the collection is, told by the writer) and segments, whose members lie behind ZIP local
headers. A member that is whole and has its CRC-32 was promised; what lies behind the last of them was never
acknowledged.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from isal.isal_zlib import crc32

from apps.vault import zipformat
from apps.vault.errors import DigestMismatch, VaultUnavailable
from apps.vault.places import make_folders, sync
from apps.vault.spool import PIECE, WRITE_BACK, Member, locked, require_reserve

JOURNALS = "journals"
PROMISE = "promise.json"
OPEN, READY = ".open", ".segment"
AT_ONCE = 1 << 20  # what is shorter is written by one call
_HEADER = zipformat.header_size("000001.dcm")


class Journal:
    """The writing side, of one process."""

    def __init__(self, uid: UUID, promise: bytes) -> None:
        """Raises VaultUnavailable."""
        self.folder = Path(settings.VAULT_SPOOL) / JOURNALS / uid.hex
        self.count, self.length_bytes = 0, 0
        self._segments = 0
        self._file: BinaryIO | None = None
        self._end = 0
        self._checked = 0
        try:
            make_folders(self.folder)
            self._lock = locked(self.folder)
            require_reserve(self.folder)
            with (self.folder / PROMISE).open("xb") as file:
                file.write(promise)
                file.flush()
                os.fsync(file.fileno())
            sync(self.folder)
        except OSError as error:
            raise _unavailable(error) from error

    def add(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Append one file as it arrives; on return it is durable. What the source raises leaves no trace of it.

        Raises VaultUnavailable; the source may not have been read to its end then.
        """
        start = self._end
        try:
            file = self._opened()
            length = self._append(file, pieces, start)
            os.fdatasync(file.fileno())
        except BaseException as error:
            with suppress(OSError):
                self._cut(start)
            if isinstance(error, OSError):
                raise _unavailable(error) from error
            raise
        self._end = start + _HEADER + length
        self.count += 1
        self.length_bytes += length

    def turn(self) -> None:
        """Let go of what was added until now: whoever packs may have it."""
        if self._file:
            path = self._path
            self._file.close()
            self._file, self.count, self.length_bytes, self._end = None, 0, 0, 0
            path.rename(path.with_suffix(READY))

    def close(self) -> None:
        """Nothing more comes."""
        with suppress(OSError):
            self.turn()
        os.close(self._lock)

    @property
    def _path(self) -> Path:
        return self.folder / f"{self._segments:06d}{OPEN}"

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._segments += 1
            self._file = self._path.open("xb+", buffering=0)
            sync(self.folder)
        return self._file

    def _append(self, file: BinaryIO, pieces: Iterable[bytes | memoryview], start: int) -> int:
        """Content first, its header last: a header with length and CRC-32 is the sign that all is there."""
        name, crc, length, at = f"{self.count + 1:06d}.dcm", 0, 0, start
        waiting = bytearray(_HEADER)
        for piece in pieces:
            crc = crc32(piece, crc)
            length += len(piece)
            waiting += piece
            if len(waiting) >= AT_ONCE:
                at = self._write(file, waiting, at)
                waiting.clear()
        header = zipformat.local_header(name, length, crc)
        if at == start:
            waiting[:_HEADER] = header
        self._write(file, waiting, at)
        if at != start:
            self._write(file, header, start)
        return length

    def _write(self, file: BinaryIO, data: bytes | bytearray, at: int) -> int:
        view = memoryview(data)
        while view:
            written = os.pwrite(file.fileno(), view, at)
            view, at = view[written:], at + written
            self._checked += written
        if self._checked >= WRITE_BACK:
            self._checked = 0
            require_reserve(self.folder)
        return at

    def _cut(self, end: int) -> None:
        if self._file:
            os.ftruncate(self._file.fileno(), end)
            self._end = end


@dataclass(frozen=True, slots=True)
class Left:
    """The reading side: a journal, held by this process for packing."""

    folder: Path
    uid: UUID
    promise: bytes

    @property
    def is_over(self) -> bool:
        """Whether no process writes it any more."""
        try:
            os.close(locked(self.folder))
        except BlockingIOError:
            return False
        return True

    def segments(self, *, is_over: bool) -> list[tuple[int, Path]]:
        """Numbers and paths of what may be packed, in order; with those a dead writer left open when it is over."""
        names = [path for path in self.folder.iterdir() if path.suffix == READY or (is_over and path.suffix == OPEN)]
        return sorted((int(path.stem), path) for path in names)

    def drop(self) -> None:
        """Remove the journal; everything in it is packed."""
        shutil.rmtree(self.folder)


def journals() -> Iterator[Left]:
    """Every journal that no other process packs, the oldest first; each is held while it is yielded."""
    root = Path(settings.VAULT_SPOOL) / JOURNALS
    folders = [(path.stat().st_ctime_ns, path) for path in root.iterdir()] if root.is_dir() else []
    for _, folder in sorted(folders):
        with _held(folder) as is_held:
            if is_held:
                try:
                    promise = (folder / PROMISE).read_bytes()
                except FileNotFoundError:  # begun by a process that died at once, or right now
                    promise = b""
                yield Left(folder, UUID(folder.name), promise)


def members_of(path: Path) -> list[Member]:
    """What was promised of a segment, read back. Raises DigestMismatch where something before the end is damaged."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        members: list[Member] = []
        at = 0
        while (found := zipformat.read_local_header(os.pread(file.fileno(), _HEADER, at))) and found[0][0].isdigit():
            name, length, crc, header_size = found
            digest, crc_read = _read_back(file.fileno(), at + header_size, length)
            end = at + header_size + length
            if crc_read != crc:
                if end < size:
                    raise DigestMismatch(f"A journal of the spool is damaged at member {name}")
                break
            members.append(Member(name, at + header_size, length, digest, crc))
            at = end
        return members


def _read_back(descriptor: int, at: int, length: int) -> tuple[bytes, int]:
    digest, crc, end = sha256(), 0, at + length
    while at < end and (piece := os.pread(descriptor, min(PIECE, end - at), at)):
        digest.update(piece)
        crc = crc32(piece, crc)
        at += len(piece)
    return digest.digest(), crc


@contextmanager
def _held(folder: Path) -> Iterator[bool]:
    """The right to pack a journal; False where another process has it, or has just packed it."""
    try:
        descriptor = os.open(folder / "packing", os.O_CREAT | os.O_RDWR, 0o600)
    except (FileNotFoundError, NotADirectoryError):
        yield False
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield os.fstat(descriptor).st_nlink > 0
    except BlockingIOError:
        yield False
    finally:
        os.close(descriptor)


def _unavailable(error: OSError) -> VaultUnavailable:
    return VaultUnavailable(f"The spool could not be written: {error.strerror}")
