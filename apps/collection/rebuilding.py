"""Rebuilding the catalog from packs alone: after the database is lost, what lies in the vault says all that was in it.

Each pack goes through the same transaction as when it came, in the order in which they came. What the database knows is
passed over, so that this may be run again, or beside a center that works.
"""

import io
import json
from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID
from zipfile import BadZipFile, ZipFile

from django.conf import settings

from apps.audit.record import SYSTEM
from apps.catalog.filing import find_known
from apps.catalog.header import Unreadable, read_header
from apps.collection.by_hand import UnknownStudy, commit_filing
from apps.collection.commit import Packed, commit_batch, find_quarantined
from apps.collection.errors import IllegalTransition
from apps.collection.models import Collection, Method, QuarantineAct, State, Terminal
from apps.collection.quarantine import note_filing
from apps.collection.reception import Reception
from apps.collection.replication import settle_collections
from apps.collection.sorting import Received, by_pack, faulty_digests, sop_instance_uids
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.errors import DigestMismatch, MissingPack
from apps.vault.models import Pack, PackKind
from apps.vault.packs import WrittenPack, digest_of
from apps.vault.places import PIECE, Place, place
from apps.vault.spool import Member, batch_of, living_batches
from apps.vault.verify import PackFile, verify_members

COULD_NOT = "The file could not be read when it came."
LOCAL_HEADER_NAME = 26  # APPNOTE 4.3.7: lengths of name and extra field, before both and the content


@dataclass(frozen=True, slots=True)
class Found:
    """A pack as it lies in the vault, and what it says of itself."""

    name: str
    size: int
    manifest: dict[str, Any]

    @property
    def kind(self) -> PackKind:
        return PackKind(self.manifest["kind"])

    @property
    def is_filed_by_hand(self) -> bool:
        """Whether it holds a file that could not be read and that staff filed under a study."""
        return self.kind == PackKind.STUDY and any(file["fault"] for file in self.manifest["files"])

    @property
    def received_at(self) -> datetime:
        return datetime.fromisoformat(self.manifest["reception"]["received_at"]).astimezone(UTC)


@dataclass(slots=True)
class Rebuilt:
    """What came of it. `damaged`: packs neither of whose copies is what it says of itself. `unfiled`: packs whose file
    was filed by hand, under a study that no pack has, or under two.
    """

    packs: int = 0
    files: int = 0
    damaged: int = 0
    unfiled: int = 0


def rebuild_catalog(*, passing_over: Container[str] = ()) -> Rebuilt:
    """File every pack that no row knows. `passing_over`: names of packs that are being deleted."""
    rebuilt = Rebuilt()
    found = []
    names = {*place("primary").all_names(), *place("replica").all_names()}
    living = living_batches()
    with as_center():
        known = set(Pack.objects.values_list("name", flat=True))
    for name in sorted(names - known):
        if name in passing_over or batch_of(name) in living:
            continue
        try:
            found.append(_found(name))
        except DigestMismatch:
            rebuilt.damaged += 1
    found.sort(key=lambda pack: (pack.received_at, pack.name))
    last = {pack.manifest["collection"]: pack.name for pack in found}
    for pack in found:
        if _is_known(pack.name):  # reading the packs takes long, and the center may be at work
            continue
        try:
            files = _file(pack, is_last=last[pack.manifest["collection"]] == pack.name)
        except (UnknownStudy, IllegalTransition):
            rebuilt.unfiled += 1
            continue
        rebuilt.files += files
        rebuilt.packs += bool(files)
    settle_collections()
    return rebuilt


def _found(name: str) -> Found:
    """The pack, whole in the primary; copied there from the replica where it is not. Raises DigestMismatch."""
    primary, replica = place("primary"), place("replica")
    try:
        size = primary.size_of(name)
        verify_members(primary, name, size)
    except (DigestMismatch, MissingPack) as damage:
        try:
            size = replica.size_of(name)
            verify_members(replica, name, size)
        except MissingPack:
            raise DigestMismatch(f"Pack {name} is damaged and has no second copy") from damage
        primary.copy_from(replica, name, Path(settings.VAULT_SPOOL))
    with ZipFile(_opened(primary, name, size)) as pack:
        return Found(name, size, json.loads(pack.read("manifest.json")))


def _opened(where: Place, name: str, size: int) -> IO[bytes]:
    return cast(IO[bytes], io.BufferedReader(PackFile(where, name, size), PIECE))


