"""What a hostile or damaged object costs, and what it is called."""

import struct
from io import BytesIO

import numpy as np
import pydicom
import pytest
from openjpeg.utils import encode_array
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from apps.catalog.preview import NotRenderable, render_preview
from tests.catalog.preview_objects import RAMP, changed, image, reference_file, refusal_of, sequence_item


class Source(BytesIO):
    """Counts what is read, and fails on demand."""

    taken = 0
    fails = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.fails:
            raise ConnectionError("the vault is away")
        content = super().read(size)
        self.taken += len(content)
        return content


class TestBounds:
    def test_a_frame_larger_than_allowed_is_refused_before_it_is_read(self) -> None:
        content = image(np.zeros((1000, 1000, 3), np.uint8))
        source = Source(content)
        with pytest.raises(NotRenderable) as refusal:
            render_preview(source, max_pixels=2_999_999)
        assert refusal.value.code == "too_large"
        assert source.taken < 100_000
        assert render_preview(BytesIO(content), max_pixels=3_000_000, longest_side=8)

    @pytest.mark.parametrize(("tile", "outcome"), [(64, "rendered"), (1, "undecodable")])
    def test_more_tiles_than_any_image_needs_are_refused(self, tile: int, outcome: str) -> None:
        """Decoders allocate for each tile: 65,535 of them would take 800 MB."""
        stream = bytearray(encode_array(np.zeros((64, 64), np.uint8), photometric_interpretation=2, use_mct=False))
        del stream[: stream.find(b"\xff\x4f\xff\x51")]
        struct.pack_into(">8L", stream, 8, 257, 255, 0, 0, tile, tile, 0, 0)

        def compress(ds: Dataset) -> None:
            ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
            ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit = 255, 257, 8, 8, 7
            ds.PixelData = encapsulate([bytes(stream)])
            ds["PixelData"].is_undefined_length = True

        assert _outcome(changed("JPEG2000.dcm", compress)) == outcome

    @pytest.mark.parametrize("frame", [0, -1, 4])
    def test_a_frame_that_does_not_exist_is_refused(self, frame: int) -> None:
        content = image(np.zeros((3, 2, 2), np.uint16), NumberOfFrames=3)
        assert refusal_of(content, frame=frame) == "no_such_frame"

    def test_only_one_frame_is_read(self) -> None:
        source = Source(image(np.zeros((100, 256, 256), np.uint16), NumberOfFrames=100))
        render_preview(source, frame=77)
        assert source.taken < 2 * 256 * 256 * 2

    def test_a_region_of_a_larger_file_needs_no_more_than_itself(self) -> None:
        source = Source(image(RAMP))
        source.seek(17)
        assert render_preview(source)

    def test_a_failure_of_the_source_is_not_the_images(self) -> None:
        source = Source(image(RAMP))
        source.fails = True
        with pytest.raises(ConnectionError):
            render_preview(source)

    def test_a_deflated_data_set_is_refused_unread(self) -> None:
        content = image(np.zeros((4096, 4096), np.uint16), DeflatedExplicitVRLittleEndian)
        source = Source(content)
        with pytest.raises(NotRenderable) as refusal:
            render_preview(source)
        assert refusal.value.code == "deflated"
        assert source.taken < 100_000

    def test_a_codestream_of_another_size_never_reaches_a_decoder(self) -> None:
        for name, syntax in (("JPEG2000.dcm", JPEG2000Lossless), ("SC_rgb_jpeg_dcmtk.dcm", JPEGBaseline8Bit)):

            def shrink(data_set: Dataset) -> None:
                data_set.Rows -= 1

            assert refusal_of(changed(name, shrink)) == "undecodable", syntax

    def test_an_rle_frame_that_expands_too_far_is_undecodable(self) -> None:
        header = struct.pack("<16L", 2, 64, 64 + 100_000, *[0] * 13)
        frame = header + b"\x81\x00" * 2_000_000
        content = image(np.zeros((64, 64), np.uint16), RLELossless, PixelData=encapsulate([frame]))
        assert refusal_of(content) in ("undecodable", "too_large")
        frame = header + b"\x81\x00" * 500_000
        content = image(np.zeros((64, 64), np.uint16), RLELossless, PixelData=encapsulate([frame]))
        assert refusal_of(content) == "undecodable"

    def test_an_attribute_larger_than_any_table_is_refused(self) -> None:
        voi = sequence_item(LUTDescriptor=[0, 0, 16])
        voi.add_new("LUTData", "OW", bytes(3_000_000))
        assert refusal_of(image(RAMP, VOILUTSequence=Sequence([voi]))) == "too_large"

    def test_a_video_is_of_an_unsupported_transfer_syntax(self) -> None:
        content = image(np.zeros((2, 2, 3), np.uint8), MPEG2MPML, PixelData=encapsulate([b"\0\0\1\xb3"]))
        assert refusal_of(content) == "unsupported_transfer_syntax"


