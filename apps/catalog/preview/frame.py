"""Decodes one frame, after its size has been checked."""

import math
from typing import Any, NamedTuple, cast

import numpy as np
from django.utils.translation import gettext as _
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
    size = _checked(options, frame, max_pixels)
    decoder = decoder_of(image.transfer_syntax_uid)
    frame_bytes = _allow(region, size, options)
    if decoder.is_native:
        region.seek(image.pixel_data_at)
        pixels, properties = decoder.as_array(cast(Any, region), index=frame - 1, **options)
    else:
        source = _compressed(region, image, frame, options)
        options.pop("extended_offsets", None)
        if decoder.UID in uid.JPEG2000TransferSyntaxes:
            source = without_jp2_boxes(source)  # a box of length 0 makes pydicom loop
        _require_size(source, size, decoder.UID, frame_bytes)
        options["number_of_frames"] = 1
        pixels, properties = _decoded(decoder, encapsulate([source], has_bot=False), options)
    return Frame(pixels, str(properties["photometric_interpretation"]), int(properties.get("bits_stored", 0)))


def stored_frame(region: Region, image: Attributes, frame: int, max_pixels: int) -> bytes:
    """The bytes of a frame as they are stored, uncompressed ones in little endian. `frame` counts from 1.

    Raises NotRenderable: no_such_frame, too_large, undecodable; pydicom raises whatever it likes.
    """
    options = _options(image)
    size = _checked(options, frame, max_pixels)
    _allow(region, size, options)
    if image.is_encapsulated:
        return _compressed(region, image, frame, options)
    samples = 2 if options["photometric_interpretation"] == "YBR_FULL_422" else size.samples
    bits = size.rows * size.columns * samples * options["bits_allocated"]
    if bits % 8:
        raise NotRenderable("undecodable", _("The frames do not begin on whole bytes."))
    content = region.read_at(image.pixel_data_at + (frame - 1) * bits // 8, bits // 8)
    if len(content) < bits // 8:
        raise NotRenderable("undecodable", _("The pixel data ends before the frame does."))
    if image.is_little_endian or options["bits_allocated"] <= 8:
        return content
    width = options["bits_allocated"] // 8
    return np.frombuffer(content, f">u{width}").astype(f"<u{width}").tobytes()


def _checked(options: dict[str, Any], frame: int, max_pixels: int) -> Size:
    frames = options["number_of_frames"]
    if not 1 <= frame <= frames:
        raise NotRenderable(
            "no_such_frame", _("The object has %(frames)d frames, numbered from 1.") % {"frames": frames}
        )
    size = Size(options["rows"], options["columns"], options["samples_per_pixel"])
    if math.prod(size) > max_pixels:
        raise NotRenderable(
            "too_large",
            _("The frame has %(count)d samples, more than %(most)d.") % {"count": math.prod(size), "most": max_pixels},
        )
    return size


def _allow(region: Region, size: Size, options: dict[str, Any]) -> int:
    """Let as much be read as a frame of the size can take; its bytes."""
    frame_bytes: int = math.prod(size) * max(1, options["bits_allocated"] // 8)
    region.budget = 2 * frame_bytes + _SLACK_BYTES
    return frame_bytes


def _compressed(region: Region, image: Attributes, frame: int, options: dict[str, Any]) -> bytes:
    region.seek(image.pixel_data_at)
    frames, offsets = options["number_of_frames"], options.get("extended_offsets")
    return get_frame(cast(Any, region), frame - 1, number_of_frames=frames, extended_offsets=offsets)


def _options(image: Attributes) -> dict[str, Any]:
    frames = max(1, int(image.number("NumberOfFrames") or 1))
    image.data_set.NumberOfFrames = frames  # as pydicom gives up on one that is no number
    options = as_pixel_options(image.data_set, pixel_keyword=image.pixel_keyword)
    if image.pixel_vr:
        options["pixel_vr"] = image.pixel_vr
    needed = ("rows", "columns", "samples_per_pixel", "bits_allocated", "photometric_interpretation")
    missing = [name for name in needed if options.get(name) in (None, "")]
    if missing:
        raise NotRenderable(
            "undecodable", _("The image does not say its %(missing)s.") % {"missing": ", ".join(missing)}
        )
    return options


def decoder_of(transfer_syntax_uid: str) -> Decoder:
    """Raises NotRenderable: unsupported_transfer_syntax."""
    try:
        return get_decoder(transfer_syntax_uid)
    except NotImplementedError:
        raise NotRenderable(
            "unsupported_transfer_syntax",
            _("No decoder for transfer syntax %(uid)s.") % {"uid": transfer_syntax_uid},
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
        raise NotRenderable("undecodable", _("The compressed frame is not of the size that the object declares."))


def _decoded(decoder: Decoder, source: bytes, options: dict[str, Any]) -> tuple[NDArray[Any], dict[str, Any]]:
    for plugin in _PLUGINS:
        if plugin in decoder.available_plugins:
            try:
                return decoder.as_array(source, index=0, decoding_plugin=plugin, **options)
            except Exception:  # noqa: BLE001, S112 -- decoders raise what they like; the next may know the stream
                continue
    raise NotRenderable("undecodable", _("No decoder understands the compressed frame."))
