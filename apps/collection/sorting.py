"""Sorting what lies in the spool: which file belongs into which pack, and which into none."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from apps.catalog.filing import Known
from apps.catalog.header import FileSource, Header, Unreadable, read_header
from apps.vault.spool import Member, Segment

QUARANTINE = ""
OTHER_STUDY_ADDRESSED = "other_study_addressed"


@dataclass(frozen=True, slots=True, eq=False)
class Received:
    """A file in the spool: its header, or the fault for which it has none."""

    source_name: str
    member: Member
    header: Header | None
    fault: Unreadable | None


@dataclass(frozen=True, slots=True, eq=False)
class Refused:
    """A file that is not wanted, such as one that is no DICOM; its bytes are not kept."""

    source_name: str
    length: int
    sha256: bytes
    fault: Unreadable
    header: Header | None = None


def examine(segment: Segment, member: Member, source_name: str, only_study: str = "") -> Received | Refused:
    """Read the header of the file added last. What is no DICOM, or not of `only_study`, leaves the segment again."""
    try:
        header = read_header(FileSource(segment.fileno(), member.offset, member.length))
    except Unreadable as fault:
        if fault.is_dicom:
            return Received(source_name, member, None, fault)
        segment.drop_last()
        return Refused(source_name, member.length, member.sha256, fault)
    if only_study and header.study_instance_uid != only_study:
        segment.drop_last()
        other = Unreadable(OTHER_STUDY_ADDRESSED, "The instance is not of the study it was sent to.")
        return Refused(source_name, member.length, member.sha256, other, header)
    return Received(source_name, member, header, None)


def examine_kept(segment: Segment, member: Member, source_name: str) -> Received:
    """Read the header of a file that was acknowledged: it is kept whatever it is."""
    try:
        header = read_header(FileSource(segment.fileno(), member.offset, member.length))
    except Unreadable as fault:
        return Received(source_name, member, None, fault)
    return Received(source_name, member, header, None)


def by_pack(
    files: Iterable[Received], known: dict[str, list[Known]], quarantined: Container[bytes]
) -> dict[str, list[Received]]:
    """Files that must be kept, by Study Instance UID; those without a header under QUARANTINE.

    Left out are those whose bytes the catalog or the quarantine has, and copies within the batch.
    """
    groups: dict[str, list[Received]] = {}
    seen: set[tuple[str, bytes]] = set()
    for file in files:
        if identity(file) in seen or is_known(file, known, quarantined):
            continue
        seen.add(identity(file))
        groups.setdefault(file.header.study_instance_uid if file.header else QUARANTINE, []).append(file)
    return groups


def identity(file: Received) -> tuple[str, bytes]:
    """What makes two received files the same: SOP Instance UID and bytes."""
    return file.header.sop_instance_uid if file.header else "", file.member.sha256


def known_copy(file: Received, known: dict[str, list[Known]]) -> Known | None:
    """What the catalog has of the same SOP Instance UID and the same bytes."""
    if file.header is None:
        return None
    return next((k for k in known.get(file.header.sop_instance_uid, ()) if k.sha256 == file.member.sha256), None)


def is_known(file: Received, known: dict[str, list[Known]], quarantined: Container[bytes]) -> bool:
    """Whether the vault has the file's bytes already, in the catalog or in quarantine."""
    return known_copy(file, known) is not None if file.header else file.member.sha256 in quarantined


def faulty_digests(files: Iterable[Received | Refused]) -> set[bytes]:
    """SHA-256 of the files that go into quarantine."""
    return {file.member.sha256 for file in files if isinstance(file, Received) and file.header is None}


def sop_instance_uids(files: Iterable[Received | Refused]) -> list[str]:
    """The SOP Instance UIDs that can be read."""
    return [file.header.sop_instance_uid for file in files if file.header]
