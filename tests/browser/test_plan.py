"""Choosing a tier and changing to it, as an owner does: simulator, amounts, name, signed contract."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from apps.collection.models import Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.browser.conftest import PHONE, Visit
from tests.portal.plans import sell, serve, store_since


@pytest.fixture
def served(clinic: Facility) -> Facility:
    today = timezone.localdate()
    serve(clinic, sell()["monthly"], starts_on=today - timedelta(days=400))
    store_since(clinic, today - timedelta(days=400), today)
    return clinic


def test_a_tier_is_chosen_and_changed_to(served: Facility, visit: Callable[..., Visit]) -> None:
    window = visit()
    window.sign_in()
    page = window.page
    page.get_by_role("link", name="Plan", exact=True).click()
    page.get_by_label("Every image is safe").select_option("within a week")
    page.get_by_label("Budget a month").fill("20000")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".plan-best")).to_contain_text("above your budget")
    page.get_by_label("Budget a month").fill("90000")
    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".plan-best")).to_contain_text("of your budget")
    page.get_by_role("link", name="Choose Weekly visit").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Monthly visit → Weekly visit")
    page.get_by_label("Now").check()
    page.get_by_label("Your full name").fill("Mori Haruka")
    page.get_by_role("button", name="Sign and agree").click()
    expect(page.get_by_text("Signed: Weekly visit from")).to_be_visible()
    expect(page.locator("#now-title")).to_have_text("Weekly visit")
    with page.expect_download() as download:
        page.get_by_role("link", name="Signed contract (PDF)").click()
    assert download.value.suggested_filename.endswith("-2.pdf")
    with open(download.value.path(), "rb") as file:
        assert file.read(5) == b"%PDF-"
    assert window.faults() == []


def test_a_terminal_that_fills_up_leads_to_the_simulator(served: Facility, visit: Callable[..., Visit]) -> None:
    window = visit(size=PHONE)
    window.sign_in()
    page = window.page
    with as_facility(served):
        terminal = Terminal.objects.get()
    page.goto(f"/f/sakura/terminals/{terminal.pk}/")
    page.get_by_role("link", name="See what that would cost").click()
    expect(page.get_by_label("Every image is safe")).to_have_value("1")
    expect(page.locator(".plan-best")).to_contain_text("every image safe within a day")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert window.faults() == []
