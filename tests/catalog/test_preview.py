"""Small images, compared with levels computed by hand from the standard's formulas."""

import math
import struct
from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.catalog.preview_objects import RAMP, image, refusal_of, render, sequence_item


class TestGrey:
    def test_a_linear_window_follows_the_formula_of_the_standard(self) -> None:
        values = np.array([[0, 1, 50, 99, 100, 101, 200]], np.int16)
        content = image(values, WindowCenter=100, WindowWidth=100)
        lower, span = 100 - 0.5 - 99 / 2, 99
        expected = np.clip((values - lower) / span, 0, 1) * 255
        assert np.array_equal(render(content), np.rint(expected))

    def test_a_window_given_overrides_that_of_the_object(self) -> None:
        content = image(RAMP, WindowCenter=100, WindowWidth=10)
        rendered = render(content, window=(2048, 2000))
        assert rendered.min() == 0
        assert rendered.max() == 255
        assert rendered[8, 0] in (127, 128)
        assert len(np.unique(rendered)) > 100

    def test_a_window_is_in_units_after_rescaling(self) -> None:
        values = np.array([[0, 1024, 1064, 1104, 2048]], np.uint16)
        content = image(values, RescaleSlope=1, RescaleIntercept=-1024)
        assert render(content, window=(40, 80)).tolist() == [[0, 0, 129, 255, 255]]

    def test_a_window_of_width_one_is_a_threshold(self) -> None:
        assert render(image(np.array([[9, 10, 11]], np.int16)), window=(10, 1)).tolist() == [[0, 255, 255]]

    def test_a_narrow_window_of_float_values_is_exact(self) -> None:
        content = image(np.array([[0.0, 0.25, 0.5, 1.0]], np.float32))
        assert render(content, window=(0.25, 0.5)).tolist() == [[0, 128, 255, 255]]

    def test_the_functions_of_a_window_differ(self) -> None:
        values = np.array([[0, 10, 20, 30, 40]], np.int16)
        levels = {
            function: render(image(values, WindowCenter=20, WindowWidth=20, VOILUTFunction=function))
            for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
        }
        sigmoid = [round(255 / (1 + math.exp(-4 * (x - 20) / 20))) for x in (0, 10, 20, 30, 40)]
        assert levels["LINEAR"].tolist() == [[0, 0, 134, 255, 255]]
        assert levels["LINEAR_EXACT"].tolist() == [[0, 0, 128, 255, 255]]
        assert np.abs(levels["SIGMOID"] - sigmoid).max() <= 1

    def test_without_a_window_the_percentiles_span_black_to_white(self) -> None:
        values = np.tile(np.arange(100, dtype=np.uint16), (100, 1))
        values[0, 0], values[0, 1] = 60000, 50000  # a label burned in must not darken the rest
        rendered = render(image(values))
        assert rendered[50, 1] <= 3
        assert rendered[50, 98] >= 252
        assert rendered[50, 50] == pytest.approx(127, abs=3)

    def test_a_small_bright_spot_on_nothing_is_seen(self) -> None:
        values = np.zeros((100, 100), np.uint8)
        values[3, 4] = 7
        rendered = render(image(values))
        assert rendered[3, 4] == 255
        assert rendered.sum() == 255

    @pytest.mark.parametrize("value", [0, 5])
    def test_a_uniform_image_is_rendered(self, value: int) -> None:
        assert np.unique(render(image(np.full((4, 4), value, np.uint16)))).tolist() == [0]

    def test_monochrome1_is_the_inverse_of_monochrome2(self) -> None:
        options: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
        upright = render(image(RAMP, **options))
        inverse = render(image(RAMP, PhotometricInterpretation="MONOCHROME1", **options))
        assert np.abs(upright + inverse - 255).max() <= 1
        assert inverse[0, 0] == 255

    def test_the_presentation_lut_shape_says_what_is_inverted(self) -> None:
        options: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
        for photometric in ("MONOCHROME1", "MONOCHROME2"):
            for shape, first in (("IDENTITY", 0), ("INVERSE", 255)):
                content = image(RAMP, PhotometricInterpretation=photometric, PresentationLUTShape=shape, **options)
                assert render(content)[0, 0] == first

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_a_modality_table_precedes_the_voi_table(self, syntax: str) -> None:
        modality = sequence_item(LUTDescriptor=[4, 10, 16], ModalityLUTType="US")
        modality.add_new("LUTData", "US", [100, 200, 300, 400])
        voi = sequence_item(LUTDescriptor=[3, 199, 8])
        voi.add_new("LUTData", "US", [10, 20, 250])
        content = image(
            np.array([[0, 10, 11, 12, 13, 99]], np.uint16),
            syntax,
            ModalityLUTSequence=Sequence([modality]),
            VOILUTSequence=Sequence([voi]),
        )
        assert render(content).tolist() == [[10, 10, 20, 250, 250, 250]]

    def test_a_table_of_bytes_follows_the_byte_order_of_the_file(self) -> None:
        for syntax, order in ((ExplicitVRLittleEndian, "<"), (ExplicitVRBigEndian, ">")):
            voi = sequence_item(LUTDescriptor=[3, 0, 16])
            voi.add_new("LUTData", "OW", struct.pack(f"{order}3H", 0, 32768, 65535))
            content = image(np.array([[0, 1, 2]], np.uint16), syntax, VOILUTSequence=Sequence([voi]))
            assert render(content).tolist() == [[0, 128, 255]]

    def test_a_broken_voi_table_gives_way_to_the_window(self) -> None:
        voi = sequence_item(LUTDescriptor=[0, 0, 16])
        content = image(RAMP, VOILUTSequence=Sequence([voi]), WindowCenter=2048, WindowWidth=4096)
        assert np.array_equal(render(content), render(content, window=(2048, 4096)))

    def test_signed_values_keep_their_order(self) -> None:
        values = np.array([[-1000, -1, 0, 1, 1000]], np.int16)
        for syntax in (ExplicitVRLittleEndian, ExplicitVRBigEndian):
            rendered = render(image(values, syntax), window=(0, 2001))
            assert rendered.tolist() == [[0, 127, 128, 128, 255]]

    def test_wide_and_float_values_are_rendered(self) -> None:
        values = np.array([[-70000, 0, 70000]], np.int32)
        for kind in (np.int32, np.float32, np.float64):
            rendered = render(image(values.astype(kind)), window=(0.5, 140001))
            assert np.abs(rendered - [[0, 127.5, 255]]).max() <= 1

    def test_float_values_that_are_no_numbers_are_black_and_spoil_nothing(self) -> None:
        values = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
        values[0, 0], values[0, 1] = np.nan, -np.inf
        rendered = render(image(values))
        assert rendered[0, :2].tolist() == [0, 0]
        assert rendered[10, 0] == pytest.approx(127, abs=3)

    def test_padding_is_black_and_out_of_the_percentiles(self) -> None:
        values = np.tile(np.arange(100, 200, dtype=np.int16), (50, 1))
        values[:, :40] = -2000
        content = image(values, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1")
        rendered = render(content)
        assert np.unique(rendered[:, :40]).tolist() == [0]
        assert rendered[0, 40] == 255
        assert rendered[0, 99] == 0

    def test_padding_may_be_a_range(self) -> None:
        content = image(np.array([[1, 5, 9, 10]], np.uint16), PixelPaddingValue=9, PixelPaddingRangeLimit=5)
        assert render(content, window=(0, 2)).tolist() == [[255, 0, 0, 255]]

    def test_bits_beyond_those_stored_do_not_show(self) -> None:
        values = np.array([[0x0000, 0x07FF, 0x0FFF]], np.uint16)
        noisy = values | 0xF000
        window: dict[str, Any] = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 2048, "WindowWidth": 4096}
        assert np.array_equal(render(image(noisy, **window)), render(image(values, **window)))

    def test_a_malformed_window_counts_as_none(self) -> None:
        content = image(RAMP, WindowCenter=7, WindowWidth=0)
        assert np.array_equal(render(content), render(image(RAMP)))


