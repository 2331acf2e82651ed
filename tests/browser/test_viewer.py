"""The viewer as somebody looks through a series: turned, windowed, measured, played; by mouse, keys and fingers."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from pydicom import Dataset

from apps.catalog.models import Series
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.browser.conftest import PHONE, Visit
from tests.orders.stories import may_order
from tests.portal.pages import dicom, store

MANY = np.tile(np.arange(0, 4096, 16, dtype=np.int16).reshape(1, 16, 16), (40, 1, 1))


@pytest.fixture
def series(clinic: Facility) -> str:
    """The address of a series of 41 frames of 16 by 16 pixels of 2 mm, and of one image that cannot be decoded."""
    may_order(clinic)
    frames = dicom(9, 1, pixels=MANY, NumberOfFrames=40, PixelSpacing=[2, 2], WindowCenter=2000, WindowWidth=4000)
    store(clinic, frames, dicom(9, 2, PhotometricInterpretation="CIE_LAB"))
    with as_facility(clinic):
        return f"/f/sakura/series/{Series.objects.get(series_instance_uid='2.25.9.1').pk}/"


def dragged(page: Any, across: int, down: int) -> float:
    """Drag over the stage from its middle; the side of the picture in pixels of the screen."""
    box = page.locator("[data-viewer-stage]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + down, steps=4)
    page.mouse.up()
    return float(min(box["width"], box["height"]))


def test_images_are_windowed_measured_played_and_chosen(series: str, visit: Callable[..., Visit]) -> None:
    window = visit()
    window.sign_in()
    page = window.page
    page.goto(series)
    image, number, now = (page.locator(f"[data-viewer-{name}]") for name in ("image", "number", "window-now"))
    expect(now).to_have_text("C 2000 · W 4000")

    dragged(page, 0, 60)
    expect(image).to_have_attribute("src", re.compile(r"window=2800%2C4000$"))
    expect(now).to_have_text("C 2800 · W 4000")
    page.keyboard.press("ArrowRight")
    expect(image).to_have_attribute("src", re.compile(r"frame=2&.*window=2800%2C4000$"))
    page.keyboard.press("Shift+ArrowLeft")
    expect(now).to_have_text(re.compile(r"C 2800 · W 3\d\d\d"))
    page.get_by_role("button", name="Reset").click()
    expect(image).not_to_have_attribute("src", re.compile("window="))

    page.get_by_role("button", name="Measure").click()
    side = dragged(page, 90, 120)
    expect(page.locator("[data-viewer-drawing] text")).to_have_text(f"{150 / side * 16 * 2:.1f} mm")
    expect(page.locator("[data-viewer-said]")).to_have_text(re.compile("mm, by the image's Pixel Spacing"))
    page.keyboard.press("Backspace")
    expect(page.locator("[data-viewer-drawing] text")).to_have_count(0)

    page.keyboard.press("i")
    expect(page.locator(".is-inverted")).to_have_count(1)
    before = number.inner_text()
    page.keyboard.press("p")
    expect(number).not_to_have_text(before)
    page.keyboard.press("p")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Backspace")
    page.keyboard.press("Escape")

    page.keyboard.press("End")
    expect(page.locator("[data-viewer-problem]")).to_contain_text("cannot be shown: The image")
    page.get_by_role("button", name="Order this image").click()
    expect(page.get_by_role("row").last).to_contain_text("image 2 of")
    assert window.faults() == []


def test_fast_turning_asks_for_one_picture_at_a_time(series: str, visit: Callable[..., Visit]) -> None:
    window = visit()
    window.sign_in()
    page = window.page
    asked: list[int] = []
    under_way = 0

    def count(step: int) -> Callable[[Any], None]:
        def note(request: Any) -> None:
            nonlocal under_way
            if "/preview?" in request.url:
                under_way += step
                asked.append(under_way)

        return note

    page.on("request", count(1))
    page.on("requestfinished", count(-1))
    page.goto(series)
    stage = page.locator("[data-viewer-stage]").bounding_box()
    assert stage
    page.mouse.move(stage["x"] + 50, stage["y"] + 50)
    for _ in range(30):
        page.mouse.wheel(0, 120)
    expect(page.locator("[data-viewer-number]")).to_have_text("41 / 41")
    expect(page.locator(".is-loading")).to_have_count(0)
    assert max(asked) == 1
    assert len(asked) / 2 < 30


def test_fingers_enlarge_and_move(series: str, visit: Callable[..., Visit]) -> None:
    window = visit(size=PHONE, has_touch=True, is_mobile=True)
    window.sign_in()
    page = window.page
    page.goto(series)
    expect(page.locator("[data-viewer-window-now]")).not_to_be_empty()
    box: Any = page.locator("[data-viewer-stage]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = window.context.new_cdp_session(page)
    for kind, spread in (("touchStart", 30), ("touchMove", 60), ("touchMove", 90), ("touchEnd", None)):
        points = [] if spread is None else [{"x": x - spread, "y": y, "id": 1}, {"x": x + spread, "y": y, "id": 2}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    scale = page.locator("[data-viewer-image]").evaluate("image => new DOMMatrix(getComputedStyle(image).transform).a")
    assert scale == pytest.approx(3)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert window.faults() == []


def test_ultrasound_is_measured_by_its_regions_and_played_at_its_rate(
    clinic: Facility, visit: Callable[..., Visit]
) -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 15, 11
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.5, -0.25
    store(clinic, dicom(9, 1, pixels=MANY, NumberOfFrames=40, FrameTime=50, SequenceOfUltrasoundRegions=[region],
                        PixelSpacing=[9, 9]))  # fmt: skip
    with as_facility(clinic):
        address = f"/f/sakura/series/{Series.objects.get(series_instance_uid='2.25.9.1').pk}/"
    window = visit()
    window.sign_in()
    page = window.page
    page.goto(address)
    expect(page.locator("[data-viewer-window-now]")).not_to_be_empty()
    page.get_by_role("button", name="Measure").click()
    side = dragged(page, 0, 60)
    label = page.locator("[data-viewer-drawing] text")
    expect(label).to_have_text(f"{60 / side * 16 * 2.5:.1f} mm")
    expect(page.locator("[data-viewer-said]")).to_have_text(re.compile("ultrasound region"))
    dragged(page, 60, round(side * 0.4))
    expect(label.last).to_have_text(re.compile(r"^\d+ px, not within one calibrated region"))

    rate = page.get_by_label("Pictures a second")
    times = """async () => {
      const slider = document.querySelector("[data-viewer-slider]"), from = Number(slider.value);
      await new Promise((done) => setTimeout(done, 1500));
      return (Number(slider.value) - from + 40) % 40;
    }"""
    page.keyboard.press("p")
    own = page.evaluate(times)
    rate.select_option("5")
    slow = page.evaluate(times)
    assert 15 < own <= 31
    assert 5 <= slow <= 9
    assert window.faults() == []
