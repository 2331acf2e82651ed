"""The spool: files are written here as they arrive, in a ZIP in the making.

A batch is a folder of the spool, locked by the process that fills it. Its segments are ZIP files without their end;
finished, a segment becomes a pack by a second name. A batch whose lock is free belongs to a process that died.
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from django.conf import settings
from isal.isal_zlib import crc32

from apps.vault import page_cache, zipformat
from apps.vault.errors import VaultUnavailable

PIECE = 128 * 1024
WRITE_BACK = 4 * 1024 * 1024
PASSING = "passing-"
RESERVE = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Member:
    """One received file within a segment; `offset` and `length` are of its content, in bytes."""

    name: str
    offset: int
    length: int
    sha256: bytes
    crc32: int


class Segment:
    """An append-only file of members, each behind its local file header (APPNOTE 4.3.7)."""

    def __init__(self, path: Path, members: Sequence[Member] = ()) -> None:
        """A new file; or, with the members it is known to have, one that is there, cut behind the last of them."""
        self.path = path
        self.members = list(members)
        self._file = path.open("rb+" if members else "xb+", buffering=0)
        self._written_back = 0
        self._truncate(members[-1].offset + members[-1].length if members else 0)

    def add(self, pieces: Iterable[bytes | memoryview]) -> Member:
        """Append one file as it arrives. What the source raises leaves the segment as it was before."""
        name = f"{len(self.members) + 1:06d}.dcm"
        start = self._end
        digest, crc, length = sha256(), 0, 0
        try:
            header_size = self._write(zipformat.local_header(name, 0, 0))
            for piece in pieces:
                digest.update(piece)
                crc = crc32(piece, crc)
                length += self._write(piece)
            os.pwrite(self._file.fileno(), zipformat.local_header(name, length, crc), start)
        except BaseException as error:
            with suppress(OSError):
                self._truncate(start)
            if isinstance(error, OSError):
                raise VaultUnavailable(f"The spool could not be written: {error.strerror}") from error
            raise
        member = Member(name, start + header_size, length, digest.digest(), crc)
        self.members.append(member)
        return member

    def drop_last(self) -> None:
        """Forget the member added last, and its bytes."""
        member = self.members.pop()
        self._truncate(member.offset - zipformat.header_size(member.name))

    def content(self, member: Member) -> Iterator[bytes]:
        """The bytes of a member, in pieces."""
        at, left = member.offset, member.length
        while left and (piece := os.pread(self._file.fileno(), min(PIECE, left), at)):
            at, left = at + len(piece), left - len(piece)
            yield piece

    def fileno(self) -> int:
        """Descriptor for positioned reads."""
        return self._file.fileno()

    def finish(self, manifest: bytes) -> int:
        """Append manifest and central directory, sync, and return the size in bytes. Raises VaultUnavailable."""
        try:
            start = self._end
            crc = crc32(manifest)
            header_size = self._write(zipformat.local_header("manifest.json", len(manifest), crc))
            self._write(manifest)
            entries = [(m.name, m.offset, m.length, m.crc32) for m in self.members]
            entries.append(("manifest.json", start + header_size, len(manifest), crc))
            self._write(zipformat.directory(entries, self._end))
            os.fsync(self._file.fileno())
        except OSError as error:
            raise VaultUnavailable(f"The spool could not be written: {error.strerror}") from error
        return self._end

    def close(self) -> None:
        """Give the descriptor back."""
        self._file.close()

    def _truncate(self, end: int) -> None:
        self._end = end
        self._written_back = min(self._written_back, end)
        os.ftruncate(self._file.fileno(), end)
        os.lseek(self._file.fileno(), end, os.SEEK_SET)

    def _write(self, data: bytes | memoryview) -> int:
        view = memoryview(data)
        while view:
            view = view[os.write(self._file.fileno(), view) :]
        self._end += len(data)
        if self._end - self._written_back >= WRITE_BACK:
            page_cache.let_go(self._file.fileno(), self._written_back, self._end - self._written_back)
            self._written_back = self._end
            require_reserve(self.path)
        return len(data)


class Batch:
    """A locked folder of the spool, for one facility: what arrives together is stored together or not at all.

    Leaving it drops the folder, except after an error while packs were being committed: whether the database took
    them is not known then, so the folder is left to the sweep, which asks the database.
    """

    def __init__(self, facility_id: int, *, batch_id: str = "", incoming: Segment | None = None) -> None:
        """A new batch; or one about what a journal holds, whose `batch_id` is the same at every attempt."""
        self.id = batch_id or uuid4().hex
        self.facility_id = facility_id
        self.folder = Path(settings.VAULT_SPOOL) / f"{facility_id}-{self.id}"
        self._segments: list[Segment] = [incoming] if incoming else []
        self._packs = 0
        try:
            if batch_id:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            require_reserve(self.folder)
            self._lock = locked(self.folder)
            self.incoming = incoming or self.segment()
        except OSError as error:
            raise VaultUnavailable(f"The spool could not be written: {error.strerror}") from error

    def segment(self) -> Segment:
        """A further segment."""
        segment = Segment(self.folder / f"{len(self._segments)}.segment")
        self._segments.append(segment)
        return segment

    def pack_name(self) -> str:
        """Name of the batch's next pack."""
        self._packs += 1
        return f"{pack_prefix(self.facility_id, self.id)}{self._packs}.zip"

    @property
    def length_bytes(self) -> int:
        """Bytes received so far."""
        return sum(member.length for member in self.incoming.members)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for segment in self._segments:
            segment.close()
        if error is None or not self._packs:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def pack_prefix(facility_id: int, batch_id: str) -> str:
    """What the names of a batch's packs begin with, in both places."""
    return f"{facility_id}/{batch_id[:2]}/{batch_id}-"


