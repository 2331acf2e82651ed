"""Pictures of stored images for people's screens: not for diagnosis."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO, Literal, NamedTuple, TypeVar, cast

import numpy as np
from django.utils.translation import gettext as _
from numpy.typing import NDArray
from PIL import Image

from apps.catalog.bounds import MIB
from apps.catalog.preview.attributes import Attributes, read_attributes
from apps.catalog.preview.calibration import Calibrated, calibrated_regions, frame_rate
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.frame import Frame, decode_frame
from apps.catalog.preview.grey import grey_levels, is_inverse, shown_window
from apps.catalog.preview.lookup import Levels, LookupTable, colour_table, levels_of
from apps.catalog.preview.overlays import draw, overlays_of
from apps.catalog.preview.region import Region
from apps.catalog.preview.shutters import shut

__all__ = ["Facts", "NotRenderable", "Picture", "Spacing", "facts_of", "picture_of", "render_preview", "spacing_of"]

MAX_PIXELS = 64 * 1024 * 1024
_HEADER_BYTES = 64 * MIB  # twice what a header may have
_LONGEST_SIDE = 65_500  # of a JPEG by libjpeg
_MOST_OBLONG_PIXEL = 16.0
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
JPEG_QUALITY = 85
Made = TypeVar("Made")
Spacing = tuple[str, float, float]
"""Of pixels: the attribute's keyword, and the distance of rows and of columns in mm."""


class Picture(NamedTuple):
    """A frame as it is to be seen: grey levels (rows, columns), 0 black, or colours (rows, columns, 3) of 8 bits.

    Where the image does not tell its `spacing`, only `pixel_height` is known, in pixel widths.
    """

    levels: Levels
    bits: int
    pixel_height: float
    spacing: Spacing | None

    @property
    def is_colour(self) -> bool:
        """Whether the levels are of red, green and blue."""
        return self.levels.ndim == 3


