"""The check of de-identified copies: nothing that identified remains in a header, and every pixel is as it was."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

from pydicom import Dataset

from apps.catalog.bounds import Limits, Unreadable
from apps.catalog.content import Content, read_content
from apps.catalog.elements import PIXEL_TAGS, Walker
from apps.catalog.models import Instance
from apps.catalog.preview import NotRenderable
from apps.catalog.preview.region import Region
from apps.orders.digests import digest_of, pieces_of, read_digest_list
from apps.orders.errors import OutputDiffers
from apps.orders.kinds.bundle import Part, members
from apps.orders.kinds.deidentified.copying import ANY, PIECE, read_instance
from apps.orders.kinds.deidentified.identifying import elements, has_private, identifying_of
from apps.orders.kinds.deidentified.table import action_of
from apps.orders.kinds.download import DIGESTS, numbered

README = "README.txt"
_DAYS = frozenset(("DA", "DT"))


def check_copies(images: Iterable[Instance], output: BinaryIO, *, keeps_intervals: bool) -> None:
    """Read all back and compare it with the originals. Raises OutputDiffers, MissingPack."""
    found = members(output)
    originals = dict(numbered(images))
    if not {README, DIGESTS} <= set(found) <= {README, DIGESTS, *originals}:
        raise OutputDiffers("The output holds what was not ordered")
    _check_digests(output, found)
    for name in found.keys() - {README, DIGESTS}:
        part = cast(BinaryIO, Part(output, *found[name]))
        try:
            _check(originals[name], part, keeps_intervals=keeps_intervals)
        except (Unreadable, NotRenderable) as error:
            raise OutputDiffers(f"{name} of the output cannot be read back") from error
        except OutputDiffers as fault:
            raise OutputDiffers(f"{name} of the output: {fault.message}") from None


def _check(original: Instance, part: BinaryIO, *, keeps_intervals: bool) -> None:
    pixels, made = read_instance(original), read_content(part)
    identifying = identifying_of(pixels.content.data_set)
    if has_private(made.data_set):
        raise OutputDiffers("a private attribute remains")
    for element in elements(made.data_set):
        if identifying.remains_in(element):
            raise OutputDiffers(f"what identified remains in {element.tag}")
    kept = _days(pixels.content.data_set) & _days(made.data_set)
    if kept and not keeps_intervals:
        raise OutputDiffers("a date remains")
    if digest_of(pixels.pieces()) != digest_of(_pixel_data(part, made)):
        raise OutputDiffers("the pixel data is not what is stored")


def _days(data_set: Dataset) -> set[str]:
    """Of attributes that the table of the profile names."""
    named = (each for each in elements(data_set) if each.VR in _DAYS and action_of(int(each.tag)))
    return {str(each.value)[:8] for each in named if each.value}


def _pixel_data(part: BinaryIO, content: Content) -> Iterator[bytes]:
    element = next(element for tag, element in content.large.items() if tag in PIXEL_TAGS)
    walker = Walker(Region(part, ANY), Limits(), big_endian=content.is_big_endian)
    end = walker.following(element.tag, element.vr, element.length, element.value_at, implicit=not element.vr)
    part.seek(element.value_at)
    left = end - element.value_at
    while left and (piece := part.read(min(PIECE, left))):
        left -= len(piece)
        yield piece


def _check_digests(output: BinaryIO, found: dict[str, tuple[int, int]]) -> None:
    told = read_digest_list(cast(BinaryIO, Part(output, *found[DIGESTS])).read())
    if set(told) != found.keys() - {DIGESTS}:
        raise OutputDiffers("The list of digests is not that of the output")
    for name, digest in told.items():
        if digest_of(pieces_of(cast(BinaryIO, Part(output, *found[name])))) != digest:
            raise OutputDiffers(f"{name} of the output is not what was written")
