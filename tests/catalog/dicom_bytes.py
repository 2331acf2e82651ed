"""Small DICOM files with invented patients, written byte by byte: what pydicom would refuse to write is needed too."""

import struct
from collections.abc import Mapping

IMPLICIT, EXPLICIT, BIG_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, JPEG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.50"
CT, SR, PDF = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1"
SOP_INSTANCE_UID, STUDY_INSTANCE_UID, SERIES_INSTANCE_UID = "1.2.3.4.5", "1.2.3", "1.2.3.4"
UNDEFINED = 0xFFFFFFFF
LONG_VRS = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")

Elements = Mapping[int, tuple[str, bytes]]

DOCUMENT: Elements = {
    0x00080018: ("UI", b"1.2.3.4.5\0"),
    0x0020000D: ("UI", b"1.2.3\0"),
    0x0020000E: ("UI", b"1.2.3.4\0"),
}
IMAGE: Elements = {
    **DOCUMENT,
    0x00080016: ("UI", CT.encode() + b"\0"),
    0x00280010: ("US", b"\x02\0"),
    0x00280011: ("US", b"\x02\0"),
    0x00280100: ("US", b"\x10\0"),
    0x7FE00010: ("OW", bytes(8)),
}


def element(tag: int, vr: str, value: bytes, syntax: str = EXPLICIT, *, length: int | None = None) -> bytes:
    """`length` is what the element declares when that is not the length of its value."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    size = len(value) if length is None else length
    group, number = tag >> 16, tag & 0xFFFF
    if syntax == IMPLICIT:
        return struct.pack("<HHL", group, number, size) + value
    if vr in LONG_VRS:
        return struct.pack(f"{order}HH2sHL", group, number, vr.encode(), 0, size) + value
    return struct.pack(f"{order}HH2sH", group, number, vr.encode(), size) + value


def item(content: bytes, length: int | None = None) -> bytes:
    return element(0xFFFEE000, "", content, IMPLICIT, length=length)


ITEM_END = element(0xFFFEE00D, "", b"", IMPLICIT)
SEQUENCE_END = element(0xFFFEE0DD, "", b"", IMPLICIT)


def data_set(elements: Elements, syntax: str = EXPLICIT) -> bytes:
    return b"".join(element(tag, *elements[tag], syntax) for tag in sorted(elements))


def part10(content: bytes, syntax: str = EXPLICIT, *, preamble: bytes = bytes(128), sop_class: str = CT) -> bytes:
    """A file of PS3.10 around an encoded data set."""
    meta = element(0x00020002, "UI", _even(sop_class)) + element(0x00020010, "UI", _even(syntax))
    return preamble + b"DICM" + element(0x00020000, "UL", struct.pack("<L", len(meta))) + meta + content


def image(changes: Elements | None = None) -> bytes:
    """An image of 2 by 2 pixels, explicit little endian; `changes` add to it or replace."""
    return part10(data_set({**IMAGE, **(changes or {})}))


def encapsulated(*items: bytes) -> bytes:
    """A JPEG image whose pixel data consists of `items`: the offset table and the fragments."""
    before = data_set({tag: value for tag, value in IMAGE.items() if tag != 0x7FE00010})
    pixel_data = element(0x7FE00010, "OB", b"".join(items) + SEQUENCE_END, length=UNDEFINED)
    return part10(before + pixel_data, JPEG)


def _even(text: str) -> bytes:
    raw = text.encode()
    return raw + b"\0" * (len(raw) % 2)
