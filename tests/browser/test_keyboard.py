"""The keyboard alone: menus, questions, dialogs, the list of studies, the order form and the viewer."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Series
from apps.facilities.models import Facility, Membership, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.orders.models import Order
from apps.orders.working import accept
from tests.browser.conftest import Visit
from tests.orders.stories import may_order, now

HAS_FOCUS = "element => element === document.activeElement"
IS_WITHIN = "element => element.contains(document.activeElement)"


@pytest.fixture
def page(clinic: Facility, visit: Callable[..., Visit]) -> Page:
    window = visit(reduced_motion="reduce")
    window.sign_in()
    return window.page


def pressed(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def is_opened_and_closed(page: Page, opener: Locator, sheet: Locator) -> None:
    """By Enter, with what is in it next; closed by Escape, with the focus back, and by going on."""
    opener.focus()
    pressed(page, "Enter")
    expect(sheet).to_be_visible()
    pressed(page, "Tab")
    assert sheet.evaluate(IS_WITHIN)
    pressed(page, "Escape")
    expect(sheet).to_be_hidden()
    assert opener.evaluate(HAS_FOCUS)
    pressed(page, "Enter")
    expect(sheet).to_be_visible()
    pressed(page, "Shift+Tab")
    expect(sheet).to_be_hidden()


def test_menus_and_questions_open_close_and_give_the_focus_back(page: Page, clinic: Facility, lindenhof: Facility,
                                                                person: Callable[..., User]) -> None:  # fmt: skip
    issue_token(clinic, label="CT 1", scopes=[Scope.STORE], actor=SYSTEM)
    person("abe@example.org", sakura=Role.VIEWER)
    with as_center():
        Membership.objects.create(facility=lindenhof, user=User.objects.get(email="mori@example.org"), role=Role.OWNER)
    for path, opener, sheet in (
        ("", ".user-menu > summary", ".user-menu .menu-sheet"),
        ("", ".facility-switch > summary", ".facility-switch .menu-sheet"),
        ("tokens/", ".ask > summary", ".ask-sheet"),
        ("members/", "tr:has-text('abe@example.org') .ask > summary", "tr:has-text('abe@example.org') .ask-sheet"),
    ):
        page.goto(f"/f/sakura/{path}")
        is_opened_and_closed(page, page.locator(opener), page.locator(sheet))


def test_studies_are_chosen_and_ordered_by_keys(page: Page, clinic: Facility) -> None:
    """The part of the form that the server renews keeps the focus, whatever was changed."""
    may_order(clinic)
    page.goto("/f/sakura/studies/")
    page.get_by_label("Choose Abe, Ren").focus()
    pressed(page, "Space")
    page.get_by_role("button", name="Order the chosen").focus()
    pressed(page, "Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("New order")
    kinds = page.get_by_role("radio", name="Download"), page.get_by_role("radio", name="Disc or stick")
    kinds[0].focus()
    while not kinds[1].is_checked():
        with page.expect_response("**/orders/new"):
            pressed(page, "ArrowDown")
    expect(page.get_by_label("Copies")).to_be_visible()
    assert kinds[1].evaluate(HAS_FOCUS)
    copies = page.get_by_label("Copies")
    copies.focus()
    pressed(page, "ArrowUp")
    with page.expect_response("**/orders/new"):
        pressed(page, "Tab")
    expect(page.locator(".offer-price").first).to_be_visible()
    assert page.locator("#wanted").evaluate(IS_WITHIN)
    page.get_by_role("radio", name="Normal").focus()
    with page.expect_response("**/orders/new"):
        pressed(page, "ArrowDown")
    expect(page.get_by_role("radio", name="Urgent")).to_be_checked()
    page.get_by_role("button", name="Get the quote").focus()
    pressed(page, "Enter")
    expect(page.locator("#standing")).to_contain_text("Nothing is ordered yet")


def test_a_part_that_is_renewed_keeps_the_focus(page: Page, clinic: Facility, person: Callable[..., User]) -> None:
    """The state of an order that is followed, with the focus on a button of it that has no name of its own."""
    may_order(clinic)
    staff = person("staff@center.example", is_staff=True)
    page.goto("/f/sakura/studies/")
    page.get_by_label("Choose Abe, Ren").check()
    page.get_by_role("button", name="Order the chosen").click()
    page.get_by_role("radio", name="Download").check()
    page.get_by_role("button", name="Get the quote").click()
    page.get_by_role("button", name="Order for").click()
    cancel = page.get_by_role("button", name="Cancel the order")
    cancel.focus()
    with as_center():
        accept(Order.objects.get(), by=staff, actor=SYSTEM, now=now())
    expect(page.locator("#standing")).to_contain_text("has taken your order on")
    assert cancel.evaluate(HAS_FOCUS)


def test_every_control_of_the_viewer_works_by_keys(page: Page, clinic: Facility) -> None:
    with as_facility(clinic):
        series = Series.objects.get(series_instance_uid="2.25.1.1").pk
    page.goto(f"/f/sakura/series/{series}/")
    expect(page.locator("[data-viewer-window-now]")).not_to_be_empty()
    for name in ("Window", "Move", "Turn", "Measure"):
        tool = page.get_by_role("button", name=name, exact=True)
        tool.focus()
        pressed(page, "Enter")
        expect(tool).to_have_attribute("aria-pressed", "true")
    is_measured_by_keys(page)
    image = page.locator("[data-viewer-image]")
    shape = "image => { const m = new DOMMatrix(getComputedStyle(image).transform); return [m.a, m.e]; }"
    pressed(page, "m", "+", "Shift+ArrowRight", "Shift+ArrowRight")
    assert image.evaluate(shape) == [1.5, 30]
    for name, selector in (("Invert", ".is-inverted"), ("Play", "[data-viewer-play][aria-pressed=true]")):
        page.get_by_role("button", name=name, exact=True).focus()
        pressed(page, "Space")
        expect(page.locator(selector)).to_have_count(1)
    pressed(page, "p", "Home")
    page.locator("[data-viewer-slider]").focus()
    pressed(page, "ArrowRight")
    expect(page.locator("[data-viewer-number]")).to_have_text("2 / 3")
    page.get_by_role("link", name="Next image").focus()
    pressed(page, "Enter")
    expect(page.locator("[data-viewer-number]")).to_have_text("3 / 3")
    keys = page.get_by_role("button", name="Keys")
    keys.focus()
    pressed(page, "Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(5):
        pressed(page, "Tab")
        assert page.evaluate(
            "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
        )
    pressed(page, "Escape")
    expect(dialog).to_be_hidden()
    assert keys.evaluate(HAS_FOCUS)


def is_measured_by_keys(page: Any) -> None:
    """Its beginning is placed, then its end; Enter ends each."""
    pressed(page, "l", "Shift+ArrowLeft", "Enter", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown", "Enter")
    expect(page.locator("[data-viewer-said]")).not_to_be_empty()
    [begun, ended] = page.locator("[data-viewer-drawing] circle").evaluate_all(
        "ends => ends.map((end) => [Number(end.getAttribute('cx')), Number(end.getAttribute('cy'))])"
    )
    assert [ended[0] - begun[0], ended[1] - begun[1]] == pytest.approx([30, 15])
