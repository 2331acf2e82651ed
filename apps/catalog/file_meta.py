"""The head of a DICOM file that we write: preamble and File Meta Information (PS3.10, 7.1).

It tells of the image alone and not of who sent it: the same image from a modality and from the archive behind it is the
same bytes, and no conflict. Who sent it is on record with the collection.
"""

import struct

IMPLEMENTATION_CLASS_UID = "2.25.225898854752773155203832080754496939558"
IMPLEMENTATION_VERSION_NAME = "MEDVAULT"
_LONG = struct.Struct("<HH2s2xI")
_SHORT = struct.Struct("<HH2sH")


def head_of(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """What goes before the data set."""
    elements = (
        (0x0002, b"UI", sop_class_uid),
        (0x0003, b"UI", sop_instance_uid),
        (0x0010, b"UI", transfer_syntax_uid),
        (0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
        (0x0013, b"SH", IMPLEMENTATION_VERSION_NAME),
    )
    body = _LONG.pack(2, 0x0001, b"OB", 2) + b"\0\1" + b"".join(_short(*each) for each in elements)
    return b"\0" * 128 + b"DICM" + _SHORT.pack(2, 0, b"UL", 4) + struct.pack("<I", len(body)) + body


def _short(number: int, vr: bytes, value: str) -> bytes:
    raw = value.encode("ascii", "replace")
    raw += (b"\0" if vr == b"UI" else b" ") * (len(raw) % 2)
    return _SHORT.pack(2, number, vr, len(raw)) + raw
