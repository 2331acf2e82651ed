"""Every page of the portal: no complaint of the console or the policy, none of axe-core, none wider than a phone."""

from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from apps.catalog.models import Instance
from apps.collection.models import Collection, Terminal
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.orders.models import Order
from apps.tiers.models import TierVersion
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.orders.stories import quoted, requested
from tests.portal.plans import sell, serve

OUTSIDE = ["/accounts/login/", "/accounts/password/reset/", "/no-such-page/"]
ACCOUNT = [
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/password/change/",
    "/accounts/email/",
    "/accounts/logout/",
]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def pages_of(facility: Facility) -> list[str]:
    with as_facility(facility):
        image = Instance.objects.filter(has_pixel_data=True).select_related("series__study").earliest("pk")
        collections = Collection.objects.order_by("pk").values_list("pk", flat=True)
        inside = ["", "studies/", f"studies/{image.series.study_id}/", f"series/{image.series_id}/", "collections/"]
        inside += [f"collections/{pk}/" for pk in collections]
        inside += ["storage-periods/", "care-events/", f"patients/{image.series.study.patient_id}/care-events/"]
        inside += ["terminals/", f"terminals/{Terminal.objects.get().pk}/", "members/", "tokens/"]
        offered = TierVersion.objects.earliest("pk")
        inside += ["plan/", "plan/?studies=20&mb=100&films=5&urgency=7&budget=50000", f"plan/tiers/{offered.pk}/"]
        orders = Order.objects.order_by("pk").values_list("pk", flat=True)
        inside += ["orders/", "orders/new", *(f"orders/{pk}/" for pk in orders)]
    return [f"/f/{facility.slug}/{path}" for path in inside] + ACCOUNT


def barriers(page: Page, axe: str) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{page.url} {each['id']}: {node['html'][:160]} | {' '.join(node['failureSummary'].split())[:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_pages_are_open_to_everybody(
    size: tuple[int, int], scheme: str, clinic: Facility, visit: Callable[..., Visit], axe: str
) -> None:
    tiers = sell()
    serve(clinic, tiers["monthly"], starts_on=timezone.localdate())
    quoted(clinic)
    requested(clinic)
    window = visit(size=size, color_scheme=scheme, reduced_motion="reduce")
    found: list[str] = []

    def look(path: str) -> None:
        window.page.goto(path, wait_until="networkidle")
        found.extend(barriers(window.page, axe))
        found.extend(f"{path}: {fault}" for fault in window.page.evaluate("window.violations"))
        width = window.page.evaluate("document.documentElement.scrollWidth")
        if width > size[0]:
            found.append(f"{path} is {width} wide")

    for path in OUTSIDE:
        look(path)
    window.sign_in()
    for path in pages_of(clinic):
        look(path)
    complaints = [each for each in window.complaints if "no-such-page" not in each]
    assert sorted(set(found + complaints)) == []


def test_the_keyboard_alone_reaches_the_content_and_the_menu(clinic: Facility, visit: Callable[..., Visit]) -> None:
    window = visit()
    window.sign_in()
    page = window.page
    page.goto("/f/sakura/studies/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.name") == "text"
    page.goto("/f/sakura/")
    labels = []
    for _ in range(14):
        page.keyboard.press("Tab")
        labels.append(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))
    assert labels[2:13] == [
        "Overview", "Studies", "Orders", "Storage periods", "Accountability", "Collections", "Terminals", "Plan",
        "Invoices", "Team", "Device tokens",
    ]  # fmt: skip


def test_the_menu_of_the_person_opens_and_closes_by_keys(clinic: Facility, visit: Callable[..., Visit]) -> None:
    window = visit()
    window.sign_in()
    summary = window.page.locator(".user-menu > summary")
    summary.focus()
    window.page.keyboard.press("Enter")
    assert window.page.get_by_role("button", name="Sign out").is_visible()
    window.page.keyboard.press("Escape")
    assert not window.page.get_by_role("button", name="Sign out").is_visible()
    assert summary.evaluate("element => element === document.activeElement")


def test_the_colours_follow_the_system_until_somebody_chooses(clinic: Facility, visit: Callable[..., Visit]) -> None:
    window = visit(color_scheme="dark")
    window.sign_in()
    theme = "document.documentElement.dataset.bsTheme"
    assert window.page.evaluate(theme) == "dark"
    window.page.locator(".user-menu > summary").click()
    window.page.get_by_role("button", name="Light colours").click()
    assert window.page.evaluate(theme) == "light"
    window.page.reload()
    assert window.page.evaluate(theme) == "light"
