"""Overlay planes: bits that are drawn white over a frame (PS3.3 C.9.2 and C.9.3)."""

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from apps.catalog.preview.attributes import Attributes
from apps.catalog.preview.frame import stored_frame
from apps.catalog.preview.lookup import Levels
from apps.catalog.preview.region import Region

Plane = NDArray[np.bool_]
_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError)


class Overlay(NamedTuple):
    """A plane, and where its first pixel lies in the frame: row and column, from 0; it may lie outside."""

    plane: Plane
    top: int
    left: int


def overlays_of(region: Region, image: Attributes, frame: int, max_pixels: int) -> list[Overlay]:
    """Those that are shown with the frame, counted from 1. What cannot be read is passed over, and so are planes of
    more than `max_pixels`. Raises NotRenderable where they take more bytes than may be read.
    """
    return list(_overlays(region, image, frame, max_pixels))


def draw(overlays: list[Overlay], levels: Levels, white: int) -> None:
    """Draw them over a picture, in place."""
    for plane, top, left in overlays:
        under = levels[max(0, top) :, max(0, left) :]
        over = plane[max(0, -top) :, max(0, -left) :][: under.shape[0], : under.shape[1]]
        under[: over.shape[0], : over.shape[1]][over] = white


def _overlays(region: Region, image: Attributes, frame: int, max_pixels: int) -> Iterator[Overlay]:
    groups = sorted({element.tag.group for element in image.data_set if element.tag.group >> 8 == 0x60})
    for group in groups:
        with suppress(*_ERRORS):
            number = _frame_of(image, group, frame)
            rows, columns = (int(image.data_set[group, element].value) for element in (0x0010, 0x0011))
            if number is None or not 0 < rows * columns <= max_pixels:
                continue
            if group in image.overlay_data_at:
                plane = _separate(region, image, group, number, (rows, columns))
            else:
                plane = _within_pixels(region, image, group, frame, max_pixels)
            top, left = (int(each) - 1 for each in image.data_set[group, 0x0050].value)
            yield Overlay(plane, top, left)


def _frame_of(image: Attributes, group: int, frame: int) -> int | None:
    """Which of the overlay's frames, from 0, belongs to the frame. Without frames it belongs to all."""
    count, first = (
        int(image.data_set[group, element].value) if (group, element) in image.data_set else None
        for element in (0x0015, 0x0051)
    )  # fmt: skip
    if not count:
        return 0
    number = frame - (first or 1)
    return number if 0 <= number < count else None


def _separate(region: Region, image: Attributes, group: int, number: int, shape: tuple[int, int]) -> Plane:
    """A bit for each pixel, the lowest of each byte first; frames follow each other without a gap."""
    size = shape[0] * shape[1]
    start, skipped = divmod(number * size, 8)
    start, more = (start, 0) if image.is_little_endian else (start - start % 2, start % 2)
    count = -(-(8 * more + skipped + size) // 16) * 2
    content = region.read_at(image.overlay_data_at[group] + start, count)
    if not image.is_little_endian:  # words
        content = np.frombuffer(content, ">u2").astype("<u2").tobytes()
    bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")[8 * more + skipped :][:size]
    return bits.astype(np.bool_).reshape(shape)


def _within_pixels(region: Region, image: Attributes, group: int, frame: int, max_pixels: int) -> Plane:
    """In a bit of each pixel that the pixels do not use: retired, and met in archives."""
    bit = int(image.data_set[group, 0x0102].value)
    allocated, stored = (int(image.number(keyword) or 0) for keyword in ("BitsAllocated", "BitsStored"))
    if image.is_encapsulated or allocated not in (8, 16) or not stored <= bit < allocated:
        raise ValueError("no bit of its own")
    words = np.frombuffer(stored_frame(region, image, frame, max_pixels), f"<u{allocated // 8}")
    shape = int(image.number("Rows") or 0), int(image.number("Columns") or 0)
    return (words >> bit & 1).astype(np.bool_).reshape(shape)
