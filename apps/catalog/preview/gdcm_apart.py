"""A decoding plugin for pydicom: GDCM in a process of its own, since damaged streams make it end its process."""

import subprocess
import sys
from pathlib import Path

from pydicom.pixels.decoders.base import DecodeRunner, JPEGLosslessDecoder, JPEGLosslessSV1Decoder

LABEL = "gdcm-apart"
_SCRIPT = Path(__file__).with_name("gdcm_script.py")
_SECONDS = 30
_DECODERS = (JPEGLosslessDecoder, JPEGLosslessSV1Decoder)
DECODER_DEPENDENCIES = {decoder.UID: ("gdcm>=3.0.10",) for decoder in _DECODERS}


def is_available(transfer_syntax_uid: str) -> bool:
    """Asked by pydicom."""
    return transfer_syntax_uid in DECODER_DEPENDENCIES


def decode_frame(source: bytes, runner: DecodeRunner) -> bytes:
    """Called by pydicom. Raises subprocess.SubprocessError and ValueError."""
    planar = runner.planar_configuration if runner.samples_per_pixel > 1 else 0
    shape = (runner.rows, runner.columns, runner.samples_per_pixel, runner.bits_allocated, runner.bits_stored)
    numbers = (*shape, runner.pixel_representation, planar)
    command = [sys.executable, "-I", str(_SCRIPT), str(runner.transfer_syntax), runner.photometric_interpretation]
    program = subprocess.run(
        [*command, *map(str, numbers)],
        input=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=True,
    )
    if len(program.stdout) != runner.frame_length():
        raise ValueError("the frame is not of its declared length")
    return program.stdout


def register() -> None:
    """Makes pydicom know the plugin."""
    for decoder in _DECODERS:
        decoder.add_plugin(LABEL, (__name__, decode_frame.__name__))
