"""Run by gdcm_apart.py as a program of its own: GDCM decodes the frame on standard input to standard output.

Arguments: transfer syntax UID, photometric interpretation, then as numbers rows, columns, samples per pixel, bits
allocated, bits stored, pixel representation, planar configuration. Imports nothing else, to start in 40 ms.
"""

import sys

import gdcm


def _decoded(stream: bytes, syntax: str, photometric: str, numbers: list[int]) -> bytes:
    rows, columns, samples, bits_allocated, bits_stored, representation, planar = numbers
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(stream)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((columns, rows, 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(
        gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.GetPIType(photometric))
    )
    if samples > 1:
        image.SetPlanarConfiguration(planar)
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
    image.SetPixelFormat(gdcm.PixelFormat(samples, bits_allocated, bits_stored, bits_stored - 1, representation))
    pixels: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")  # GDCM gives bytes as str
    return pixels


if __name__ == "__main__":
    uid, interpretation, *shape = sys.argv[1:]
    sys.stdout.buffer.write(_decoded(sys.stdin.buffer.read(), uid, interpretation, [int(word) for word in shape]))
