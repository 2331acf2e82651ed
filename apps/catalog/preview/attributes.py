"""Reads of a DICOM file what its picture depends on, and of a multi-frame image only the one frame's share."""

import math
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, NamedTuple

from django.utils.translation import gettext
from pydicom import Dataset
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from apps.catalog.bounds import MIB, Limits, Unreadable
from apps.catalog.elements import HEADER, ITEM, ITEM_END, LONG_VRS, PIXEL_TAGS, UNDEFINED, Walker
from apps.catalog.part10 import DataSet, find_data_set
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.region import Region

_LIMITS = Limits(inflated_bytes=0)  # a deflated data set is refused at its first byte
_ELEMENT_BYTES = MIB  # the largest lookup table has 128 KiB
_PER_FRAME, _SHARED = 0x52009230, 0x52009229
_GROUPS = (
    *("FrameVOILUTSequence", "PixelValueTransformationSequence", "PixelMeasuresSequence"),
    "FrameDisplayShutterSequence",
)
_PALETTE = tuple(
    f"{kind}{colour}PaletteColorLookupTableData" for kind in ("", "Segmented") for colour in ("Red", "Green", "Blue")
)
_KEYWORDS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "PixelRepresentation", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    *("PixelPaddingValue", "PixelPaddingRangeLimit", "FloatPixelPaddingValue", "DoubleFloatPixelPaddingValue"),
    *("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "PresentationLUTShape"),
    *("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction"),
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in ("Red", "Green", "Blue")),
    *_PALETTE,
    *("ShutterShape", "ShutterPresentationValue", "VerticesOfThePolygonalShutter"),
    *(f"Shutter{side}Edge" for side in ("LeftVertical", "RightVertical", "UpperHorizontal", "LowerHorizontal")),
    *("CenterOfCircularShutter", "RadiusOfCircularShutter"),
    *("SequenceOfUltrasoundRegions", "RecommendedDisplayFrameRate", "CineRate", "FrameTime"),
)
_OVERLAYS = [group << 16 for group in range(0x6000, 0x6020, 2)]
_OVERLAY_DATA = frozenset(group | 0x3000 for group in _OVERLAYS)
_OVERLAY_ELEMENTS = frozenset(
    group | element for group in _OVERLAYS for element in (0x0010, 0x0011, 0x0015, 0x0050, 0x0051, 0x0100, 0x0102)
)
_WANTED = (
    frozenset(Tag(keyword) for keyword in _KEYWORDS) | {_SHARED, _PER_FRAME} | PIXEL_TAGS
    | _OVERLAY_ELEMENTS | _OVERLAY_DATA
)  # fmt: skip


class Element(NamedTuple):
    """Where an element and its value are; `length` is as declared."""

    tag: int
    vr: bytes
    start: int
    value_at: int
    length: int
    end: int


@dataclass(frozen=True, slots=True)
class Attributes:
    """The image attributes of one frame. `pixel_data_at` is the offset of the pixel data's value in the file, and
    `overlay_data_at` that of each group of an overlay that has data.
    """

    data_set: Dataset
    transfer_syntax_uid: str
    is_little_endian: bool
    pixel_keyword: str
    pixel_vr: str
    pixel_data_at: int
    is_encapsulated: bool
    overlay_data_at: Mapping[int, int]

    def holder(self, keyword: str) -> Dataset | None:
        """The data set that holds a value for the frame: its functional groups, the shared ones, then the top level."""
        return next((each for each in self._levels() if each.get(keyword) not in (None, "")), None)

    def number(self, keyword: str, at: int = 0) -> float | None:
        """The finite number in a value, None where there is none."""
        holder = self.holder(keyword)
        return None if holder is None else number_in(holder, keyword, at)

    def text(self, keyword: str) -> str:
        """A code string, '' when absent."""
        holder = self.holder(keyword)
        return "" if holder is None else str(holder[keyword].value).strip()

    def _levels(self) -> Iterator[Dataset]:
        for groups in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
            for frame in self.data_set.get(groups) or ():
                yield from (frame[group].value[0] for group in _GROUPS if frame.get(group))
        yield self.data_set


