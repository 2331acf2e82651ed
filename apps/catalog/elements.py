"""Walks the elements of a DICOM data set (PS3.5 chapter 7) without recursion and within Limits.

Values are skipped by their length; only those asked for are read. Sequences and items of undefined length, and
encapsulated pixel data, are walked to their delimiters to find where they end; those of defined length are skipped.
"""

import struct
from collections.abc import Container
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from apps.catalog.bounds import Limits, Unreadable, tag_name
from apps.catalog.sources import ByteSource

HEADER, LONG_HEADER = 8, 12  # bytes before the value, PS3.5 7.1.2
WINDOW = 16 * 1024  # holds the header of a usual image, and is one read of it
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_GROUP, PIXEL_DATA = 0x7FE0, 0x7FE00010
FLOAT_PIXEL_DATA = 0x7FE00008
PIXEL_TAGS = frozenset((FLOAT_PIXEL_DATA, 0x7FE00009, PIXEL_DATA))

SHORT_VRS = frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_16)
LONG_VRS = frozenset(str(vr).encode() for vr in EXPLICIT_VR_LENGTH_32)
_MAY_BE_SEQUENCE = (b"SQ", b"UN", b"")

_EXPLICIT = {False: struct.Struct("<HH2sH").unpack_from, True: struct.Struct(">HH2sH").unpack_from}
_UINT32 = {False: struct.Struct("<L").unpack_from, True: struct.Struct(">L").unpack_from}
_ITEM = {False: struct.Struct("<HHL").unpack_from, True: struct.Struct(">HHL").unpack_from}


class Value(NamedTuple):
    """The first `value_bytes` of an element's value, undecoded."""

    raw: bytes
    offset: int
    is_cut: bool


