"""A clinic's first week: invited, terminal enrolled, first collection, a look, an order, the invoice."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.core import mail
from django.core.cache import cache
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.billing.documents import make_documents
from apps.billing.invoicing import finalize_due
from apps.billing.months import first_day, next_month
from apps.billing.run import run_billing
from apps.contracts.agreeing import activate, draft
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order
from apps.tiers.models import Frequency, Way
from tests.billing.facts import billable
from tests.browser.conftest import Visit
from tests.browser.staff import of_group, staff_window
from tests.conftest import PASSWORD
from tests.contracts.stories import SOLD_FROM, price_list, tier_version
from tests.edge.conftest import Edge, at_the_center
from tests.orders.stories import fulfil, now
from tests.portal.pages import dicom

NAMES = ("Sato^Aki", "Abe^Ren")
PRICES = {"base_fee": "20000", "download": "500"}


@pytest.mark.timeout(300)
def test_from_the_invitation_to_the_invoice(
    visit: Callable[..., Visit], person: Callable[..., User], site: str, settings: Any, tmp_path: Path
) -> None:
    cache.clear()
    settings.PUBLIC_URL = site
    settings.STAFF_SECOND_FACTOR = False
    staff = of_group(person, "keller@center.example", "administrator")
    center = staff_window(visit, staff, site)
    facility = _taken_on(center)
    terminal = _given_a_terminal(center)
    _under_contract(facility)
    link = _invited(center, facility)

    clinic = visit()
    page = clinic.page
    page.goto(link)
    page.get_by_label("Your name").fill("Yui Tanaka")
    page.get_by_label("Choose a password").fill(PASSWORD)
    page.get_by_role("button", name="Sign up and join").click()
    page.wait_for_url("**/f/hoshi/")
    _enrol(page, site, terminal, tmp_path)
    _look(page)
    order = _order(page, staff)
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("Download")).first.click()
    with ZipFile(started.value.path()) as archive:
        assert sum(name.endswith(".dcm") for name in archive.namelist()) == 3
    _invoiced(page, order)
    assert clinic.faults() == []


def _taken_on(center: Page) -> Facility:
    """The administrator makes the facility."""
    center.goto("/admin/facilities/facility/add/")
    center.locator("input[name=name]").fill("Hoshi Clinic")
    center.locator("input[name=slug]").fill("hoshi")
    center.locator("input[name=country]").fill("JP")
    center.locator("select[name=time_zone]").select_option("Asia/Tokyo")
    center.get_by_role("button", name="Save", exact=True).click()
    expect(center.locator("body")).to_contain_text("was added successfully")
    with as_center():
        return Facility.objects.get(slug="hoshi")


def _given_a_terminal(center: Page) -> str:
    center.goto("/admin/collection/terminal/add/")
    center.locator("select[name=facility]").select_option(label="Hoshi Clinic")
    center.locator("input[name=name]").fill("X-ray room")
    center.locator("input[name=push_every_hours]").fill("24")
    center.get_by_role("button", name="Save", exact=True).click()
    expect(center.locator("body")).to_contain_text("was added successfully")
    return "X-ray room"


def _under_contract(facility: Facility) -> None:
    billable(facility)
    prices = price_list(
        tier_version("online", frequency=Frequency.DAILY, ways=[Way.ONLINE]), "JPY", SOLD_FROM, **PRICES
    )
    start, moment = first_day(now().date()), now()
    with as_center():
        contract = draft(
            facility, tier_version=prices.tier_version, price_list=prices, starts_on=start, actor=SYSTEM, now=moment
        )
        activate(contract, by=None, actor=SYSTEM, now=moment)


def _invited(center: Page, facility: Facility) -> str:
    """The link in the owner's mail."""
    center.goto(f"/admin/facilities/facility/{facility.pk}/change/")
    center.get_by_role("link", name="Invite an owner").click()
    dialog = center.locator("#modal-content")
    dialog.get_by_label("E-mail address").fill("tanaka@hoshi.example")
    dialog.locator("button[type=submit]").click()
    expect(center.locator("body")).to_contain_text("tanaka@hoshi.example")
    [message] = [each for each in mail.outbox if each.to == ["tanaka@hoshi.example"]]
    found = re.search(r"https?://\S+", str(message.body))
    assert found
    return found[0]


def _enrol(page: Page, site: str, terminal: str, folder: Path) -> None:
    """A code from the portal, the program at the terminal, and what it sends the first time."""
    page.goto("/f/hoshi/terminals/")
    page.get_by_role("link", name=terminal).first.click()
    page.get_by_role("button", name="Give out a code").click()
    code = page.locator("code#secret").inner_text()
    images = folder / "images"
    images.mkdir()
    for number in (1, 2, 3):
        (images / f"{number}.dcm").write_bytes(dicom(8, number, PatientName=NAMES[0], StudyDescription="Chest"))
    (images / "4.dcm").write_bytes(dicom(9, PatientName=NAMES[1]))
    edge = Edge(folder / "edge")
    edge.run("init", site, code)
    assert "uploaded" in edge.run("watch", images, "--once", "--settled", "0")
    at_the_center()
    assert {each["kind"] for each in edge.run("receipts")} == {"received", "stored"}
    page.goto("/f/hoshi/")
    expect(page.locator("main")).to_contain_text("Sent online")


def _look(page: Page) -> None:
    page.goto("/f/hoshi/studies/")
    page.get_by_role("search").get_by_label("Name, patient ID").fill("Sato")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("link", name="Sato, Aki").click()
    image = page.locator("main img").first
    expect(image).to_have_js_property("complete", value=True)
    assert image.evaluate("image => image.naturalWidth") > 8


def _order(page: Page, staff: User) -> Order:
    """A download, which the center produces within the hour."""
    page.get_by_role("button", name=re.compile("^Order")).first.click()
    page.get_by_role("radio", name="Download").check()
    page.get_by_role("button", name="Get the quote").click()
    page.get_by_role("button", name=re.compile("^Order for")).click()
    expect(page.locator("#standing")).to_contain_text("The center has your order")
    with as_center():
        order = Order.objects.get()
    fulfil(order, staff)
    page.reload()
    return order


def _invoiced(page: Page, order: Order) -> None:
    """The month is over: its invoice has the fee and the order, and opens as a document."""
    month = first_day(now().date())
    after = datetime.combine(next_month(month), datetime.min.time(), now().tzinfo) + timedelta(days=2)
    run_billing(month, as_of=after)
    assert finalize_due(by=None, actor=SYSTEM, now=after + timedelta(days=10), limit=10) == 1
    assert make_documents() == 1
    page.goto("/f/hoshi/invoices/")
    page.locator("main table a").first.click()
    expect(page.locator("main")).to_contain_text("20,000")
    expect(page.locator("main")).to_contain_text("500")
    expect(page.locator("main")).to_contain_text(f"{order}")
    with page.expect_download() as started:
        page.get_by_role("link", name=re.compile("PDF")).first.click()
    assert started.value.path().read_bytes().startswith(b"%PDF")
