"""Instances in Explicit VR Little Endian, uncompressed, for programs that read nothing else."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from django.utils.translation import gettext as _
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from apps.catalog.bounds import MIB, Unreadable
from apps.catalog.content import Content, read_content
from apps.catalog.elements import PIXEL_DATA, PIXEL_TAGS, UNDEFINED
from apps.catalog.file_meta import head_of
from apps.catalog.frames import Frames
from apps.catalog.part10 import EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.frame import decoder_of

PIECE = MIB
_LONGEST_VALUE = 0xFFFFFFFE
_PIXEL_DATA = struct.Struct("<HH2s2xL")
_OFFSET_TABLES = (0x7FE00001, 0x7FE00002)


def can_transcode(transfer_syntax_uid: str) -> bool:
    """Whether what is stored in this transfer syntax can be given uncompressed, if it is not damaged."""
    try:
        decoder_of(transfer_syntax_uid)
    except NotRenderable:
        return False
    return transfer_syntax_uid != EXPLICIT_BIG_ENDIAN


@dataclass(frozen=True, slots=True)
class Plain:
    """A file of `length` bytes, which are made as they are read: the first frame is, the others may yet fail."""

    length: int
    pieces: Iterator[bytes]


def explicit_little_endian(file: BinaryIO) -> Plain:
    """The instance as a file of its own; what follows the pixel data is left out, colours become RGB.

    Of the file no more is held than its attributes and one frame. Raises Unreadable, NotRenderable; reading the pieces
    does too.
    """
    content = read_content(file)
    tag = next((tag for tag in content.large if tag in PIXEL_TAGS), None)
    if tag is None:
        head = _head(content)
        return Plain(len(head), iter([head]))
    if content.is_encapsulated:
        return _decoded(file, content)
    length = content.large[tag].length
    head = _head(content) + _start_of(tag, content.vr(tag), length)
    return Plain(len(head) + length, chain([head], _stored(file, content, tag)))


def _stored(file: BinaryIO, content: Content, tag: int) -> Iterator[bytes]:
    """The pixel data as it is, which is little endian and uncompressed."""
    at, left = content.large[tag].value_at, content.large[tag].length
    while left:
        if content.is_deflated:
            piece = content.source.read_at(at, min(PIECE, left))
        else:
            file.seek(at)
            piece = file.read(min(PIECE, left))
        if not piece:
            raise Unreadable("truncated", _("The pixel data ends early."))
        yield piece
        at, left = at + len(piece), left - len(piece)


def _decoded(file: BinaryIO, content: Content) -> Plain:
    frames, data_set = Frames(file), content.data_set
    if int(data_set.get("BitsAllocated") or 0) < 8:
        raise NotRenderable("undecodable", _("Compressed single bits are not decoded."))
    frame = frames.decoded(1)
    length = len(frame) * frames.count
    if length > _LONGEST_VALUE:
        raise NotRenderable("too_large", _("Uncompressed the pixel data is longer than a value can be."))
    if data_set.get("SamplesPerPixel") == 3:
        data_set.PhotometricInterpretation, data_set.PlanarConfiguration = "RGB", 0
    vr = "OW" if data_set.BitsAllocated > 8 else "OB"
    padding = b"\0" * (length % 2)
    head = _head(content) + _start_of(PIXEL_DATA, vr, length + len(padding))
    return Plain(len(head) + length + len(padding), chain([head, frame], _others(frames, len(frame)), [padding]))


def _others(frames: Frames, length: int) -> Iterator[bytes]:
    for number in range(2, frames.count + 1):
        frame = frames.decoded(number)
        if len(frame) != length:
            raise NotRenderable("undecodable", _("The frames are of different sizes."))
        yield frame


def _head(content: Content) -> bytes:
    """The file up to the pixel data."""
    data_set = content.data_set
    for tag, element in content.large.items():
        if tag not in PIXEL_TAGS:
            if element.length == UNDEFINED:
                raise Unreadable("malformed", _("A binary value has no length."))
            data_set.add_new(tag, content.vr(tag), content.source.read_at(element.value_at, element.length))
    for tag in list(data_set.keys()):
        if tag.element == 0 or tag in _OFFSET_TABLES:
            del data_set[tag]
    sop_class_uid, sop_instance_uid = str(data_set.get("SOPClassUID", "")), str(data_set.get("SOPInstanceUID", ""))
    return head_of(sop_class_uid, sop_instance_uid, EXPLICIT_LITTLE_ENDIAN) + _encoded(data_set)


def _encoded(data_set: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = False, True
    try:
        write_dataset(buffer, data_set)
    except Exception:  # noqa: BLE001 -- pydicom raises what it likes, and its words may quote the object
        raise Unreadable("malformed", _("The attributes cannot be written anew.")) from None
    return buffer.getvalue()


def _start_of(tag: int, vr: str, length: int) -> bytes:
    return _PIXEL_DATA.pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)