def number_in(holder: Dataset, keyword: str, at: int = 0) -> float | None:
    """The finite number in value `at` of an attribute, None where there is none."""
    with suppress(ValueError, TypeError, IndexError, KeyError):
        value: Any = holder[keyword].value
        number = float(value if isinstance(value, int | float | str) else value[at])
        return number if math.isfinite(number) else None
    return None


def read_attributes(region: Region, frame: int) -> Attributes:
    """`frame` counts from 1. Raises NotRenderable: unreadable, no_pixel_data, deflated, too_large."""
    try:
        found = find_data_set(region, _LIMITS)
        elements = [element for element in elements_of(found) if element.tag in _WANTED]
        if not elements or elements[-1].tag not in PIXEL_TAGS:
            raise NotRenderable("no_pixel_data", gettext("The object has no pixel data."))
        overlay_data = [element for element in elements if element.tag in _OVERLAY_DATA]
        described = [element for element in elements[:-1] if element not in overlay_data]
        content = b"".join(_content(region, found, element, frame) for element in described)
    except Unreadable as refusal:
        if refusal.code == "inflates_too_far":
            raise NotRenderable("deflated", gettext("A deflated data set is not rendered.")) from None
        raise NotRenderable("unreadable", refusal.message) from None
    pixel_data = elements[-1]
    return Attributes(
        data_set=read_dataset(BytesIO(content), found.is_implicit, not found.is_big_endian),
        transfer_syntax_uid=found.transfer_syntax_uid,
        is_little_endian=not found.is_big_endian,
        pixel_keyword={0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData"}.get(
            pixel_data.tag, "PixelData"
        ),
        pixel_vr=pixel_data.vr.decode("ascii"),
        pixel_data_at=pixel_data.value_at,
        is_encapsulated=pixel_data.length == UNDEFINED,
        overlay_data_at={element.tag >> 16: element.value_at for element in overlay_data},
    )


def elements_of(found: DataSet) -> Iterator[Element]:
    """The elements of the top level up to the pixel data."""
    walker, offset = found.walker, found.offset
    while walker.length - offset >= HEADER:
        tag, vr, length, value_at = walker.element(offset, implicit=found.is_implicit)
        if tag in PIXEL_TAGS:
            yield Element(tag, vr, offset, value_at, length, value_at)
            return
        if not tag and not length:  # padding
            return
        end = walker.following(tag, vr, length, value_at, implicit=found.is_implicit)
        yield Element(tag, vr, offset, value_at, length, end)
        offset = end


def _content(region: Region, found: DataSet, element: Element, frame: int) -> bytes:
    """The element as it stands in the file; of the per-frame groups a sequence of the one item."""
    start, end, head = element.start, element.end, b""
    if element.tag == _PER_FRAME:
        start, end = _item(region, found, element, frame)
        head = _sequence_head(found, element, end - start)
    if end - start > _ELEMENT_BYTES:
        raise NotRenderable("too_large", gettext("An attribute of the image is larger than any lookup table."))
    return head + region.read_at(start, end - start)


def _sequence_head(found: DataSet, element: Element, length: int) -> bytes:
    order = ">" if found.is_big_endian else "<"
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if element.vr in LONG_VRS:
        return struct.pack(f"{order}HH2sHL", group, number, element.vr, 0, length)
    return struct.pack(f"{order}HHL", group, number, length)


def _item(region: Region, found: DataSet, sequence: Element, frame: int) -> tuple[int, int]:
    """Where the item of the frame starts and ends; an empty range when the sequence has no such item."""
    walker = Walker(region, _LIMITS, big_endian=found.is_big_endian)
    offset = end = sequence.value_at
    for _ in range(frame):
        offset = end
        if sequence.length != UNDEFINED and offset >= sequence.end:
            return offset, offset
        tag, _, length, value_at = walker.element(offset, implicit=True)
        if tag != ITEM:
            return offset, offset
        end = value_at + length if length != UNDEFINED else _item_end(walker, value_at, implicit=found.is_implicit)
    return offset, end


def _item_end(walker: Walker, offset: int, *, implicit: bool) -> int:
    while True:
        tag, vr, length, value_at = walker.element(offset, implicit=implicit)
        if tag == ITEM_END:
            return value_at
        offset = walker.following(tag, vr, length, value_at, implicit=implicit)