def _file(found: Found, *, is_last: bool) -> int:
    """How many files of the pack were filed; none where the catalog has them already.

    Raises UnknownStudy, IllegalTransition.
    """
    facility = _facility(found.manifest["facility"])
    files = list(_received(found))
    collection, reception = _collection(facility, found)
    is_open = collection.state == State.OPEN
    if not is_open and not found.is_filed_by_hand and not _has_new(facility, files):
        return 0
    digest = digest_of(place("primary"), found.name)
    pack = WrittenPack(found.name, found.kind, found.size, digest, tuple(file.member for file in files))
    packed, batch_id, now = Packed(pack, files), batch_of(found.name), found.received_at
    if found.is_filed_by_hand:
        collection = commit_filing(
            collection, reception, batch_id, packed, found.manifest["study_instance_uid"], now=now
        ).collection
    else:
        collection = commit_batch(
            collection, reception, batch_id, files, [packed], now=now, is_last=is_last and is_open
        ).collection
    if reception.method == Method.REREAD:
        act = QuarantineAct.BY_HAND if found.is_filed_by_hand else QuarantineAct.FILED
        note_filing(collection, [file.member.sha256 for file in files], act, reason=reception.reason)
    _note_second_copy(facility, found.name, digest)
    return len(files)


def _is_known(name: str) -> bool:
    with as_center():
        return Pack.objects.filter(name=name).exists()


def _has_new(facility: Facility, files: list[Received]) -> bool:
    with as_facility(facility):
        known = find_known(facility.pk, sop_instance_uids(files))
        return bool(by_pack(files, known, find_quarantined(facility.pk, faulty_digests(files))))


def _received(found: Found) -> Iterator[Received]:
    """The files of a pack, each with its header as it reads now; but what went into quarantine, staff decide about."""
    primary = place("primary")
    told = {file["name"]: file for file in found.manifest["files"]}
    try:
        with ZipFile(_opened(primary, found.name, found.size)) as pack:
            entries = [entry for entry in pack.infolist() if entry.filename in told]
    except BadZipFile as error:
        raise DigestMismatch(f"Pack {found.name} cannot be read") from error
    for entry in entries:
        lengths = primary.read_at(found.name, entry.header_offset + LOCAL_HEADER_NAME, 4)
        name_and_extra = int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        offset = entry.header_offset + LOCAL_HEADER_NAME + 4 + name_and_extra
        about = told[entry.filename]
        member = Member(entry.filename, offset, entry.file_size, bytes.fromhex(about["sha256"]), entry.CRC)
        try:
            header = read_header(_PackSource(primary, found.name, member))
        except Unreadable as fault:
            yield Received(about["source_name"], member, None, fault)
            continue
        before = Unreadable(about["fault"], COULD_NOT) if about["fault"] else None
        yield Received(about["source_name"], member, None if before else header, before)


class _PackSource:
    """A member of a pack, wherever that lies, as catalog.header reads it."""

    def __init__(self, where: Place, name: str, member: Member) -> None:
        self._where, self._name, self._offset, self.length = where, name, member.offset, member.length

    def read_at(self, offset: int, size: int) -> bytes:
        return self._where.read_at(self._name, self._offset + offset, max(0, min(size, self.length - offset)))


def _facility(told: dict[str, Any]) -> Facility:
    """The facility of that address name; made where the database has none. Staff say then where it is."""
    with as_center():
        return Facility.objects.get_or_create(slug=told["slug"], defaults={"name": told["name"]})[0]


def _collection(facility: Facility, found: Found) -> tuple[Collection, Reception]:
    told = found.manifest["reception"]
    uid = UUID(found.manifest["collection"])
    with as_facility(facility):
        terminal = (
            Terminal.objects.filter(facility=facility, uid=told["terminal"]).first() if told["terminal"] else None
        )
        collection = Collection.objects.select_related("facility").filter(facility=facility, uid=uid).first()
    reception = Reception(
        method=Method(told["method"]), actor=SYSTEM, operator=told["operator"], terminal=terminal,
        medium_serial=told["medium_serial"], source_address=told["source_address"], reason=told.get("reason", ""),
    )  # fmt: skip
    made = Collection(facility=facility, uid=uid, method=reception.method, terminal=terminal,
                      opened_at=found.received_at)  # fmt: skip
    return collection or made, reception


def _note_second_copy(facility: Facility, name: str, digest: bytes) -> None:
    """A copy in the replica counts once it was read; one that is missing is made by replication."""
    try:
        is_same = digest_of(place("replica"), name) == digest
    except MissingPack:
        return
    if is_same:
        with as_center():
            Pack.objects.filter(facility=facility, name=name).update(replicated_at=database_now())