def batch_of(pack_name: str) -> str:
    """The id of the batch that a pack was written by."""
    return pack_name.rpartition("/")[2].rpartition("-")[0]


def require_reserve(path: Path) -> None:
    """Stop before the disk is full: a database on it would stop with it. Raises OSError."""
    if shutil.disk_usage(path).free < RESERVE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def spool_folder() -> Path:
    """The spool itself, for what lies on this host's disk for a moment. Raises OSError."""
    spool = Path(settings.VAULT_SPOOL)
    spool.mkdir(parents=True, exist_ok=True)
    return spool


@contextmanager
def passing_folder(within: Path | None = None) -> Iterator[Path]:
    """A folder for what only passes through this host; gone afterwards, and swept where its process dies."""
    folder = (within or spool_folder()) / f"{PASSING}{uuid4().hex}"
    folder.mkdir()
    lock = locked(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def sweep_passing_folders(*, before: float) -> int:
    """Remove those last changed before a time (seconds since 1970) that no living process holds; how many."""
    swept = 0
    for folder in Path(settings.VAULT_SPOOL).glob(f"{PASSING}*"):
        try:
            if folder.stat().st_mtime < before:
                lock = locked(folder)
                shutil.rmtree(folder)
                os.close(lock)
                swept += 1
        except (BlockingIOError, FileNotFoundError):
            continue
    return swept


def free_bytes() -> int:
    """Bytes that the spool has room for, beyond the reserve. Raises VaultUnavailable."""
    try:
        return max(0, shutil.disk_usage(spool_folder()).free - RESERVE)
    except OSError as error:
        raise VaultUnavailable(f"The spool could not be written: {error.strerror}") from error


def dead_batches() -> Iterator[tuple[Path, int, str]]:
    """Folders of the spool that no living process holds: path, facility id, batch id. Locked while yielded."""
    for folder, facility_id, batch_id in _batches():
        try:
            lock = locked(folder)
        except (BlockingIOError, FileNotFoundError):
            continue
        try:
            yield folder, facility_id, batch_id
        finally:
            os.close(lock)


def living_batches() -> set[str]:
    """The ids of those that a process of this host fills: their packs have rows soon, or go."""
    living = set()
    for folder, _, batch_id in _batches():
        try:
            os.close(locked(folder))
        except BlockingIOError:
            living.add(batch_id)
        except FileNotFoundError:
            continue
    return living


def _batches() -> Iterator[tuple[Path, int, str]]:
    spool = Path(settings.VAULT_SPOOL)
    for folder in sorted(spool.iterdir()) if spool.is_dir() else []:
        facility, _, batch = folder.name.partition("-")
        if folder.is_dir() and facility.isdigit() and len(batch) == 32:
            yield folder, int(facility), batch


def locked(folder: Path) -> int:
    """A descriptor of the folder that holds it until it is closed. Raises BlockingIOError where another does."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