class TestFunctionalGroups:
    FRAMES = np.array([[[0, 50, 100]], [[0, 50, 100]], [[0, 50, 100]]], np.uint16)

    @staticmethod
    def _group(center: float, intercept: float) -> Dataset:
        return sequence_item(
            FrameVOILUTSequence=Sequence([sequence_item(WindowCenter=center, WindowWidth=100)]),
            PixelValueTransformationSequence=Sequence([sequence_item(RescaleIntercept=intercept, RescaleSlope=1)]),
        )

    def _frames(self, **attributes: Any) -> bytes:
        return image(self.FRAMES, NumberOfFrames=3, **attributes)

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
    @pytest.mark.parametrize("undefined", [False, True])
    def test_each_frame_has_its_own_rescale_and_window(self, syntax: str, undefined: bool) -> None:
        groups = Sequence([self._group(50, 0), self._group(0, -50), self._group(1000, 0)])
        for item in groups:
            item.is_undefined_length_sequence_item = undefined
        content = self._frames(syntax=syntax, PerFrameFunctionalGroupsSequence=groups)
        if undefined:
            content = _with_open_sequence(content)
        assert (content.count(b"\xff\xff\xff\xff") == 4) == undefined
        assert render(content, frame=1).tolist() == render(content, frame=2).tolist()
        assert render(content, frame=1)[0, 2] == 255
        assert render(content, frame=3).tolist() == [[0, 0, 0]]

    def test_the_shared_group_counts_where_the_frame_has_none(self) -> None:
        content = self._frames(
            SharedFunctionalGroupsSequence=Sequence([self._group(1000, 0)]),
            PerFrameFunctionalGroupsSequence=Sequence([self._group(50, 0), Dataset()]),
        )
        assert render(content, frame=1)[0, 2] == 255
        assert render(content, frame=2).tolist() == [[0, 0, 0]]
        assert render(content, frame=3).tolist() == [[0, 0, 0]]  # there is no third item


