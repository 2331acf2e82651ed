"""Decodes one frame, after its size has been checked."""

import math
from typing import Any, NamedTuple, cast

from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import encapsulate, get_frame
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.pixels.utils import as_pixel_options

from apps.catalog.bounds import MIB
from apps.catalog.preview import gdcm_apart, openjpeg
from apps.catalog.preview.attributes import Attributes
from apps.catalog.preview.codestream import (
    Size,
    jpeg_2000_size,
    jpeg_2000_tiles,
    jpeg_size,
    rle_bytes,
    without_jp2_boxes,
)
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.region import Region

gdcm_apart.register()
openjpeg.register()

_MOST_TILES = 1024
_SLACK_BYTES = MIB  # application segments, an ICC profile, offset tables
# In this order. Not pydicom's own use of GDCM, which on many damaged streams ends the process.
_PLUGINS = (openjpeg.LABEL, "pillow", "pyjpegls", "pydicom", gdcm_apart.LABEL)


class Frame(NamedTuple):
    """Stored values, shaped (rows, columns) or (rows, columns, 3), and what they mean."""

    pixels: NDArray[Any]
    photometric_interpretation: str
    bits_stored: int


def decode_frame(region: Region, image: Attributes, frame: int, max_pixels: int) -> Frame:
    """`frame` counts from 1; three samples come as RGB, colour by pixel.

    Raises NotRenderable: no_such_frame, too_large, unsupported_transfer_syntax, undecodable; the decoders raise
    whatever they like.
    """
    options = _options(image)
    frames = options["number_of_frames"]
    if not 1 <= frame <= frames:
        raise NotRenderable("no_such_frame", f"The object has {frames} frames, numbered from 1.")
    size = Size(options["rows"], options["columns"], options["samples_per_pixel"])
    if math.prod(size) > max_pixels:
        raise NotRenderable("too_large", f"The frame has {math.prod(size)} samples, more than {max_pixels}.")
    decoder = _decoder(image.transfer_syntax_uid)
    frame_bytes = math.prod(size) * max(1, options["bits_allocated"] // 8)
    region.budget = 2 * frame_bytes + _SLACK_BYTES
    region.seek(image.pixel_data_at)
    if decoder.is_native:
        pixels, properties = decoder.as_array(cast(Any, region), index=frame - 1, **options)
    else:
        offsets = options.pop("extended_offsets", None)
        source = get_frame(cast(Any, region), frame - 1, number_of_frames=frames, extended_offsets=offsets)
        if decoder.UID in uid.JPEG2000TransferSyntaxes:
            source = without_jp2_boxes(source)  # a box of length 0 makes pydicom loop
        _require_size(source, size, decoder.UID, frame_bytes)
        options["number_of_frames"] = 1
        pixels, properties = _decoded(decoder, encapsulate([source], has_bot=False), options)
    return Frame(pixels, str(properties["photometric_interpretation"]), int(properties.get("bits_stored", 0)))


def _options(image: Attributes) -> dict[str, Any]:
    frames = max(1, int(image.number("NumberOfFrames") or 1))
    image.data_set.NumberOfFrames = frames  # as pydicom gives up on one that is no number
    options = as_pixel_options(image.data_set, pixel_keyword=image.pixel_keyword)
    if image.pixel_vr:
        options["pixel_vr"] = image.pixel_vr
    needed = ("rows", "columns", "samples_per_pixel", "bits_allocated", "photometric_interpretation")
    missing = [name for name in needed if options.get(name) in (None, "")]
    if missing:
        raise NotRenderable("undecodable", f"The image does not say its {', '.join(missing)}.")
    return options


def _decoder(transfer_syntax_uid: str) -> Decoder:
    try:
        return get_decoder(transfer_syntax_uid)
    except NotImplementedError:
        raise NotRenderable(
            "unsupported_transfer_syntax", f"No decoder for transfer syntax {transfer_syntax_uid}."
        ) from None


def _require_size(source: bytes, size: Size, transfer_syntax: uid.UID, frame_bytes: int) -> None:
    """A stream that expands to another size than the object's is damaged, or meant to exhaust memory."""
    if transfer_syntax == uid.RLELossless:
        most = 2 * frame_bytes + _SLACK_BYTES
        is_right = rle_bytes(source, most) <= most
    else:
        read_size = jpeg_2000_size if transfer_syntax in uid.JPEG2000TransferSyntaxes else jpeg_size
        is_right = read_size(source) == size
    if is_right and transfer_syntax in uid.JPEG2000TransferSyntaxes:
        is_right = jpeg_2000_tiles(source) <= _MOST_TILES
    if not is_right:
        raise NotRenderable("undecodable", "The compressed frame is not of the size that the object declares.")


def _decoded(decoder: Decoder, source: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    for plugin in _PLUGINS:
        if plugin in decoder.available_plugins:
            try:
                return decoder.as_array(source, index=0, decoding_plugin=plugin, **options)
            except Exception:  # noqa: BLE001, S112 -- decoders raise what they like; the next may know the stream
                continue
    raise NotRenderable("undecodable", "No decoder understands the compressed frame.")
