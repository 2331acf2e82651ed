"""The portal as a person uses it, with scripts and without."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from apps.catalog.models import Series
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.browser.conftest import Visit


def viewer_address(facility: Facility) -> str:
    with as_facility(facility):
        return f"/f/sakura/series/{Series.objects.get(series_instance_uid='2.25.1.1').pk}/"


@pytest.fixture
def window(clinic: Facility, visit: Callable[..., Visit]) -> Visit:
    signed_in = visit()
    signed_in.sign_in()
    return signed_in


def test_results_follow_what_is_typed(window: Visit) -> None:
    page = window.page
    page.goto("/f/sakura/studies/")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("search").get_by_label("Name, patient ID").press_sequentially("Abe", delay=20)
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody")).to_contain_text("Abe, Ren")
    assert re.fullmatch(r".*/f/sakura/studies/\?search=[\w-]+", page.url)
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert window.faults() == []


def test_a_mistake_in_the_form_is_told_in_place(window: Visit) -> None:
    page = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_text("Search by more").click()
    page.get_by_label("Date of imaging from").fill("2026-05-02")
    page.get_by_label("Date of imaging to").fill("2026-05-01")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("The end is before the beginning")
    assert window.faults() == []


def test_on_a_phone_what_was_found_comes_into_sight_and_the_criteria_close(window: Visit) -> None:
    page = window.page
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/f/sakura/studies/")
    page.get_by_text("Search by more").click()
    page.get_by_label("Patient ID", exact=True).fill("P1")
    page.get_by_role("button", name="Search by these").click()
    expect(page.get_by_label("Patient ID", exact=True)).to_be_hidden()
    expect(page.locator("tbody tr").first).to_be_in_viewport()
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert window.faults() == []


def test_criteria_are_combined_and_taken_away_one_by_one(window: Visit) -> None:
    page = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_text("Search by more").click()
    page.get_by_label("Patient ID", exact=True).fill("P1")
    page.get_by_label("CT", exact=True).check(force=True)
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Remove Patient ID").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.get_by_role("button", name="Remove")).to_have_count(1)


def test_a_study_is_found_opened_and_looked_through(window: Visit) -> None:
    page = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_role("link", name="Mori, Haruka").last.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Mori, Haruka")
    page.get_by_role("link", name="Image 2").click()
    expect(page.locator("[data-viewer-number]")).to_have_text("2 / 3")
    expect(page.locator("[data-viewer-image]")).to_have_js_property("naturalWidth", 16)


def test_keys_slider_and_windows_turn_the_images(window: Visit, clinic: Facility) -> None:
    page = window.page
    page.goto(viewer_address(clinic))
    number, image = page.locator("[data-viewer-number]"), page.locator("[data-viewer-image]")
    first = image.get_attribute("src")
    page.keyboard.press("ArrowRight")
    expect(number).to_have_text("2 / 3")
    expect(image).not_to_have_attribute("src", str(first))
    page.keyboard.press("PageDown")
    expect(number).to_have_text("3 / 3")
    page.locator("[data-viewer-slider]").fill("1")
    expect(number).to_have_text("1 / 3")
    page.get_by_text("Bone").click()
    expect(image).to_have_attribute("src", re.compile("window=bone"))
    expect(number).to_have_text("1 / 3")
    assert window.faults() == []


def test_an_image_is_enlarged_and_dragged_within_its_bounds(window: Visit, clinic: Facility) -> None:
    page = window.page
    page.goto(viewer_address(clinic))
    page.keyboard.press("m")
    image = page.locator("[data-viewer-image]")
    shape = "image => { const m = new DOMMatrix(getComputedStyle(image).transform); return [m.a, m.e, m.f]; }"
    page.get_by_role("button", name="Larger").click()
    page.keyboard.press("+")
    assert image.evaluate(shape) == [2.25, 0, 0]
    box = page.locator("[data-viewer-stage]").bounding_box()
    assert box
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 90, steps=4)
    page.mouse.up()
    assert image.evaluate(shape) == [2.25, 40, -10]
    page.keyboard.press("0")
    assert image.evaluate(shape) == [1, 0, 0]
    assert window.faults() == []


def test_the_original_of_the_image_on_view_is_downloaded(window: Visit, clinic: Facility) -> None:
    page = window.page
    page.goto(viewer_address(clinic))
    page.keyboard.press("ArrowRight")
    with page.expect_download() as download:
        page.get_by_text("Original file").click()
    assert download.value.suggested_filename.endswith(".dcm")
    with open(download.value.path(), "rb") as file:
        assert file.read(132).endswith(b"DICM")


def test_files_of_a_collection_are_filtered_by_outcome(window: Visit) -> None:
    page = window.page
    page.goto("/f/sakura/collections/")
    page.locator(".entry").filter(has_text="could not be read").locator(".entry-head a").click()
    page.get_by_role("link", name="Quarantined").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert window.faults() == []


def test_all_of_it_works_without_scripts(clinic: Facility, visit: Callable[..., Visit]) -> None:
    window = visit(java_script_enabled=False)
    window.sign_in()
    page: Any = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_label("Name, patient ID").fill("Abe")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "Abe" not in page.url
    page.goto(viewer_address(clinic))
    page.get_by_text("Next").click()
    expect(page.locator("[data-viewer-number]")).to_have_text("2 / 3")
    page.get_by_text("Bone").click()
    expect(page.locator("[data-viewer-number]")).to_have_text("2 / 3")
    page.locator(".user-menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/f/sakura/")
    assert "/accounts/login/" in page.url


def test_a_wrong_password_is_told(clinic: Facility, visit: Callable[..., Visit]) -> None:
    window = visit()
    page = window.page
    page.goto("/accounts/login/")
    page.get_by_label("mail").fill("mori@example.org")
    page.get_by_label("Password", exact=False).first.fill("not the one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text("not correct")).to_be_visible()
    assert window.faults() == []
