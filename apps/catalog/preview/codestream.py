"""What a compressed frame claims to expand to, read before any decoder allocates memory for it."""

import struct
from typing import NamedTuple

_JP2_SIGNATURE = b"\0\0\0\x0cjP  "
_SOC_SIZ = b"\xff\x4f\xff\x51"
_NO_FRAME_HEADER = frozenset((0xC4, 0xC8, 0xCC))  # DHT, JPG, DAC
_WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))


class Size(NamedTuple):
    """In pixels, and samples per pixel."""

    rows: int
    columns: int
    samples: int


def jpeg_size(stream: bytes) -> Size | None:
    """Of a JPEG (ISO/IEC 10918-1 B.2) or JPEG-LS (14495-1 C.1.1) stream, from its frame header; None without one."""
    at = 2
    while stream.startswith(b"\xff\xd8") and at + 9 < len(stream) and stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _WITHOUT_LENGTH:
            at += 2
        elif (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER) or marker == 0xF7:
            return Size(*struct.unpack_from(">HHB", stream, at + 5))
        else:
            at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def without_jp2_boxes(frame: bytes) -> bytes:
    """The JPEG 2000 codestream of a frame that is a JP2 file, which DICOM does not know (PS3.5 A.4.4) but has."""
    return frame[max(0, frame.find(_SOC_SIZ)) :] if frame.startswith(_JP2_SIGNATURE) else frame


def jpeg_2000_size(stream: bytes) -> Size | None:
    """Of a JPEG 2000 or HTJ2K codestream (ISO/IEC 15444-1 A.5.1); None without SIZ."""
    if not stream.startswith(_SOC_SIZ) or len(stream) < 42:
        return None
    right, bottom, left, top = struct.unpack_from(">4L", stream, 8)
    (samples,) = struct.unpack_from(">H", stream, 40)
    return Size(bottom - top, right - left, samples)


def jpeg_2000_tiles(stream: bytes) -> int:
    """Into how many tiles a codestream with SIZ is cut (ISO/IEC 15444-1 B.3). Decoders allocate for each."""
    right, bottom, _, _, width, height, left, top = struct.unpack_from(">8L", stream, 8)
    across, down = -(-(right - left) // max(1, width)), -(-(bottom - top) // max(1, height))
    return int(across * down)


def rle_bytes(frame: bytes, most: int) -> int:
    """The bytes that the segments of an RLE frame (PS3.5 G.3) expand to; stops counting beyond `most`."""
    expanded, at, end = 0, 64, len(frame)
    while at < end and expanded <= most:
        control = frame[at]
        expanded += 257 - control if control > 128 else (control + 1) % 129
        at += 2 if control > 128 else (control + 2 if control < 128 else 1)
    return expanded
