"""Frames of a stored image as programs read them: as they are stored, or decoded."""

from typing import BinaryIO

from apps.catalog.bounds import MIB
from apps.catalog.preview.attributes import Attributes, read_attributes
from apps.catalog.preview.errors import NotRenderable
from apps.catalog.preview.frame import decode_frame, decoder_of, stored_frame
from apps.catalog.preview.region import Region

MAX_PIXELS = 64 * MIB
_HEADER_BYTES = 64 * MIB


class Frames:
    """The frames of one file, of which no more is held than one at a time. Raises NotRenderable.

    Bounds are those of previews: `max_pixels` is rows x columns x samples of a frame.
    """

    def __init__(self, file: BinaryIO, max_pixels: int = MAX_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._region = Region(file, _HEADER_BYTES)
        self._image: Attributes = read_attributes(self._region, 1)

    @property
    def count(self) -> int:
        """How many frames there are said to be."""
        return max(1, int(self._image.number("NumberOfFrames") or 1))

    def stored(self, number: int) -> bytes:
        """A frame as it is stored, uncompressed ones in little endian; they count from 1."""
        try:
            return stored_frame(self._region, self._image, number, self._max_pixels)
        except NotRenderable:
            raise
        except Exception:  # noqa: BLE001 -- pydicom raises what it likes, and its words may quote the object
            raise self._damaged() from None

    def decoded(self, number: int) -> bytes:
        """A frame uncompressed in little endian, in the bits allocated; colours as RGB, by pixel."""
        decoder_of(self._image.transfer_syntax_uid)  # in one that is unknown, even plain values may mean other things
        if not self._image.is_encapsulated:
            return self.stored(number)
        try:
            pixels = decode_frame(self._region, self._image, number, self._max_pixels).pixels
        except NotRenderable:
            raise
        except Exception:  # noqa: BLE001 -- likewise
            raise self._damaged() from None
        width = max(1, int(self._image.number("BitsAllocated") or 8) // 8)
        content: bytes = pixels.astype(f"<{pixels.dtype.kind}{width}", copy=False).tobytes()
        return content

    def _damaged(self) -> Exception:
        return self._region.failure or NotRenderable("undecodable", "The frame cannot be read.")
