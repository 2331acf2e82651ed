"""Orders as clinic and center go through them together: film on a printer and a link for the patient, charged once."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.cache import cache
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.billing.gathering import gather
from apps.billing.months import first_day
from apps.contracts.agreeing import versions_of
from apps.contracts.models import Contract
from apps.dicomnet.printing import print_due
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order, OrderKind
from apps.orders.producing import produce_due
from tests.browser.conftest import PHONE, Visit
from tests.browser.staff import of_group, staff_window
from tests.dicomnet.film_printers import dcmprscp, printed_by
from tests.orders.shares import BORN
from tests.orders.sheet_stories import printer
from tests.orders.stories import may_order, now
from tests.portal.pages import dicom, store

PRICES = {"base_fee": "20000", "film": "600", "share": "300", "delivery": "1000"}


def order(page: Page, kind: str) -> None:
    """Search, look, choose, quote, request."""
    page.goto("/f/sakura/studies/")
    page.get_by_role("search").get_by_label("Name, patient ID").fill("Sato")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Sato, Aki").click()
    expect(page.locator("img").first).to_have_js_property("complete", value=True)
    page.get_by_role("button", name=re.compile("^Order")).first.click()
    page.get_by_role("radio", name=kind).check()
    expect(page.get_by_role("radio", name="Normal")).to_be_visible()
    if kind == "Film":
        sheet = page.get_by_alt_text("Sheet 1 of 1")
        sheet.scroll_into_view_if_needed()
        expect(sheet).to_have_js_property("complete", value=True)
        assert sheet.evaluate("image => image.naturalWidth") > 100
    page.get_by_role("button", name="Get the quote").click()
    page.get_by_role("button", name=re.compile("^Order for")).click()
    expect(page.locator("#standing")).to_contain_text("The center has your order")


def act(page: Page, wanted: Order, name: str, told: str, **fields: str) -> None:
    """What staff do on the page of an order, with the dialog that asks them, and what they are told."""
    page.goto(f"/admin/orders/order/{wanted.pk}/change/")
    page.locator(f"a[href$='/{wanted.pk}/{name}/']").click()
    dialog = page.locator("#modal-content")
    for label, value in fields.items():
        dialog.get_by_label(label).select_option(label=value)
    dialog.locator("button[type=submit]").click()
    expect(page.locator("body")).to_contain_text(told)


def test_film_and_a_link_from_the_search_to_the_charges(
    clinic: Facility,
    visit: Callable[..., Visit],
    person: Callable[..., User],
    site: str,
    settings: Any,
    tmp_path: Path,
) -> None:
    cache.clear()
    settings.PUBLIC_URL = site
    settings.STAFF_SECOND_FACTOR = False
    store(clinic, *(dicom(8, number, PatientName="Sato^Aki", PatientBirthDate=BORN) for number in (1, 2, 3)))
    contract: Contract = may_order(clinic, **PRICES)
    desk = visit()
    desk.sign_in()
    order(desk.page, "Film")
    order(desk.page, "Share link")
    with as_center():
        film, link = Order.objects.get(kind=OrderKind.FILM), Order.objects.get(kind=OrderKind.SHARE)
    center = staff_window(visit, of_group(person, "endo@center.example", "operator"), site)
    for each in (film, link):
        act(center, each, "accept", "The order is yours")
        act(center, each, "start_production", "It is being produced")
    assert produce_due() == 2
    act(center, film, "dispatch", "It has not been printed yet")
    with dcmprscp(tmp_path) as port:
        printer(port, film_sizes=["14INX17IN"])
        act(
            center,
            film,
            "print_film",
            "It is printed within a minute",
            **{"Printer": "Imager", "Medium type": "Blue film"},
        )
        assert print_due() == 1
    [(_sheet, images)] = printed_by(tmp_path)
    assert len(images) == 3
    for each in (film, link):
        act(center, each, "dispatch", "It is dispatched")
    desk.page.goto(f"/f/sakura/orders/{film.pk}/")
    expect(desk.page.locator("#standing")).to_contain_text("Dispatched")
    desk.page.get_by_role("button", name="I have it").click()
    desk.page.goto(f"/f/sakura/orders/{link.pk}/")
    desk.page.get_by_role("button", name="Make the link").click()
    address, code = (desk.page.locator(each).inner_text() for each in ("#address", ".secret > code"))
    phone = visit(size=PHONE, has_touch=True, is_mobile=True).page
    phone.goto(address)
    phone.get_by_label("Code").fill(code)
    phone.get_by_label("date of birth").fill("1980-02-29")
    phone.get_by_role("button", name="Show the images").click()
    expect(phone.get_by_role("heading", name="Images from Sakura Clinic")).to_be_visible()
    with as_center():
        usage = gather(contract, versions_of(contract), first_day(now().date()))
    charged = sorted((deed.item, deed.quantity, deed.quoted_price or Decimal(0)) for deed in usage.deeds)
    assert charged == [
        ("delivery", Decimal(1), Decimal(1000)),
        ("film", Decimal(1), Decimal(600)),
        ("share", Decimal(1), Decimal(300)),
    ]
    assert desk.faults() == []
