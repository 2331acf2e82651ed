"""The workplace by the keyboard alone: menus, filters and dialogs open, keep the focus, close, and give it back."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.catalog.models import Hold
from apps.collection.models import Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.browser.conftest import PHONE, Visit
from tests.browser.staff import of_group, staff_window
from tests.retention.workplace import list_address, page_address


@pytest.fixture
def window(
    clinic: Facility, visit: Callable[..., Visit], person: Callable[..., User], site: str, settings: Any
) -> Callable[..., Page]:
    """Open a window in which an administrator has signed in."""
    settings.STAFF_SECOND_FACTOR = False
    user = of_group(person, "keller@center.example", "administrator")
    return lambda **options: staff_window(lambda: visit(reduced_motion="reduce", **options), user, site)


def test_a_dialog_keeps_the_focus_and_gives_it_back(window: Callable[..., Page]) -> None:
    page = window()
    with as_center():
        terminal = Terminal.objects.get()
    page.goto(page_address(terminal))
    opener = page.get_by_role("link", name="Retire")
    opener.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Retire this terminal?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("button", name="Retire", exact=False).last).to_be_focused()
    for _ in range(8):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.getElementById('page').contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("button", name="Retire", exact=False).last).to_be_focused()
    dialog.get_by_role("button", name="Cancel").press("Enter")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()
    with as_center():
        assert Terminal.objects.get().retired_at is None


def test_the_menus_open_and_close_by_keys(window: Callable[..., Page]) -> None:
    page = window()
    page.goto("/admin/")
    opener = page.locator(".account-opener")
    opener.press("Enter")
    links = page.get_by_role("navigation", name="Your account")
    expect(links).to_be_visible()
    expect(opener).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(links.get_by_role("button", name="Light")).to_be_focused()
    page.keyboard.press("Escape")
    expect(links).to_be_hidden()
    expect(opener).to_be_focused()
    phone = window(size=PHONE)
    phone.goto("/admin/")
    menu, button = phone.get_by_role("navigation", name="Menu"), phone.locator("#menu-opener")
    expect(menu).to_be_hidden()
    button.press("Enter")
    expect(menu).to_be_visible()
    expect(phone.get_by_role("button", name="Close the menu")).to_be_focused()
    phone.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_the_filters_open_apply_and_close_by_keys(window: Callable[..., Page], lindenhof: Facility) -> None:
    page = window(size=PHONE)
    page.goto(list_address(Hold))
    opener = page.get_by_role("button", name="Filters", exact=True)
    opener.press("Enter")
    expect(page.get_by_role("button", name="Close the filters")).to_be_focused()
    page.keyboard.press("Escape")
    sheet = page.locator("#changelist-filter")
    expect(sheet).to_be_hidden()
    expect(opener).to_be_focused()
    opener.press("Enter")
    sheet.get_by_label("facility", exact=False).select_option(label=lindenhof.name)
    sheet.get_by_role("button", name="Apply Filters").press("Enter")
    page.wait_for_url(f"**facility__id__exact={lindenhof.pk}*")


def test_a_dialog_opened_by_its_address_works_without_scripts(window: Callable[..., Page]) -> None:
    page = window(java_script_enabled=False)
    with as_center():
        terminal = Terminal.objects.get()
    page.goto(f"/admin/collection/terminal/{terminal.pk}/retire/")
    page.get_by_role("button", name="Retire").click()
    page.wait_for_url("**/change/")
    with as_center():
        assert Terminal.objects.get().retired_at is not None
