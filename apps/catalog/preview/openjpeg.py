"""A decoding plugin for pydicom: OpenJPEG for JPEG 2000 and for HTJ2K, which pydicom reads through pylibjpeg alone."""

from typing import cast

from openjpeg.utils import decode_pixel_data
from pydicom.pixels.decoders.base import (
    DecodeRunner,
    HTJ2KDecoder,
    HTJ2KLosslessDecoder,
    HTJ2KLosslessRPCLDecoder,
    JPEG2000Decoder,
    JPEG2000LosslessDecoder,
)

LABEL = "openjpeg"
_DECODERS = (HTJ2KDecoder, HTJ2KLosslessDecoder, HTJ2KLosslessRPCLDecoder, JPEG2000Decoder, JPEG2000LosslessDecoder)
DECODER_DEPENDENCIES = {decoder.UID: ("pylibjpeg-openjpeg>=2.0",) for decoder in _DECODERS}


def is_available(transfer_syntax_uid: str) -> bool:
    """Asked by pydicom."""
    return transfer_syntax_uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytearray:
    """Called by pydicom: the samples of one frame, in containers that the codestream's precision chooses."""
    frame = cast(bytearray, decode_pixel_data(source, version=2))
    if runner.photometric_interpretation in ("YBR_ICT", "YBR_RCT"):
        runner.set_option("photometric_interpretation", "RGB")
    precision = runner.get_option("j2k_precision", runner.bits_stored)
    runner.set_option("bits_allocated", 8 if precision <= 8 else 16 if precision <= 16 else 32)
    return frame


def register() -> None:
    """Makes pydicom know the plugin."""
    for decoder in _DECODERS:
        decoder.add_plugin(LABEL, (__name__, decode_frame.__name__))
