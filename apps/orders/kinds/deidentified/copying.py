"""De-identified copies: the header anew by the profile, the pixel data byte for byte."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom import DataElement, Dataset
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_has_tag
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from apps.catalog.bounds import MIB, Limits, Unreadable
from apps.catalog.bytes import instance_range, open_instance
from apps.catalog.content import Content, read_content
from apps.catalog.elements import PIXEL_DATA, PIXEL_TAGS, UNDEFINED, Walker
from apps.catalog.file_meta import head_of
from apps.catalog.models import Instance
from apps.catalog.preview.attributes import Element
from apps.catalog.preview.region import Region
from apps.orders.kinds.deidentified.identifying import identifying_of
from apps.orders.kinds.deidentified.profile import Profile
from apps.orders.kinds.deidentified.table import action_of

PIECE = MIB
_MOST_OF_A_TABLE = 16 * MIB
ANY = 1 << 62


@dataclass(frozen=True, slots=True)
class PixelData:
    """Where an instance's pixel data is, after its header: in the file, or in its inflated form, which is in memory."""

    instance: Instance
    content: Content
    element: Element
    end: int

    def pieces(self) -> Iterator[bytes]:
        """Its value, with the delimiter of one in fragments."""
        start, size = self.element.value_at, self.end - self.element.value_at
        if self.content.is_deflated:
            return iter([self.content.source.read_at(start, size)])
        return instance_range(self.instance, start, size)


def read_instance(instance: Instance) -> PixelData:
    """The pixel data of an image, and its header with all that is kept of it. Raises Unreadable, NotRenderable."""
    with open_instance(instance) as file:
        content = read_content(file)
        for tag, element in content.large.items():
            if tag not in PIXEL_TAGS and _is_kept(tag):
                content.data_set[Tag(tag)] = _table(content, tag, element)
        pixels = next((element for tag, element in content.large.items() if tag in PIXEL_TAGS), None)
        if pixels is None:
            raise Unreadable("no_pixel_data", "The object has no pixel data.")
        source = content.source if content.is_deflated else Region(file, ANY)
        walker = Walker(source, Limits(), big_endian=content.is_big_endian)
        end = walker.following(pixels.tag, pixels.vr, pixels.length, pixels.value_at, implicit=not pixels.vr)
    return PixelData(instance, content, pixels, end)


def changed_head(pixels: PixelData, profile: Profile, *, patient: int) -> bytes:
    """The file without what identifies, up to the value of its pixel data. Raises Unreadable."""
    instance, content = pixels.instance, pixels.content
    data_set = content.data_set
    try:
        profile.apply(data_set, patient=patient, identifying=identifying_of(data_set))
        syntax = ExplicitVRLittleEndian if content.is_deflated else instance.transfer_syntax_uid
        head = head_of(instance.sop_class_uid, str(data_set.SOPInstanceUID), syntax)
        return head + _body(data_set, pixels.element, syntax, is_big_endian=content.is_big_endian)
    except Exception as fault:  # pydicom raises what it likes, and its words may quote the object
        raise Unreadable("malformed", "A value of the header is none of its VR.") from fault


def _is_kept(tag: int) -> bool:
    return not Tag(tag).is_private and dictionary_has_tag(tag) and action_of(tag) is None


def _table(content: Content, tag: int, element: Element) -> DataElement:
    """Such as a lookup table: a value that is too large to be read along with the others."""
    size = element.end - element.value_at
    if size > _MOST_OF_A_TABLE:
        raise Unreadable("too_large", "A value of the header is too large.")
    value = content.source.read_at(element.value_at, size)
    return DataElement(Tag(tag), content.vr(tag), value, validation_mode=IGNORE)


def _body(data_set: Dataset, pixels: Element, syntax: str, *, is_big_endian: bool) -> bytes:
    """The data set up to the value of the pixel data."""
    file = DicomBytesIO()
    file.is_little_endian, file.is_implicit_VR = not is_big_endian, syntax == ImplicitVRLittleEndian
    write_dataset(file, data_set)
    order, (group, number) = ">" if is_big_endian else "<", (pixels.tag >> 16, pixels.tag & 0xFFFF)
    if file.is_implicit_VR:
        return file.getvalue() + struct.pack(f"{order}HHL", group, number, pixels.length)
    vr = pixels.vr or (b"OB" if pixels.length == UNDEFINED else b"OW" if pixels.tag == PIXEL_DATA else b"OF")
    return file.getvalue() + struct.pack(f"{order}HH2sHL", group, number, vr, 0, pixels.length)