@dataclass(frozen=True, slots=True)
class Facts:
    """What a viewer needs to know of a frame beside its picture.

    `window` is the center and width by which a grey one is made, in modality units. `regions`: in which lengths are
    measured otherwise than by `spacing`. `frame_rate`: pictures a second.
    """

    rows: int
    columns: int
    spacing: Spacing | None
    window: tuple[float, float] | None
    is_inverse: bool
    regions: tuple[Calibrated, ...]
    frame_rate: float | None


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
    Overlays are drawn, which takes a byte more for each of their pixels, and shutters shut.
    Raises NotRenderable, and what reading `file` raises.
    """
    _require_window(window)
    side = _LONGEST_SIDE if longest_side is None else longest_side
    box = within or (side, side)
    if min(box) < 1:
        raise NotRenderable("invalid_size", _("A side has at least 1 pixel."))

    def made(region: Region) -> bytes:
        image = read_attributes(region, frame)
        picture = Image.fromarray(_levels(region, image, frame, window, 8, max_pixels))
        return _encoded(_scaled(_cut(picture, part) if part else picture, image, box), format, quality)

    return _attempted(file, made)


def picture_of(
    file: BinaryIO, *, frame: int = 1, window: tuple[float, float] | None = None, bits: int = 8,
    max_pixels: int = MAX_PIXELS,
) -> Picture:  # fmt: skip
    """One frame in its own size, for what is printed. `bits`, up to 16, are those of grey levels. Everything else is as
    of `render_preview`; with more than 8 bits it takes a byte more for each pixel.
    """
    _require_window(window)

    def made(region: Region) -> Picture:
        image = read_attributes(region, frame)
        levels = _levels(region, image, frame, window, bits, max_pixels)
        return Picture(levels, bits if levels.ndim == 2 else 8, _pixel_height(image), _spacing(image))

    return _attempted(file, made)


def spacing_of(file: BinaryIO, *, frame: int = 1) -> Spacing | None:
    """Of a frame, read from the header alone; see Picture. Raises NotRenderable, and what reading `file` raises."""
    return _attempted(file, lambda region: _spacing(read_attributes(region, frame)))


def facts_of(file: BinaryIO, *, frame: int = 1, max_pixels: int = MAX_PIXELS) -> Facts:
    """Of a frame that has a picture. Memory as of `render_preview`. Raises NotRenderable, and what reading raises."""

    def made(region: Region) -> Facts:
        image = read_attributes(region, frame)
        decoded = decode_frame(region, image, frame, max_pixels)
        rows, columns = decoded.pixels.shape[:2]
        is_grey = _is_grey(decoded)
        if not is_grey and decoded.photometric_interpretation not in ("PALETTE COLOR", "RGB"):
            raise _not_shown()
        window = shown_window(decoded, image) if is_grey else None
        return Facts(
            rows, columns, _spacing(image), window, is_grey and is_inverse(decoded, image), calibrated_regions(image),
            frame_rate(image),
        )  # fmt: skip

    return _attempted(file, made)


def _require_window(window: tuple[float, float] | None) -> None:
    if window and not (all(map(math.isfinite, window)) and window[1] > 0):
        raise NotRenderable("invalid_window", _("A window is a center and a width above 0."))


def _is_grey(frame: Frame) -> bool:
    return frame.photometric_interpretation in ("MONOCHROME1", "MONOCHROME2")


def _not_shown() -> NotRenderable:
    return NotRenderable(
        "unsupported_photometric_interpretation", _("The object's photometric interpretation is not rendered.")
    )


def _attempted(file: BinaryIO, make: Callable[[Region], Made]) -> Made:
    """What is made of the file. Raises NotRenderable, and what reading `file` raises."""
    region = Region(file, _HEADER_BYTES)
    try:
        return make(region)
    except NotRenderable:
        raise
    except Exception:  # noqa: BLE001 -- decoders raise what they like, and their words may quote the object
        if region.failure:
            raise region.failure from None
        raise NotRenderable("undecodable", _("The image cannot be decoded.")) from None


def _levels(
    region: Region, image: Attributes, frame: int, window: tuple[float, float] | None, bits: int, max_pixels: int
) -> Levels:
    overlays = overlays_of(region, image, frame, max_pixels)
    decoded = decode_frame(region, image, frame, max_pixels)
    levels = _transformed(decoded, image, window, bits)
    white = (1 << (bits if levels.ndim == 2 else 8)) - 1
    draw(overlays, levels, white)
    shut(image, levels, white)
    return levels


def _transformed(frame: Frame, image: Attributes, window: tuple[float, float] | None, bits: int) -> Levels:
    match frame.photometric_interpretation:
        case "MONOCHROME1" | "MONOCHROME2" if frame.pixels.ndim == 2:
            return grey_levels(frame, image, window, bits)
        case "PALETTE COLOR" if frame.pixels.ndim == 2:
            return _from_palette(frame.pixels, image)
        case "RGB" if frame.pixels.ndim == 3:
            return _eight_bits(frame)
    raise _not_shown()


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
        raise NotRenderable("undecodable", _("The image has signed colours."))
    return np.ascontiguousarray(frame.pixels >> max(0, frame.bits_stored - 8)).astype(np.uint8, copy=False)


def _cut(picture: Image.Image, part: tuple[int, int, int, int]) -> Image.Image:
    left, top, width, height = part
    if min(part) < 0 or not (0 < width <= picture.width - left and 0 < height <= picture.height - top):
        raise NotRenderable("invalid_size", _("The part is not within the frame."))
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
    for keyword in ("PixelAspectRatio", *_SPACINGS):
        vertical, horizontal = image.number(keyword, 0), image.number(keyword, 1)
        if vertical and horizontal and 1 / _MOST_OBLONG_PIXEL <= vertical / horizontal <= _MOST_OBLONG_PIXEL:
            return vertical / horizontal
    return 1.0


def _spacing(image: Attributes) -> Spacing | None:
    """In the patient where that is known, else at the detector or on the film that was scanned (PS3.3 10.7)."""
    for keyword in _SPACINGS:
        vertical, horizontal = image.number(keyword, 0) or 0, image.number(keyword, 1) or 0
        if vertical > 0 and horizontal > 0 and 1 / _MOST_OBLONG_PIXEL <= vertical / horizontal <= _MOST_OBLONG_PIXEL:
            return keyword, vertical, horizontal
    return None


def _encoded(picture: Image.Image, format: Literal["jpeg", "png"], quality: int) -> bytes:  # noqa: A002
    encoded = BytesIO()
    picture.save(cast(Any, encoded), format, quality=quality)
    return encoded.getvalue()
