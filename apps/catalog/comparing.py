"""Two stored files beside each other: in which elements their headers differ, and whether their pixels do."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydicom.datadict import dictionary_description, dictionary_has_tag

from apps.catalog.attributes import JSON
from apps.catalog.bounds import MIB, Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.content import Content, json_of, read_content
from apps.catalog.elements import PIXEL_TAGS
from apps.catalog.models import Conflict, Instance
from apps.catalog.preview import NotRenderable
from apps.vault.errors import MissingPack, VaultUnavailable

MOST_SHOWN = 160
MOST_PIXEL_BYTES = 32 * MIB
PIECE = MIB
# What tells people which image it is, shown even where it is the same.
ALWAYS = (
    "00100010", "00100020", "00100030", "00080020", "00080060", "00081030", "0020000D", "0020000E", "00080018",
    "00200013", "00280010", "00280011",
)  # fmt: skip


class Pixels(StrEnum):
    """What is known of the pixel data of both."""

    SAME = "same"
    DIFFER = "differ"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Line:
    """An element by name and tag, as each file has it; '' where it has none."""

    name: str
    tag: str
    first: str
    second: str
    is_different: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """The elements that differ, and those that tell which image it is; `problem` where a file cannot be read."""

    lines: list[Line]
    pixels: Pixels
    problem: str = ""

    @property
    def different(self) -> list[Line]:
        """Those in which the files differ."""
        return [line for line in self.lines if line.is_different]


def compare(first: Instance | Conflict, second: Instance | Conflict) -> Comparison:
    """Compare the headers, and the pixels as far as they are small enough to be read for it."""
    try:
        with open_instance(first) as one, open_instance(second) as other:
            contents = read_content(one), read_content(other)
            return Comparison(list(_lines(*contents)), _pixels(*contents))
    except (Unreadable, NotRenderable, MissingPack, VaultUnavailable) as error:
        return Comparison([], Pixels.UNKNOWN, str(error))


def _lines(first: Content, second: Content) -> Iterator[Line]:
    one, other = (json_of(each, lambda path: path) for each in (first, second))
    for tag in sorted({*one, *other}):
        is_different = one.get(tag) != other.get(tag)
        if is_different or tag in ALWAYS:
            told = _told(one.get(tag)), _told(other.get(tag))
            yield Line(_name(tag), f"({tag[:4]},{tag[4:]})", *told, is_different)


def _name(tag: str) -> str:
    number = int(tag, 16)
    return dictionary_description(number) if dictionary_has_tag(number) else tag


def _told(element: JSON | None) -> str:
    """A value for people, cut; '' for no element."""
    if element is None:
        return ""
    if "Value" not in element:
        return "(bulk data)" if "BulkDataURI" in element or "InlineBinary" in element else "(empty)"
    text = "\\".join(_plain(value) for value in element["Value"])
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _plain(value: Any) -> str:
    if isinstance(value, dict) and set(value) <= {"Alphabetic", "Ideographic", "Phonetic"}:
        return "=".join(value.get(group, "") for group in ("Alphabetic", "Ideographic", "Phonetic")).rstrip("=")
    return f"{{{len(value)} elements}}" if isinstance(value, dict) else str(value)


def _pixels(first: Content, second: Content) -> Pixels:
    spans = [_span(first), _span(second)]
    if spans[0] is None or spans[1] is None:
        return Pixels.SAME if spans[0] == spans[1] else Pixels.DIFFER
    (start, size), (other_start, other_size) = spans[0], spans[1]
    if size != other_size:
        return Pixels.DIFFER
    if size > MOST_PIXEL_BYTES:
        return Pixels.UNKNOWN
    for at in range(0, size, PIECE):
        length = min(PIECE, size - at)
        if first.source.read_at(start + at, length) != second.source.read_at(other_start + at, length):
            return Pixels.DIFFER
    return Pixels.SAME


def _span(content: Content) -> tuple[int, int] | None:
    for tag in PIXEL_TAGS:
        if tag in content.large:
            element = content.large[tag]
            return element.value_at, element.end - element.value_at
    return None
