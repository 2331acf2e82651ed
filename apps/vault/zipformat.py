"""The few records of the ZIP format that a pack is made of (PKWARE APPNOTE 6.3.10): stored, always ZIP64."""

import struct
from collections.abc import Sequence

_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_LOCAL_EXTRA = struct.Struct("<HHQQ")
_CENTRAL = struct.Struct("<4sHHHHHHIIIHHHHHII")
_CENTRAL_EXTRA = struct.Struct("<HHQQQ")
_END64 = struct.Struct("<4sQHHIIQQQQ")
_LOCATOR64 = struct.Struct("<4sIQI")
_END = struct.Struct("<4sHHHHIIH")
_ZIP64, _UTF8, _STORED = 45, 0x0800, 0
_MIDNIGHT, _1980 = 0, 0x0021  # packs carry their times in the manifest
_FULL16, _FULL32 = 0xFFFF, 0xFFFFFFFF
_UNIX = 3 << 8
_READ_ONLY_FILE = 0o100444 << 16


def local_header(name: str, length: int, crc32: int) -> bytes:
    """Local file header (4.3.7) with the lengths in the ZIP64 field (4.5.3), so that it can be written beforehand."""
    raw = name.encode()
    fixed = _LOCAL.pack(
        b"PK\3\4", _ZIP64, _UTF8, _STORED, _MIDNIGHT, _1980, crc32, _FULL32, _FULL32, len(raw), _LOCAL_EXTRA.size
    )
    return fixed + raw + _LOCAL_EXTRA.pack(1, 16, length, length)


def read_local_header(raw: bytes) -> tuple[str, int, int, int] | None:
    """Name, length, CRC-32 and own size of a local header as written here; None where `raw` begins with no such one."""
    if len(raw) < _LOCAL.size:
        return None
    signature, _, _, _, _, _, crc32, _, _, name_size, extra_size = _LOCAL.unpack_from(raw)
    size = _LOCAL.size + name_size + extra_size
    if signature != b"PK\3\4" or extra_size != _LOCAL_EXTRA.size or len(raw) < size:
        return None
    length = _LOCAL_EXTRA.unpack_from(raw, _LOCAL.size + name_size)[2]
    return raw[_LOCAL.size : _LOCAL.size + name_size].decode("ascii", "replace"), length, crc32, size


def header_size(name: str) -> int:
    """Bytes of the local header of `name`."""
    return _LOCAL.size + len(name.encode()) + _LOCAL_EXTRA.size


def directory(entries: Sequence[tuple[str, int, int, int]], start: int) -> bytes:
    """Central directory and end records (4.3.12 to 4.3.16), placed at `start`.

    An entry is name, offset of the content, length and CRC-32.
    """
    records = b"".join(_central(*entry) for entry in entries)
    end64 = start + len(records)
    count = len(entries)
    return b"".join(
        [
            records,
            _END64.pack(b"PK\6\6", 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, len(records), start),
            _LOCATOR64.pack(b"PK\6\7", 0, end64, 1),
            _END.pack(b"PK\5\6", 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, 0),
        ]
    )


def _central(name: str, offset: int, length: int, crc32: int) -> bytes:
    raw = name.encode()
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        _UNIX | _ZIP64,
        _ZIP64,
        _UTF8,
        _STORED,
        _MIDNIGHT,
        _1980,
        crc32,
        _FULL32,
        _FULL32,
        len(raw),
        _CENTRAL_EXTRA.size,
        0,
        0,
        0,
        _READ_ONLY_FILE,
        _FULL32,
    )
    return fixed + raw + _CENTRAL_EXTRA.pack(1, 24, length, length, offset - header_size(name))