class Walker:
    """Reads elements forwards from one source; its counters run over the whole file."""

    def __init__(self, source: ByteSource, limits: Limits, *, big_endian: bool = False) -> None:
        self.length = source.length
        self.has_pixel_data = False
        self.is_encapsulated = False
        self._source = source
        self._limits = limits
        self._base = 0
        self._buffer = b""
        self._header_bytes = 0
        self._fragments = 0
        self._frame_bytes = 0
        self.order(big_endian=big_endian)

    def order(self, *, big_endian: bool) -> None:
        """Sets the byte order of what is read next."""
        self._explicit = _EXPLICIT[big_endian]
        self._uint32 = _UINT32[big_endian]
        self._item = _ITEM[big_endian]

    def top_level(self, offset: int, wanted: Container[int], *, implicit: bool) -> dict[int, Value]:
        """The wanted values of the data set that starts at `offset` and ends with the file.

        Of a repeated element the last counts, as in pydicom. Accepts trailing NUL bytes and Data Set Trailing
        Padding (FFFC,FFFC). Raises Unreadable.
        """
        values: dict[int, Value] = {}
        while True:
            if not implicit:
                offset = self._through_short_values(offset, wanted, values)
            if self.length - offset < HEADER:
                break
            tag, vr, length, value_at = self.element(offset, implicit=implicit)
            following = self.following(tag, vr, length, value_at, implicit=implicit)
            if length != UNDEFINED and tag in wanted:
                values[tag] = self.value(tag, value_at, length)
            if tag >= FLOAT_PIXEL_DATA:
                self._note_tail(tag, length, offset)
            elif not tag and not length:
                break
            offset = following
        self._require_padding(offset)
        return values

    def element(self, offset: int, *, implicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, VR (b"" when implicit), length and offset of the value of the element at `offset`."""
        at = offset - self._base
        if at + LONG_HEADER > len(self._buffer):
            self._load(offset)
            at = 0
        buffer = self._buffer
        try:
            group, number, vr, length = self._explicit(buffer, at)
            tag = group << 16 | number
            if not implicit and vr in LONG_VRS:
                return tag, vr, self._uint32(buffer, at + 8)[0], offset + LONG_HEADER
            # Some writers mix implicit elements into explicit data sets; an unknown VR is two capital letters.
            if implicit or not (vr in SHORT_VRS or looks_explicit(vr)):
                return tag, b"", self._uint32(buffer, at + 4)[0], offset + HEADER
        except struct.error:
            raise Unreadable("truncated", f"The file ends within the element at byte {offset}.") from None
        return tag, vr, length, offset + HEADER

    def following(self, tag: int, vr: bytes, length: int, value_at: int, *, implicit: bool) -> int:
        """The offset after a value, whatever its kind. Raises Unreadable if the file ends before it."""
        if length != UNDEFINED:
            return self._skip(tag, value_at, length)
        if tag == PIXEL_DATA or vr not in _MAY_BE_SEQUENCE:
            return self._after_fragments(tag, value_at)
        return self._after_sequence(tag, value_at, implicit=implicit)

    def value(self, tag: int, value_at: int, length: int) -> Value:
        """The value of a defined length, cut at Limits.value_bytes."""
        size = min(length, self._limits.value_bytes)
        at = value_at - self._base
        raw = self._buffer[at : at + size] if at + size <= len(self._buffer) else self._read(value_at, size)
        if len(raw) < size:
            raise _ends_early(tag, value_at, length)
        return Value(raw, value_at, size < length)

    def peek(self, offset: int, size: int) -> bytes:
        """At most 12 bytes from `offset`, fewer at the end of the file."""
        at = offset - self._base
        if at + size > len(self._buffer):
            self._load(offset)
            at = 0
        return self._buffer[at : at + size]

    def _through_short_values(self, offset: int, wanted: Container[int], values: dict[int, Value]) -> int:
        """Passes the explicit elements with a 16 bit length that stand whole in the buffer: most of them, fast."""
        unpack, buffer, base, largest = self._explicit, self._buffer, self._base, self._limits.value_bytes
        size = len(buffer)
        last = size - HEADER
        at = offset - base
        while at <= last:
            group, number, vr, length = unpack(buffer, at)
            following = at + HEADER + length
            if vr not in SHORT_VRS or following > size or group >= PIXEL_GROUP:
                break
            tag = group << 16 | number
            if tag in wanted:
                if length > largest:
                    break
                values[tag] = Value(buffer[at + HEADER : following], base + at + HEADER, False)
            at = following
        return base + at

    def _load(self, offset: int) -> None:
        self._buffer = self._read(offset, WINDOW)
        self._base = offset

    def _read(self, offset: int, size: int) -> bytes:
        content = self._source.read_at(offset, size)
        self._header_bytes += len(content)
        if self._header_bytes > self._limits.header_bytes:
            raise Unreadable(
                "header_too_large", f"The header exceeds {self._limits.header_bytes} bytes before byte {offset}."
            )
        return content

    def _skip(self, tag: int, value_at: int, length: int) -> int:
        if value_at + length > self.length:
            raise _ends_early(tag, value_at, length)
        return value_at + length

    def _note_tail(self, tag: int, length: int, offset: int) -> None:
        if tag in PIXEL_TAGS:
            self.is_encapsulated = length == UNDEFINED
            self.has_pixel_data = self.has_pixel_data or (self._frame_bytes if self.is_encapsulated else length) > 0
        elif tag in (ITEM, ITEM_END, SEQUENCE_END):
            raise Unreadable("malformed", f"{tag_name(tag)} at byte {offset} is outside of any sequence.")

    def _require_padding(self, offset: int) -> None:
        while offset < self.length and (rest := self._read(offset, WINDOW)):
            if rest.strip(b"\0"):
                code = "truncated" if self.length - offset < 8 else "malformed"
                raise Unreadable(code, f"The bytes after byte {offset} are no element.")
            offset += len(rest)

    def _after_fragments(self, tag: int, offset: int) -> int:
        """PS3.5 A.4: an offset table, then fragments, all in items of defined length; their values are never read."""
        table_end = self._frame_bytes = 0
        while True:
            item, length = self._fragment(tag, offset)
            if item == SEQUENCE_END:
                return offset + HEADER
            if item != ITEM or length == UNDEFINED:
                raise Unreadable("malformed", f"{tag_name(tag)} holds no fragment at byte {offset}.")
            offset = self._skip(tag, offset + HEADER, length)
            if table_end:
                self._frame_bytes += length
            table_end = table_end or offset

    def _fragment(self, tag: int, offset: int) -> tuple[int, int]:
        self._fragments += 1
        if self._fragments > self._limits.fragments:
            raise Unreadable("too_many_fragments", f"{tag_name(tag)} exceeds {self._limits.fragments} fragments.")
        at = offset - self._base
        is_near = at + HEADER <= len(self._buffer)
        header = self._buffer[at : at + HEADER] if is_near else self._source.read_at(offset, HEADER)
        if len(header) < HEADER:
            raise Unreadable("truncated", f"{tag_name(tag)} has no sequence delimiter before byte {offset}.")
        group, number, length = self._item(header)
        return group << 16 | number, length

    def _after_sequence(self, tag: int, offset: int, *, implicit: bool) -> int:
        """PS3.5 7.5.2. `enclosing` holds, per open sequence, whether the data set it stands in is implicit VR."""
        enclosing = [implicit]
        while enclosing:
            item, _, length, value_at = self.element(offset, implicit=True)
            if item == ITEM and length != UNDEFINED:
                offset = self._skip(tag, value_at, length)
                continue
            if item == ITEM:
                implicit = enclosing[-1] or not self._has_vr(value_at)
            elif item == SEQUENCE_END:
                implicit = enclosing.pop()
            else:
                raise Unreadable("malformed", f"{tag_name(tag)} holds {tag_name(item)} at byte {offset}, no item.")
            offset = value_at
            if enclosing:
                offset, opens_sequence = self._through_item(offset, implicit=implicit)
                if opens_sequence:
                    enclosing.append(implicit)
            if len(enclosing) > self._limits.depth:
                raise Unreadable(
                    "nested_too_deeply", f"{tag_name(tag)} nests deeper than {self._limits.depth} at byte {offset}."
                )
        return offset

    def _through_item(self, offset: int, *, implicit: bool) -> tuple[int, bool]:
        """Walks up to the item's delimiter, or (True) into a sequence of undefined length that opens in the item."""
        while True:
            tag, vr, length, value_at = self.element(offset, implicit=implicit)
            if tag == ITEM_END:
                return offset + HEADER, False
            if tag in (ITEM, SEQUENCE_END):
                raise Unreadable("malformed", f"{tag_name(tag)} at byte {offset} stands inside an item.")
            if length == UNDEFINED and tag != PIXEL_DATA and vr in _MAY_BE_SEQUENCE:
                return value_at, True
            offset = self.following(tag, vr, length, value_at, implicit=implicit)

    def _has_vr(self, offset: int) -> bool:
        """Whether the element at `offset` looks explicit: an implicit item may stand in an explicit data set."""
        return looks_explicit(self.peek(offset, 6)[4:])


def looks_explicit(vr: bytes) -> bool:
    """Whether the bytes after a tag are two capital letters, which as an implicit length would be over 16 KiB."""
    return vr.isalpha() and vr.isupper()


def _ends_early(tag: int, value_at: int, length: int) -> Unreadable:
    return Unreadable(
        "truncated", f"The file ends within the {length} bytes of {tag_name(tag)} that start at byte {value_at}."
    )
