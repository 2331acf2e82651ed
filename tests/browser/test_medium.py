"""A disc opened from its files alone: no server, no network, pictures of real pixels."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.orders.models import OrderKind
from tests.browser.conftest import DESKTOP, PHONE
from tests.orders.media import CD, corrupt, mounted, ordered, produced, report, slices, unpacked
from tests.orders.stories import may_order
from tests.portal.pages import dicom, store

SHADES = """() => {
  const picture = document.getElementById("picture");
  return [picture.complete, picture.naturalWidth, picture.naturalHeight];
}"""


@pytest.fixture
def disc(committed_db: None, sakura: Facility, person: Callable[..., User], tmp_path: Path) -> Path:
    staff = person("staff@center.example", is_staff=True)
    may_order(sakura, base_fee="20000", medium="1500", delivery="900")
    japanese = {"PatientName": "Mori^Haruka=森^遥=もり^はるか", "SpecificCharacterSet": "ISO_IR 192", "PatientID": "P1"}
    store(sakura, *slices(1, 5, StudyDescription="頭部 CT", **japanese), report(1), dicom(2, 1), corrupt(2))
    unpacked(produced(order := ordered(sakura, staff, OrderKind.MEDIUM, **CD)), tmp_path)
    return mounted(tmp_path / f"{order}-1.iso", tmp_path / "disc")


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_the_viewer_opens_from_the_disc(browser: Browser, disc: Path, size: tuple[int, int]) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((disc / "INDEX.HTM").as_uri())
    expect(page.get_by_role("heading", name="森 遥").first).to_be_visible()
    caption = page.locator("#caption")
    expect(caption).to_contain_text("(1 / 5)")
    page.keyboard.press("ArrowDown")
    expect(caption).to_contain_text("(2 / 5)")
    page.mouse.move(size[0] * 0.7, size[1] * 0.6)
    page.mouse.wheel(0, 100)
    expect(caption).to_contain_text("(3 / 5)")
    page.keyboard.press("End")
    expect(caption).to_contain_text("(5 / 5)")
    page.wait_for_function("document.getElementById('picture').complete")
    assert page.evaluate(SHADES) == [True, 128, 128]
    shown = page.locator("#stage").screenshot()
    page.get_by_label("Levels").select_option("bright")
    assert page.locator("#stage").screenshot() != shown
    page.get_by_role("button", name="Larger").click()
    assert "scale(1.25)" in (page.locator("#picture").get_attribute("style") or "")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    expect(page.locator("#reason")).to_contain_text("without a picture")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert (disc / page.get_by_role("link", name="所見").get_attribute("href")).is_file()  # type: ignore[operator]
    assert complaints == []
    context.close()
