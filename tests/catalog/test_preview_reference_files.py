"""Every image that pydicom tests itself with, and pydicom's opinion of its levels and colours."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import HTJ2KLossless

from apps.catalog.preview import render_preview
from tests.catalog.preview_objects import reference_file, refusal_of, render
from tests.catalog.test_header_reference_files import FILES

REFUSED = {
    "JPEG-lossy.dcm": "undecodable",  # 12 bit JPEG, for which there is no decoder
    "JPGExtended.dcm": "undecodable",
    "JPEG2000-embedded-sequence-delimiter.dcm": "undecodable",
    "MR_truncated.dcm": "undecodable",
    "image_dfl.dcm": "deflated",
    "meta_missing_tsyntax.dcm": "undecodable",  # pixel data without any attribute of it
    "nested_priv_SQ.dcm": "undecodable",
}
WITHOUT_PIXEL_DATA = ("SR", "rtplan.dcm", "rtstruct.dcm", "waveform_ecg.dcm", "test-SR.dcm")


def _read(path: Path) -> Dataset | None:
    try:
        return pydicom.dcmread(path, force=True)
    except Exception:  # noqa: BLE001
        return None


def _has_pixel_data(path: Path) -> bool:
    data_set = _read(path)
    return data_set is not None and any(
        keyword in data_set for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
    )


IMAGES = [path for path in FILES if _has_pixel_data(path)]


class TestReferenceFiles:
    def test_there_are_many(self) -> None:
        assert len(IMAGES) > 150
        assert set(REFUSED) <= {path.name for path in IMAGES}

    @pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
    def test_an_image_is_rendered_or_refused_with_a_reason(self, path: Path) -> None:
        content = path.read_bytes()
        if path.name in REFUSED:
            assert refusal_of(content) == REFUSED[path.name]
            return
        data_set = pydicom.dcmread(path, force=True)
        picture = Image.open(BytesIO(render_preview(BytesIO(content), longest_side=64)))
        is_grey = data_set.PhotometricInterpretation.startswith("MONOCHROME")
        assert picture.format == "JPEG"
        assert picture.mode == ("L" if is_grey else "RGB")
        assert max(picture.size) == min(64, max(data_set.Rows, data_set.Columns))
        is_nearly_square = abs(picture.width - picture.height) <= 0.1 * max(picture.size)
        assert is_nearly_square or (picture.width > picture.height) == (data_set.Columns > data_set.Rows)

    @pytest.mark.parametrize(
        "path",
        [path for path in FILES if path.name in WITHOUT_PIXEL_DATA or path.name.startswith("report")],
        ids=lambda path: path.name,
    )
    def test_an_object_that_is_no_image_has_no_pixel_data(self, path: Path) -> None:
        assert refusal_of(path.read_bytes()) == "no_pixel_data"

    @pytest.mark.parametrize("name", ["693_UNCR.dcm", "693_J2KI.dcm", "RG1_UNCI.dcm", "RG3_J2KI.dcm", "MR2_UNCR.dcm"])
    def test_a_windowed_image_has_the_levels_that_pydicom_computes(self, name: str) -> None:
        data_set = pydicom.dcmread(BytesIO(reference_file(name)))
        stored = data_set.pixel_array
        expected = apply_voi_lut(apply_modality_lut(stored, data_set), data_set, prefer_lut=True).astype(float)
        full = _full_scale(data_set)
        expected = (expected - full[0]) / (full[1] - full[0])
        if data_set.PhotometricInterpretation == "MONOCHROME1":
            expected = 1 - expected
        if "PixelPaddingValue" in data_set:
            expected[stored == data_set.PixelPaddingValue] = 0
        assert np.abs(render(reference_file(name)) - 255 * expected).max() <= 1

    @pytest.mark.parametrize("name", ["gdcm-US-ALOKA-16.dcm", "gdcm-US-ALOKA-16_big.dcm", "examples_palette.dcm"])
    def test_a_palette_gives_the_colours_that_pydicom_computes(self, name: str) -> None:
        data_set = pydicom.dcmread(BytesIO(reference_file(name)), force=True)
        expected = apply_color_lut(data_set.pixel_array, data_set)
        rendered = render(reference_file(name))
        assert np.abs(rendered - expected * (255 / np.iinfo(expected.dtype).max)).max() <= 1
        assert rendered.std() > 5

    @pytest.mark.parametrize(
        "name",
        [
            *("SC_rgb_rle.dcm", "SC_rgb_16bit.dcm", "SC_rgb_32bit.dcm", "SC_ybr_full_422_uncompressed.dcm"),
            *("SC_rgb_gdcm2k_uncompressed.dcm", "SC_rgb_jls_lossy_sample.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm"),
        ],
    )
    def test_colour_bars_have_their_colours(self, name: str) -> None:
        rendered = render(reference_file(name))
        bars = rendered[[5, 25, 45, 55, 95], 50]
        assert np.abs(bars - [[255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 255], [255, 255, 255]]).max() <= 5

    def test_the_last_frame_of_many_is_that_frame(self) -> None:
        stored = pixel_array(BytesIO(reference_file("rtdose.dcm")), index=14).astype(float)
        rendered = render(reference_file("rtdose.dcm"), frame=15)
        assert np.corrcoef(rendered.ravel(), stored.ravel())[0, 1] > 0.95
        assert refusal_of(reference_file("rtdose.dcm"), frame=16) == "no_such_frame"

    @pytest.mark.parametrize(
        "name", ["emri_small_RLE.dcm", "emri_small_jpeg_2k_lossless.dcm", "emri_small_big_endian.dcm"]
    )
    def test_a_frame_looks_the_same_in_every_lossless_encoding(self, name: str) -> None:
        for frame in (1, 10):
            expected = render(reference_file("emri_small.dcm"), frame=frame)
            assert np.array_equal(render(reference_file(name), frame=frame), expected)

    def test_a_frame_of_a_bit_packed_segmentation_is_black_and_white(self) -> None:
        expected = pixel_array(BytesIO(reference_file("liver.dcm")), index=2)
        assert np.array_equal(render(reference_file("liver.dcm"), frame=3), 255 * expected.astype(int))


def _full_scale(data_set: Dataset) -> tuple[float, float]:
    """What apply_voi_lut calls black and white."""
    if "VOILUTSequence" in data_set:
        return 0, 2 ** data_set.VOILUTSequence[0].LUTDescriptor[2] - 1
    bits = data_set.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if data_set.PixelRepresentation else (0, 2**bits - 1)
    slope, intercept = data_set.get("RescaleSlope", 1), data_set.get("RescaleIntercept", 0)
    return float(low * slope + intercept), float(high * slope + intercept)


class TestHighThroughputJpeg2000:
    def test_the_plugin_decodes_what_pydicom_alone_cannot(self) -> None:
        lossless = reference_file("MR_small_jp2klossless.dcm")
        data_set = pydicom.dcmread(BytesIO(lossless))
        data_set.file_meta.TransferSyntaxUID = HTJ2KLossless  # OpenJPEG reads either kind of block coding
        file = BytesIO()
        data_set.save_as(file)
        assert np.array_equal(render(file.getvalue()), render(lossless))
