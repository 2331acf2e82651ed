"""All attributes of a stored instance, read within bounds: small values in memory, large ones by where they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from math import isfinite
from typing import Any, BinaryIO

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.filereader import read_dataset

from apps.catalog.attributes import JSON
from apps.catalog.bounds import MIB, Limits, Unreadable
from apps.catalog.elements import PIXEL_DATA, PIXEL_TAGS, UNDEFINED, Walker
from apps.catalog.part10 import DEFLATED, DataSet, data_set_start, find_data_set
from apps.catalog.preview.attributes import Element, elements_of
from apps.catalog.preview.region import Region
from apps.catalog.sources import ByteSource, BytesSource, InflatedSource

LARGE = 1024
MOST_KEPT = 32 * MIB
BINARY_VRS = frozenset(("OB", "OW", "OF", "OD", "OL", "OV", "UN"))
_LIMITS = Limits(inflated_bytes=64 * MIB)
_BUDGET = 128 * MIB
_UTF8 = {"vr": "CS", "Value": ["ISO_IR 192"]}
_CHARACTER_SET = "00080005"


@dataclass(frozen=True, slots=True)
class Content:
    """A file's attributes, without the values of `large` ones, which are found by their tag in `source`."""

    data_set: Dataset
    large: dict[int, Element]
    source: ByteSource
    is_deflated: bool
    is_big_endian: bool

    @property
    def is_encapsulated(self) -> bool:
        """Whether the pixel data is in fragments."""
        return PIXEL_DATA in self.large and self.large[PIXEL_DATA].length == UNDEFINED

    def vr(self, tag: int) -> str:
        """Of a large element."""
        return _vr(self.large[tag])


def read_content(file: BinaryIO) -> Content:
    """What follows the pixel data is left out.

    Raises Unreadable, NotRenderable("too_large"), and what reading raises.
    """
    region = Region(file, _BUDGET)
    source, found = _opened(region)
    kept: list[bytes] = []
    large: dict[int, Element] = {}
    size = 0
    for element in elements_of(found):
        if element.tag in PIXEL_TAGS or (element.end - element.value_at > LARGE and _vr(element) in BINARY_VRS):
            large[element.tag] = element
            continue
        size += element.end - element.start
        if size > MOST_KEPT:
            raise Unreadable("header_too_large", f"The attributes exceed {MOST_KEPT} bytes.")
        kept.append(source.read_at(element.start, element.end - element.start))
    try:
        data_set = read_dataset(BytesIO(b"".join(kept)), found.is_implicit, not found.is_big_endian)
    except (Exception, RecursionError) as failure:
        raise region.failure or Unreadable("malformed", "The attributes cannot be read.") from failure
    return Content(data_set, large, source, found.transfer_syntax_uid in DEFLATED, found.is_big_endian)


def _opened(region: Region) -> tuple[ByteSource, DataSet]:
    """A deflated data set is inflated into memory, as it can be read forwards alone."""
    found = find_data_set(region, _LIMITS)
    if found.transfer_syntax_uid not in DEFLATED:
        return region, found
    inflated = InflatedSource(region, data_set_start(region, _LIMITS), _LIMITS)
    source = BytesSource(inflated.read_at(0, inflated.length))
    return source, replace(found, walker=Walker(source, _LIMITS), offset=0)


def _vr(element: Element) -> str:
    """An ambiguous one is that of words."""
    if element.vr:
        return element.vr.decode("ascii")
    found = dictionary_VR(element.tag) if dictionary_has_tag(element.tag) else "UN"
    return "OW" if "OW" in found else found


def json_of(content: Content, uri: Callable[[str], str]) -> JSON:
    """The DICOM JSON Model (PS3.18, Annex F); `uri` of the path of a large value, such as 7FE00010 or 00400275/1/….

    A value that cannot be read is left out.
    """
    found = _json(content.data_set, uri, "")
    for tag in content.large:
        name = f"{tag:08X}"
        found[name] = {"vr": content.vr(tag), "BulkDataURI": uri(name)}
    found[_CHARACTER_SET] = _UTF8
    return dict(sorted(found.items()))


def _json(data_set: Dataset, uri: Callable[[str], str], path: str) -> JSON:
    found: JSON = {}
    for tag in sorted(data_set.keys()):
        name = f"{tag:08X}"
        try:
            element = data_set[tag]
            if tag.element == 0:  # group lengths (F.2)
                continue
            found[name] = _element(element, uri, path + name)
        except Exception:  # noqa: BLE001 -- a value that is none of its VR; pydicom raises what it likes
            found[name] = {"vr": "UN"}
    if _CHARACTER_SET in found:
        found[_CHARACTER_SET] = _UTF8
    return found


def _element(element: DataElement, uri: Callable[[str], str], path: str) -> JSON:
    if element.VR == "SQ":
        items = [_json(item, uri, f"{path}/{number}/") for number, item in enumerate(element.value, 1)]
        return {"vr": "SQ", "Value": items} if items else {"vr": "SQ"}
    if element.VR in BINARY_VRS and len(element.value or b"") > LARGE:
        return {"vr": element.VR, "BulkDataURI": uri(path)}
    found: JSON = element.to_json_dict(None, LARGE)
    if element.VR in ("FL", "FD", "DS") and "Value" in found:
        found["Value"] = [_number(value) for value in found["Value"]]
    return found


def _number(value: Any) -> Any:
    """What JSON has no number for is text (F.2.2)."""
    return str(value) if isinstance(value, float) and not isfinite(value) else value
