"""Overlays and shutters are part of a picture, whatever their form."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from apps.catalog.preview import picture_of
from tests.catalog.preview_objects import RAMP, image, render, sequence_item

PLANE = np.arange(16 * 16).reshape(16, 16) % 3 == 0
WINDOW: dict[str, Any] = {"WindowCenter": 2048, "WindowWidth": 4096}
GROUP = 0x6002


def overlaid(content: bytes, *planes: Any, origin: tuple[int, int] = (1, 1), first: int = 0) -> bytes:
    """The image with a plane; with several as the frames of one overlay, from the image's frame `first`."""
    data_set = pydicom.dcmread(BytesIO(content))
    is_big = data_set.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    packed = np.packbits(np.concatenate([np.ravel(plane) for plane in planes]), bitorder="little").tobytes()
    words = np.frombuffer(packed + b"\0" * (len(packed) % 2), "<u2").astype(">u2" if is_big else "<u2")
    rows, columns = planes[0].shape
    for element, vr, value in (
        (0x0010, "US", rows), (0x0011, "US", columns), (0x0040, "CS", "G"), (0x0050, "SS", list(origin)),
        (0x0100, "US", 1), (0x0102, "US", 0), (0x3000, "OW", words.tobytes()),
    ):  # fmt: skip
        data_set.add_new((GROUP, element), vr, value)
    if first:
        data_set.add_new((GROUP, 0x0015), "IS", len(planes))
        data_set.add_new((GROUP, 0x0051), "US", first)
    return saved(data_set)


def saved(data_set: pydicom.Dataset) -> bytes:
    file = BytesIO()
    data_set.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_an_overlay_is_white_wherever_it_lies(syntax: str) -> None:
    plain = render(image(RAMP, syntax, **WINDOW))
    assert plain[PLANE].max() < 255
    content = image(RAMP, syntax, **WINDOW)
    assert np.array_equal(render(overlaid(content, PLANE)), np.where(PLANE, 255, plain))
    expected = plain.copy()
    expected[4:, :13][PLANE[:12, 3:]] = 255
    assert np.array_equal(render(overlaid(content, PLANE, origin=(5, -2))), expected)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_frames_of_an_overlay_belong_to_those_of_the_image(syntax: str) -> None:
    frames = np.zeros((4, 3, 3), np.uint8)
    planes = [np.eye(3, dtype=bool), ~np.eye(3, dtype=bool)]  # nine bits each: the second begins within a byte
    content = overlaid(image(frames, syntax, NumberOfFrames=4, WindowCenter=1, WindowWidth=2), *planes, first=2)
    shown = [render(content, frame=number) == 255 for number in (1, 2, 3, 4)]
    nothing = np.zeros((3, 3), bool)
    assert np.array_equal(shown, [nothing, *planes, nothing])


def test_an_overlay_may_hide_in_unused_bits_of_the_pixels() -> None:
    pixels = (RAMP.astype(np.uint16) % 4096) | (PLANE.astype(np.uint16) << 12)
    data_set = pydicom.dcmread(BytesIO(image(pixels, BitsStored=12, HighBit=11, **WINDOW)))
    for element, vr, value in (
        (0x0010, "US", 16), (0x0011, "US", 16), (0x0050, "SS", [1, 1]), (0x0100, "US", 16), (0x0102, "US", 12),
    ):  # fmt: skip
        data_set.add_new((0x6000, element), vr, value)
    plain = render(image(RAMP, **WINDOW))
    assert np.array_equal(render(saved(data_set)), np.where(PLANE, 255, plain))


def test_an_overlay_that_cannot_be_read_is_passed_over() -> None:
    content, plain = image(RAMP, **WINDOW), render(image(RAMP, **WINDOW))
    data_set = pydicom.dcmread(BytesIO(overlaid(content, PLANE)))
    for element, value in ((0x0010, 60_000), (0x0011, 0)):
        data_set[GROUP, element].value = value
        assert np.array_equal(render(saved(data_set)), plain)


def test_a_shutter_hides_what_is_outside_in_its_own_grey() -> None:
    plain = render(image(RAMP, **WINDOW))
    rows, columns = np.mgrid[1:17, 1:17]
    rectangle: dict[str, Any] = {
        "ShutterShape": "RECTANGULAR", "ShutterLeftVerticalEdge": 3, "ShutterRightVerticalEdge": 14,
        "ShutterUpperHorizontalEdge": 2, "ShutterLowerHorizontalEdge": 12,
    }  # fmt: skip
    inside = (columns >= 3) & (columns <= 14) & (rows >= 2) & (rows <= 12)
    assert np.array_equal(render(image(RAMP, **WINDOW, **rectangle)), np.where(inside, plain, 0))
    circle: dict[str, Any] = {"CenterOfCircularShutter": [8, 9], "RadiusOfCircularShutter": 5}
    both = image(RAMP, **WINDOW, **(rectangle | circle | {"ShutterShape": ["RECTANGULAR", "CIRCULAR"]}),
                 ShutterPresentationValue=0x8000)  # fmt: skip
    inside &= (rows - 8) ** 2 + (columns - 9) ** 2 <= 25
    assert np.array_equal(render(both), np.where(inside, plain, 128))
    triangle = image(RAMP, **WINDOW, ShutterShape="POLYGONAL", VerticesOfThePolygonalShutter=[1, 1, 16, 1, 16, 16])
    assert np.array_equal(render(triangle), np.where(columns <= rows, plain, 0))


def test_a_frame_has_its_own_shutter_and_a_broken_one_hides_nothing() -> None:
    frames = np.full((2, 4, 4), 9, np.uint8)
    open_, shut = (
        sequence_item(
            FrameDisplayShutterSequence=[
                sequence_item(
                    ShutterShape="RECTANGULAR", ShutterLeftVerticalEdge=left, ShutterRightVerticalEdge=4,
                    ShutterUpperHorizontalEdge=1, ShutterLowerHorizontalEdge=4,
                )
            ]
        )
        for left in (1, 3)
    )  # fmt: skip
    content = image(
        frames, NumberOfFrames=2, WindowCenter=1, WindowWidth=2, PerFrameFunctionalGroupsSequence=[open_, shut]
    )
    assert render(content, frame=1).tolist() == [[255] * 4] * 4
    assert render(content, frame=2).tolist() == [[0, 0, 255, 255]] * 4
    broken = image(RAMP, **WINDOW, ShutterShape="CIRCULAR", CenterOfCircularShutter=[8])
    assert np.array_equal(render(broken), render(image(RAMP, **WINDOW)))


def test_a_picture_to_print_has_twelve_bits_and_knows_its_size() -> None:
    content = overlaid(image(RAMP, **WINDOW, ImagerPixelSpacing=[0.2, 0.1]), PLANE)
    picture = picture_of(BytesIO(content), bits=12)
    ramp = np.rint((RAMP - (2048 - 0.5 - 4095 / 2)) / 4095 * 4095)
    assert np.array_equal(picture.levels, np.where(PLANE, 4095, ramp))
    assert (picture.bits, picture.pixel_height, picture.spacing) == (12, 2.0, ("ImagerPixelSpacing", 0.2, 0.1))
    colours = picture_of(BytesIO(image(np.zeros((4, 5, 3), np.uint8))), bits=12)
    assert (colours.is_colour, colours.bits, colours.spacing) == (True, 8, None)
