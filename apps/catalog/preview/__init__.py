"""Pictures of stored images for people's screens: not for diagnosis."""

import math
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.catalog.bounds import MIB
from apps.catalog.preview.attributes import Attributes, read_attributes
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.frame import Frame, decode_frame
from apps.catalog.preview.grey import grey_levels
from apps.catalog.preview.lookup import Levels, LookupTable, colour_table, levels_of
from apps.catalog.preview.region import Region

__all__ = ["NotRenderable", "render_preview"]

MAX_PIXELS = 64 * 1024 * 1024
_HEADER_BYTES = 64 * MIB  # twice what a header may have
_LONGEST_SIDE = 65_500  # of a JPEG by libjpeg
_MOST_OBLONG_PIXEL = 16.0
JPEG_QUALITY = 85


def render_preview(
    file: BinaryIO,
    *,
    frame: int = 1,
    longest_side: int | None = None,
    within: tuple[int, int] | None = None,
    part: tuple[int, int, int, int] | None = None,
    window: tuple[float, float] | None = None,
    format: Literal["jpeg", "png"] = "jpeg",  # noqa: A002 -- Pillow's word for it
    quality: int = JPEG_QUALITY,
    max_pixels: int = MAX_PIXELS,
) -> bytes:
    """One frame of a DICOM file as JPEG or PNG, 8 bits per sample, grey or RGB, with square pixels.

    `file` is seekable, holds the whole file from its start, and is read from wherever it stands; its position is
    left anywhere. `frame` counts from 1. `longest_side` is in pixels, and so are `within`, a width and a height; an
    image is never enlarged in either direction. `part` (left, top, width, height) of the frame is shown alone.
    `window` is (center, width) in modality units, PS3.3 C.11.2; without it the object's first VOI LUT or window
    counts, then the 1st to 99th percentile. `max_pixels` bounds rows x columns x samples of the frame.
    Memory: up to 9 bytes for each of `max_pixels` (16 when the pixels are 64 bits wide), the compressed frame, of which
    twice the decoded size is accepted, and the header's image attributes: 0.7 GiB for the largest usual frame at the
    default. No more is read either, whatever the file declares; an attribute may have 1 MiB.
    Raises NotRenderable, and what reading `file` raises.
    """
    if window and not (all(map(math.isfinite, window)) and window[1] > 0):
        raise NotRenderable("invalid_window", "A window is a center and a width above 0.")
    side = _LONGEST_SIDE if longest_side is None else longest_side
    box = within or (side, side)
    if min(box) < 1:
        raise NotRenderable("invalid_size", "A side has at least 1 pixel.")
    region = Region(file, _HEADER_BYTES)
    try:
        image = read_attributes(region, frame)
        picture = _picture(decode_frame(region, image, frame, max_pixels), image, window)
        return _encoded(_scaled(_cut(picture, part) if part else picture, image, box), format, quality)
    except NotRenderable:
        raise
    except Exception:  # noqa: BLE001 -- decoders raise what they like, and their words may quote the object
        if region.failure:
            raise region.failure from None
        raise NotRenderable("undecodable", "The image cannot be decoded.") from None


def _picture(frame: Frame, image: Attributes, window: tuple[float, float] | None) -> Image.Image:
    match frame.photometric_interpretation:
        case "MONOCHROME1" | "MONOCHROME2" if frame.pixels.ndim == 2:
            return Image.fromarray(grey_levels(frame, image, window))
        case "PALETTE COLOR" if frame.pixels.ndim == 2:
            return Image.fromarray(_from_palette(frame.pixels, image))
        case "RGB" if frame.pixels.ndim == 3:
            return Image.fromarray(_eight_bits(frame))
    raise NotRenderable(
        "unsupported_photometric_interpretation", "The object's photometric interpretation is not rendered."
    )


def _from_palette(pixels: NDArray[Any], image: Attributes) -> Levels:
    picture = np.empty((*pixels.shape, 3), np.uint8)
    for at, colour in enumerate(("Red", "Green", "Blue")):
        table = colour_table(image.data_set, colour, is_little_endian=image.is_little_endian)
        picture[..., at] = levels_of(pixels, partial(_colour_levels, table))
    return picture


def _colour_levels(table: LookupTable, stored: NDArray[Any]) -> Levels:
    return np.rint(table.of(stored) * (255 / table.largest)).astype(np.uint8)


def _eight_bits(frame: Frame) -> Levels:
    if frame.pixels.dtype.kind != "u":
        raise NotRenderable("undecodable", "The image has signed colours.")
    return np.ascontiguousarray(frame.pixels >> max(0, frame.bits_stored - 8)).astype(np.uint8, copy=False)


def _cut(picture: Image.Image, part: tuple[int, int, int, int]) -> Image.Image:
    left, top, width, height = part
    if min(part) < 0 or not (0 < width <= picture.width - left and 0 < height <= picture.height - top):
        raise NotRenderable("invalid_size", "The part is not within the frame.")
    return picture.crop((left, top, left + width, top + height))


def _scaled(picture: Image.Image, image: Attributes, box: tuple[int, int]) -> Image.Image:
    oblong = _pixel_height(image)
    width, height = picture.width / max(1, oblong), picture.height * min(1, oblong)
    factor = min(1, box[0] / width, box[1] / height, _LONGEST_SIDE / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _pixel_height(image: Attributes) -> float:
    """In pixel widths, PS3.3 C.7.6.3.1.7; implausible ones count as square."""
    for keyword in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        vertical, horizontal = image.number(keyword, 0), image.number(keyword, 1)
        if vertical and horizontal and 1 / _MOST_OBLONG_PIXEL <= vertical / horizontal <= _MOST_OBLONG_PIXEL:
            return vertical / horizontal
    return 1.0


def _encoded(picture: Image.Image, format: Literal["jpeg", "png"], quality: int) -> bytes:  # noqa: A002
    encoded = BytesIO()
    picture.save(cast(Any, encoded), format, quality=quality)
    return encoded.getvalue()
