"""Finds the data set in a DICOM file (PS3.10 chapter 7) and how it is encoded, guessing as pydicom does."""

import re
import struct
from dataclasses import dataclass, field

from apps.catalog.bounds import Limits, Unreadable
from apps.catalog.elements import LONG_VRS, SHORT_VRS, UNDEFINED, Value, Walker, looks_explicit
from apps.catalog.sources import ByteSource, InflatedSource

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
# Deflated Explicit VR Little Endian, JPIP Referenced Deflate, JPIP HTJ2K Referenced Deflate
DEFLATED = frozenset(("1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"))
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"

_GROUP_LENGTH, _MEDIA_STORAGE_SOP_CLASS_UID, _TRANSFER_SYNTAX_UID = 0x00020000, 0x00020002, 0x00020010
_META_WANTED = frozenset((_GROUP_LENGTH, _MEDIA_STORAGE_SOP_CLASS_UID, _TRANSFER_SYNTAX_UID))
# PE, ELF, Mach-O (both byte orders, 32 and 64 bits, universal) and scripts
_EXECUTABLE = (b"MZ", b"\x7fELF", b"\xfe\xed\xfa", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!")
_UID = re.compile(r"[0-9][0-9.]{0,63}")
_KNOWN_VRS = SHORT_VRS | LONG_VRS
_LONGEST_FIRST_VALUE = 0xFFFF


@dataclass(slots=True)
class DataSet:
    """A walker on the file's data set, or on its inflated form, and where in that it starts."""

    walker: Walker
    offset: int
    is_implicit: bool
    is_big_endian: bool
    transfer_syntax_uid: str
    is_syntax_guessed: bool
    media_storage_sop_class_uid: str
    warnings: list[str] = field(default_factory=list)

    def syntax_of_pixel_data(self) -> str:
        """The Transfer Syntax UID, known once the walker is through; '' when compression can only be guessed."""
        return "" if self.is_syntax_guessed and self.walker.is_encapsulated else self.transfer_syntax_uid


def is_uid(text: str) -> bool:
    """Digits and dots, 1 to 64, the first a digit (laxer than PS3.5 9.1, but never a path)."""
    return _UID.fullmatch(text) is not None


def uid_text(raw: bytes) -> str:
    """The UID without its padding; U+FFFD, which no UID has, for bytes that are not ASCII."""
    return raw.rstrip(b"\0 ").decode("ascii", "replace")


def find_data_set(source: ByteSource, limits: Limits) -> DataSet:
    """Raises Unreadable: empty, not_dicom and dicomdir are no DICOM images; the rest is broken DICOM."""
    if not source.length:
        raise Unreadable("empty", "The file is empty.", is_dicom=False)
    warnings: list[str] = []
    walker = Walker(source, limits)
    offset = _after_preamble(source.read_at(0, 132), warnings)
    meta, offset = _read_meta(walker, offset, warnings)
    sop_class = uid_text(meta[_MEDIA_STORAGE_SOP_CLASS_UID].raw) if _MEDIA_STORAGE_SOP_CLASS_UID in meta else ""
    if sop_class == MEDIA_STORAGE_DIRECTORY:
        raise Unreadable("dicomdir", "The file is a DICOMDIR: it lists images and is none.", is_dicom=False)
    syntax = _transfer_syntax(meta, warnings)
    if syntax in DEFLATED:
        inflated = InflatedSource(source, offset, limits)
        if inflated.is_followed:
            warnings.append("bytes follow the deflated data set")
        walker, offset = Walker(inflated, limits), 0
    first = walker.peek(offset, 8)
    is_guessed = not syntax
    syntax = syntax or _guess_syntax(first)
    is_implicit = _is_implicit(first, warnings, expected=syntax == IMPLICIT_LITTLE_ENDIAN)
    is_big_endian = syntax == EXPLICIT_BIG_ENDIAN
    walker.order(big_endian=is_big_endian)
    return DataSet(walker, offset, is_implicit, is_big_endian, syntax, is_guessed, sop_class, warnings)


def data_set_start(source: ByteSource, limits: Limits) -> int:
    """Where in the file what follows the file meta information starts, compressed or not. Raises Unreadable."""
    warnings: list[str] = []
    return _read_meta(Walker(source, limits), _after_preamble(source.read_at(0, 132), warnings), warnings)[1]


def _after_preamble(start: bytes, warnings: list[str]) -> int:
    if start[128:132] == b"DICM":
        if start.startswith(_EXECUTABLE):
            warnings.append("preamble holds an executable")
        return 132
    if not _starts_data_set(start[:8]):
        raise Unreadable("not_dicom", "The file has no DICM at byte 128 and starts with no element.", is_dicom=False)
    warnings.append("preamble is missing")
    return 0


def _starts_data_set(start: bytes) -> bool:
    """Whether an element of group 2 or 8, or a command group length, stands at the start of the file."""
    if len(start) < 8:
        return False
    group, number, length = struct.unpack("<HHL", start)
    if start[4:6] in _KNOWN_VRS:
        return group in (0x0002, 0x0008, 0x0800)
    return (group in (0x0002, 0x0008) and length <= _LONGEST_FIRST_VALUE) or (group, number, length) == (0, 0, 4)


def _read_meta(walker: Walker, start: int, warnings: list[str]) -> tuple[dict[int, Value], int]:
    """The file meta information, always explicit little endian, and the offset after it."""
    values: dict[int, Value] = {}
    offset, declared_end = start, 0
    while walker.length - offset >= 8:
        if offset == declared_end and _meta_uid(values, _TRANSFER_SYNTAX_UID) in DEFLATED:
            break  # what follows is compressed and may look like anything
        tag, vr, length, value_at = walker.element(offset, implicit=False)
        if tag >> 16 != 2:
            break
        if tag in _META_WANTED and length != UNDEFINED:
            walker.following(tag, vr, length, value_at, implicit=False)
            values[tag] = walker.value(tag, value_at, length)
        offset = walker.following(tag, vr, length, value_at, implicit=False)
        if tag == _GROUP_LENGTH and length == 4:
            declared_end = offset + int.from_bytes(values[tag].raw, "little")
    if offset == start:
        warnings.append("file meta information is missing")
    elif declared_end and declared_end != offset:
        warnings.append("FileMetaInformationGroupLength is wrong")
    return values, offset


def _meta_uid(values: dict[int, Value], tag: int) -> str:
    return uid_text(values[tag].raw) if tag in values else ""


def _transfer_syntax(meta: dict[int, Value], warnings: list[str]) -> str:
    syntax = _meta_uid(meta, _TRANSFER_SYNTAX_UID)
    if is_uid(syntax):
        return syntax
    warnings.append("TransferSyntaxUID is not a UID" if syntax else "TransferSyntaxUID is missing")
    return ""


def _guess_syntax(first: bytes) -> str:
    if first[4:6] not in _KNOWN_VRS:
        return IMPLICIT_LITTLE_ENDIAN
    # The low groups a data set starts with are 1024 and more when read in the wrong byte order.
    return EXPLICIT_BIG_ENDIAN if int.from_bytes(first[:2], "little") >= 1024 else EXPLICIT_LITTLE_ENDIAN


def _is_implicit(first: bytes, warnings: list[str], *, expected: bool) -> bool:
    if first[:2] == b"\0\0":  # a command group is implicit, whatever the data set is
        return expected
    found = not looks_explicit(first[4:6])
    if found != expected:
        warnings.append(f"data set is {'implicit' if found else 'explicit'} VR against its TransferSyntaxUID")
    return found