def _outcome(content: bytes) -> str:
    try:
        render_preview(BytesIO(content), longest_side=32)
    except NotRenderable as refusal:
        return refusal.code
    return "rendered"


class TestDamage:
    @pytest.mark.parametrize(
        "name",
        [
            *("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "JPEG-LL.dcm"),
            *("SC_rgb_jpeg_dcmtk.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm", "SC_rgb_small_odd_jpeg.dcm", "CT_small.dcm"),
        ],
    )
    def test_a_damaged_image_is_rendered_or_undecodable_but_nothing_else(self, name: str) -> None:
        content = bytearray(reference_file(name))
        random = np.random.default_rng(7)
        start = content.find(b"\xe0\x7f\x10\x00") + 12
        for _ in range(15):
            damaged = bytearray(content)
            for at in random.integers(start, len(damaged), 20):
                damaged[at] = random.integers(256)
            assert _outcome(bytes(damaged)) in ("rendered", "undecodable", "too_large", "unreadable")

    def test_a_lossless_jpeg_without_huffman_table_does_not_end_the_process(self) -> None:
        content = reference_file("JPEG-LL.dcm")
        table = content.index(b"\xff\xc4", content.index(b"\xff\xd8\xff\xc3"))
        assert refusal_of(content[:table] + b"\x80\x80" + content[table + 2 :]) == "undecodable"

    def test_a_jp2_box_without_length_ends(self) -> None:
        content = reference_file("GDCMJ2K_TextGBR.dcm")
        box = content.index(b"\0\0\0\x0cjP  ") + 12
        assert _outcome(content[:box] + bytes(4) + content[box + 4 :]) == "rendered"

    def test_pixel_data_that_ends_early_is_undecodable(self) -> None:
        content = image(np.zeros((64, 64), np.uint16))
        assert refusal_of(content[:-1000]) == "undecodable"

    @pytest.mark.parametrize("frame", [b"", b"\xff\xd8", b"\xff\xd8\xff\xc0\x00", bytes(1000), b"\xff" * 1000])
    def test_a_frame_of_nonsense_is_undecodable(self, frame: bytes) -> None:
        for syntax in (JPEGBaseline8Bit, JPEG2000Lossless, HTJ2KLossless, RLELossless):
            content = image(np.zeros((4, 4), np.uint8), syntax, PixelData=encapsulate([frame or b"\0\0"]))
            assert refusal_of(content) == "undecodable"

    def test_a_file_that_is_no_dicom_is_unreadable(self) -> None:
        assert refusal_of(b"%PDF-1.7 " * 100) == "unreadable"
        assert refusal_of(b"") == "unreadable"

    def test_an_image_without_rows_is_undecodable(self) -> None:
        data_set = pydicom.dcmread(BytesIO(image(RAMP)))
        del data_set.Rows
        file = BytesIO()
        data_set.save_as(file)
        assert refusal_of(file.getvalue()) == "undecodable"

    def test_a_refusal_says_nothing_of_the_patient(self) -> None:
        content = image(
            np.zeros((4, 4), np.uint8),
            PatientName="Invented^Person",
            PatientID="X-4711",
            PhotometricInterpretation="PERSON",
        )
        with pytest.raises(NotRenderable) as refusal:
            render_preview(BytesIO(content))
        assert "PERSON" not in str(refusal.value)
        assert "4711" not in str(refusal.value)
        assert refusal.value.__cause__ is None
