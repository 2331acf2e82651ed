"""A share link as clinic and receiver go through it: made on a desk, opened on a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.choosing import Choice
from apps.orders.models import ShareLink
from tests.browser.conftest import PHONE, Visit
from tests.browser.test_accessibility import barriers
from tests.orders.shares import BORN, share_order
from tests.orders.stories import may_order
from tests.portal.pages import dicom, store


def test_from_the_clinic_to_the_patients_phone(
    clinic: Facility, visit: Callable[..., Visit], person: Callable[..., User], axe: str, site: str, settings: Any
) -> None:
    cache.clear()
    settings.PUBLIC_URL = site
    store(clinic, *(dicom(8, number, PatientBirthDate=BORN, StudyDescription="Knee") for number in (1, 2, 3)))
    may_order(clinic, base_fee="20000", share="300")
    order = share_order(clinic, person("staff@center.example", is_staff=True), Choice("2.25.8"))
    desk = visit()
    desk.sign_in()
    desk.page.goto(f"/f/sakura/orders/{order.pk}/")
    desk.page.get_by_role("button", name="Make the link").click()
    address, code = (desk.page.locator(each).inner_text() for each in ("#address", ".secret > code"))
    found = barriers(desk.page, axe)
    expect(desk.page.get_by_alt_text("QR code of the link")).to_have_js_property("complete", value=True)

    phone = visit(size=PHONE, has_touch=True, is_mobile=True)
    page = phone.page
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.url.partition('#')[0]} {request.headers.get('referer')}"))
    page.goto(address)
    expect(page.get_by_label("Key of the link")).to_be_hidden()
    found += barriers(page, axe)
    page.get_by_label("Code").fill("0000 0000")
    page.get_by_label("date of birth").fill("1980-02-29")
    page.get_by_role("button", name="Show the images").click()
    expect(page.get_by_role("alert")).to_contain_text("This does not open")
    page.get_by_label("Code").fill(code)
    page.get_by_label("date of birth").fill("1980-02-29")
    page.get_by_role("button", name="Show the images").click()
    expect(page.get_by_role("heading", name="Images from Sakura Clinic")).to_be_visible()
    found += barriers(page, axe)
    page.get_by_role("link", name="3 images").click()
    expect(page.locator("output")).to_have_text("1 / 3")
    page.get_by_role("link", name="Next image").tap()
    expect(page.locator("output")).to_have_text("2 / 3")
    expect(page.locator(".viewer-image")).to_have_js_property("complete", value=True)
    assert page.locator(".viewer-image").evaluate("image => image.naturalWidth") > 0
    page.locator("[data-stage]").hover()
    page.mouse.wheel(0, 100)
    expect(page.locator("output")).to_have_text("3 / 3")
    found += barriers(page, axe)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.get_by_role("link", name="All images").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    with ZipFile(Path(download.value.path())) as archive:
        assert len(archive.namelist()) == 3 + 2
    token = address.partition("#")[2]
    assert not any(token in each for each in sent)
    with as_center():
        assert ShareLink.objects.get().downloads_left == 1
    desk.page.goto(f"/f/sakura/orders/{order.pk}/")
    for told in ("Opened", "Downloaded", "Wrong birth date or code"):
        expect(desk.page.locator("[aria-labelledby=share]")).to_contain_text(told)
    found += barriers(desk.page, axe)
    assert found == []
    assert [each for each in (*desk.faults(), *phone.faults()) if "403" not in each] == []


@pytest.mark.parametrize("scheme", ["dark"])
def test_without_script_the_key_is_typed(clinic: Facility, visit: Callable[..., Visit], scheme: str) -> None:
    page = visit(size=PHONE, java_script_enabled=False, color_scheme=scheme).page
    page.goto("/s/#key")
    expect(page.get_by_label("Key of the link")).to_be_visible()