def _with_open_sequence(content: bytes) -> bytes:
    """The same with a sequence of undefined length."""
    data_set = pydicom.dcmread(BytesIO(content))
    data_set["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    file = BytesIO()
    data_set.save_as(file)
    return file.getvalue()


class TestColour:
    def test_planes_are_put_together(self) -> None:
        pixels = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
        planes = pixels.transpose(2, 0, 1)
        content = image(pixels, PlanarConfiguration=1, PixelData=planes.tobytes())
        assert np.array_equal(render(content), pixels)

    def test_ybr_becomes_rgb(self) -> None:
        content = image(np.array([[[76, 85, 255]]], np.uint8), PhotometricInterpretation="YBR_FULL")
        assert np.abs(render(content) - [[[255, 0, 0]]]).max() <= 2

    def test_a_short_palette_holds_its_first_and_last_colour(self) -> None:
        palette: dict[str, Any] = {}
        for colour, entries in (("Red", (0, 10)), ("Green", (20, 30)), ("Blue", (40, 255))):
            palette[f"{colour}PaletteColorLookupTableDescriptor"] = [2, 5, 8]
            palette[f"{colour}PaletteColorLookupTableData"] = bytes(entries)
        content = image(np.array([[0, 5, 6, 300]], np.uint16), PhotometricInterpretation="PALETTE COLOR", **palette)
        assert render(content).tolist() == [[[0, 20, 40], [0, 20, 40], [10, 30, 255], [10, 30, 255]]]

    def test_a_palette_that_is_missing_is_undecodable(self) -> None:
        content = image(np.zeros((2, 2), np.uint8), PhotometricInterpretation="PALETTE COLOR")
        assert refusal_of(content) == "undecodable"

    def test_a_segmented_palette_that_expands_without_end_is_undecodable(self) -> None:
        palette: dict[str, Any] = {}
        for colour in ("Red", "Green", "Blue"):
            palette[f"{colour}PaletteColorLookupTableDescriptor"] = [0, 0, 16]
            segments = struct.pack("<3H", 0, 1, 7) + struct.pack("<3H", 1, 65535, 9) * 10_000
            palette[f"Segmented{colour}PaletteColorLookupTableData"] = segments
        content = image(np.zeros((2, 2), np.uint16), PhotometricInterpretation="PALETTE COLOR", **palette)
        assert refusal_of(content) == "undecodable"

    @pytest.mark.parametrize("photometric", ["HSV", "YBR_PARTIAL_420", "CMYK"])
    def test_a_retired_colour_model_is_refused(self, photometric: str) -> None:
        content = image(np.zeros((2, 2, 3), np.uint8), PhotometricInterpretation=photometric)
        assert refusal_of(content) in ("unsupported_photometric_interpretation", "undecodable")


class TestSize:
    def test_the_top_left_stays_the_top_left(self) -> None:
        values = np.zeros((40, 80), np.uint8)
        values[:10, :10] = 255
        rendered = render(image(values), longest_side=20)
        assert rendered.shape == (10, 20)
        assert rendered[0, 0] > 200
        assert rendered[0, -1] == rendered[-1, 0] == rendered[-1, -1] == 0

    def test_an_image_is_never_enlarged(self) -> None:
        assert render(image(RAMP), longest_side=1000).shape == (16, 16)

    @pytest.mark.parametrize(
        ("attributes", "shape"),
        [
            ({"PixelAspectRatio": [2, 1]}, (16, 8)),
            ({"PixelAspectRatio": [1, 2]}, (8, 16)),
            ({"PixelSpacing": [0.5, 1.0]}, (8, 16)),
            ({"PixelAspectRatio": [1, 1], "PixelSpacing": [0.5, 1.0]}, (16, 16)),
            ({"PixelAspectRatio": [1, 100_000]}, (16, 16)),
            ({"PixelAspectRatio": [0, 0]}, (16, 16)),
        ],
    )
    def test_pixels_become_square(self, attributes: dict[str, Any], shape: tuple[int, int]) -> None:
        assert render(image(RAMP, **attributes)).shape == shape

    def test_a_thin_image_keeps_one_pixel(self) -> None:
        assert render(image(np.zeros((1, 500), np.uint8)), longest_side=10).shape == (1, 10)

    @pytest.mark.parametrize("window", [(0, 0), (0, -1), (math.nan, 1), (0, math.inf)])
    def test_a_window_that_is_none_is_refused(self, window: tuple[float, float]) -> None:
        assert refusal_of(image(RAMP), window=window) == "invalid_window"

    def test_no_size_is_refused(self) -> None:
        assert refusal_of(image(RAMP), longest_side=0) == "invalid_size"
