"""Packs: written from the spool, read back, copied to the replica, and swept up after a process that died."""

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from isal.isal_zlib import crc32

from apps.core.locks import lock_names
from apps.facilities.tenancy import as_center
from apps.vault.errors import DigestMismatch, VaultUnavailable
from apps.vault.models import Pack, PackKind
from apps.vault.places import WHOLE, Place, place
from apps.vault.spool import Batch, Member, Segment, dead_batches, pack_prefix

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WrittenPack:
    """A pack that lies verified in the primary, and that no row of the database knows yet."""

    name: str
    kind: PackKind
    size_bytes: int
    sha256: bytes
    members: tuple[Member, ...]

    def row(self, *, facility_id: int, created_at: datetime) -> Pack:
        """The pack as an unsaved row."""
        return Pack(
            facility_id=facility_id,
            name=self.name,
            kind=self.kind,
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            file_count=len(self.members),
            created_at=created_at,
        )


def write_pack(batch: Batch, segment: Segment, *, kind: PackKind, manifest: bytes) -> WrittenPack:
    """Finish a segment, put it into the primary, and read it back.

    Raises VaultUnavailable where it cannot be written, DigestMismatch where it reads differently.
    """
    size = segment.finish(manifest)
    name = batch.pack_name()
    primary = place("primary")
    primary.put(name, segment.path, share=True)
    digest = _verified(primary, name, size, segment.members)
    primary.uncache(name)
    segment.close()
    return WrittenPack(name, kind, size, digest, tuple(segment.members))


def discard_pack(name: str) -> None:
    """Remove from both places a pack that no row knows."""
    for alias in ("primary", "replica"):
        place(alias).remove(name)


def aside(name: str) -> str:
    """The name under which a place keeps the damaged bytes of a pack that was repaired there."""
    return f"damaged/{name}"


def erase_pack(name: str) -> None:
    """Remove both copies of a pack whose row is gone, and see that they are. Raises VaultUnavailable."""
    for alias in ("primary", "replica"):
        where = place(alias)
        for each in (name, aside(name)):
            where.remove(each)
            if each in where.names(each):
                raise VaultUnavailable(f"Pack {name} is still in the {alias} after it was removed")


def replicate(pack: Pack) -> None:
    """Copy a pack to the replica and read the copy back. The caller holds the row and notes it there.

    Raises VaultUnavailable, MissingPack, or DigestMismatch when the copy is not what the row says.
    """
    primary, replica = place("primary"), place("replica")
    replica.copy_from(primary, pack.name, Path(settings.VAULT_SPOOL))
    if digest_of(replica, pack.name) != bytes(pack.sha256):
        replica.remove(pack.name)
        raise DigestMismatch(f"Pack {pack.name} differs between primary and replica")
    for where in (primary, replica):
        where.uncache(pack.name)


def digest_of(where: Place, name: str) -> bytes:
    """SHA-256 of a whole pack as it reads now. Raises MissingPack."""
    digest = sha256()
    for piece in where.pieces(name, 0, WHOLE):
        digest.update(piece)
    return digest.digest()


def sweep_dead_batches() -> int:
    """Clear up after processes that died: packs without a row go, then the spool folder. Returns the batches swept."""
    swept = 0
    for folder, facility_id, batch_id in dead_batches():
        known = discard_unknown(facility_id, batch_id)
        shutil.rmtree(folder)
        log.info("Batch %s of facility %s was swept; %d packs kept", batch_id, facility_id, known)
        swept += 1
    return swept


def discard_unknown(facility_id: int, batch_id: str) -> int:
    """Remove the packs of a batch whose process died before they had rows. Returns the packs that have one."""
    prefix = pack_prefix(facility_id, batch_id)
    with as_center():
        # A transaction that the dead process had begun to commit may still be running; it holds this lock.
        lock_names([batch_id])
        known = set(
            Pack.objects.filter(facility_id=facility_id, name__startswith=prefix).values_list("name", flat=True)
        )
    for alias in ("primary", "replica"):
        for name in set(place(alias).names(prefix)) - known:
            place(alias).remove(name)
    return len(known)


def _verified(where: Place, name: str, size: int, members: list[Member]) -> bytes:
    """SHA-256 of a whole pack, read back; every member must have the CRC-32 it arrived with. Raises DigestMismatch."""
    digest, check, length = sha256(), _MemberCheck(members), 0
    for piece in where.pieces(name, 0, WHOLE):
        digest.update(piece)
        check.feed(piece)
        length += len(piece)
    if length != size or not check.matches:
        raise DigestMismatch(f"Pack {name} reads differently from what was received")
    return digest.digest()


class _MemberCheck:
    """Compares members with their CRC-32 as a pack goes by; members lie in order and do not overlap."""

    def __init__(self, members: list[Member]) -> None:
        self._left = list(reversed(members))
        self._at = 0
        self._crc = 0
        self._differs = False

    @property
    def matches(self) -> bool:
        return not self._differs and not self._left

    def feed(self, piece: bytes) -> None:
        view, start = memoryview(piece), self._at
        self._at += len(piece)
        while self._left and self._left[-1].offset <= self._at:
            member = self._left[-1]
            end = member.offset + member.length
            self._crc = crc32(view[max(0, member.offset - start) : max(0, end - start)], self._crc)
            if end > self._at:
                return
            self._differs |= self._crc != member.crc32
            self._crc = 0
            self._left.pop()
