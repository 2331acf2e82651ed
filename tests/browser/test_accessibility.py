"""Every page: no complaint of the console or the policy, none of axe-core, none wider than the narrowest phone."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.collection.models import Terminal
from apps.facilities.invitations import invite
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.orders.choosing import Choice
from tests.browser.conftest import DESKTOP, Visit
from tests.core import test_admin
from tests.crawling import UNFINISHED, crawl
from tests.facilities.test_urls import RIGHTS
from tests.orders.shares import enter, linked, share_order
from tests.orders.stories import quoted
from tests.portal.plans import sell

world, superuser = test_admin.world, test_admin.superuser
NARROW = (360, 740)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
OF_LOOKS = {"runOnly": {"type": "rule", "values": ["color-contrast", "target-size", "link-in-text-block"]}}
"""What another width and other colours may change."""
OUTSIDE = ["/accounts/login/", "/accounts/password/reset/", "/accounts/password/reset/done/", "/s/", "/no-such-page/"]
ACCOUNT = [
    "/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/", "/accounts/2fa/recovery-codes/",
    "/accounts/sessions/", "/accounts/password/change/", "/accounts/email/", "/accounts/logout/",
    "/accounts/reauthenticate/",
]  # fmt: skip
ASKED = ["/f/sakura/orders/new", "/f/sakura/plan/?studies=20&mb=100&films=5&urgency=7&budget=50000"]
SEEN_ELSEWHERE = {  # files; what scripts ask for; what has tests of its own or needs a deletion, a report or Stripe
    "portal:facts", "portal:checkpoint", "portal:order_output", "portal:report", "portal:report_file", "portal:ohif",
    "portal:ohif_part", "portal:card_entered", "portal:cart", "portal:sheet", "portal:sign_version",
    "portal:open_entry", "portal:invoice_document", "portal:e_invoice", "portal:certificate",
    "portal:certificate_document", "portal:receipt_proof",
}  # fmt: skip
ALIKE = re.compile(r"_(changelist|change|add|history|delete)$")
ALIKE_SHOWN = {"catalog_study_", "orders_order_", "facilities_facility_"}


def pages_of(client: Client, start: str, found: set[str] | None = None) -> dict[str, str]:
    """View and address of every sort of page that a person finds; `found` is told of the views of files as well."""
    pages, views = {}, set[str]() if found is None else found
    for view, address, answer in crawl(client, start, most_of_a_kind=1, leave_out=UNFINISHED):
        views.add(view)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            pages[view] = address
    return pages


def is_shown(view: str, address: str) -> bool:
    """Of the workplace's lists and forms, which are made alike, some; of its other pages those of no single object."""
    if ALIKE.search(view):
        return any(name in view for name in ALIKE_SHOWN)
    return not re.search(r"\d|/bell/", address)


def barriers(page: Page, axe: str, rules: dict[str, Any] = RULES) -> list[str]:
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run(document, rules)", rules)
    return [
        f"{page.url} {each['id']}: {node['html'][:160]} | {' '.join(node['failureSummary'].split())[:200]}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


class Inspector:
    """Looks at pages in a window; `faults` is what there is to say about them."""

    def __init__(self, window: Visit, axe: str, rules: dict[str, Any]) -> None:
        self.window, self.axe, self.rules, self.faults = window, axe, rules, list[str]()

    def look_as(self, client: Client, paths: Iterable[str]) -> None:
        """Be whom a test's client is, and look."""
        cookies = [
            {"name": name, "value": each.value, "url": self.window.site, "httpOnly": True}
            for name, each in client.cookies.items()
        ]
        self.window.context.clear_cookies()
        self.window.context.add_cookies(cookies)  # type: ignore[arg-type]
        for path in paths:
            self.look(path)

    def look(self, path: str) -> None:
        page = self.window.page
        page.goto(path, wait_until="load")
        self.faults += barriers(page, self.axe, self.rules)
        self.faults += [f"{path}: {fault}" for fault in page.evaluate("window.violations")]
        width, wanted = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if width > wanted:
            self.faults.append(f"{path} is {width} wide")

    def found(self) -> list[str]:
        """Also what the console said; that a page is missing or forbidden is told there and wanted here."""
        said = [each for each in self.window.complaints if "status of 40" not in each]
        return sorted({*self.faults, *said})


@pytest.fixture
def furnished(
    world: Any, clinic: Facility, lindenhof: Facility, person: Callable[..., User], settings: Any
) -> tuple[Client, str]:
    """A clinic of which there is something on every page, and one that is new; a receiver's browser and their page."""
    settings.STAFF_SECOND_FACTOR = False
    sell(but="monthly")  # which is sold already
    with as_center():
        Terminal.objects.filter(pk=Terminal.objects.earliest("pk").pk).update(name="Angiography")
    quoted(clinic)
    shared = share_order(clinic, person("worker@center.example", is_staff=True), Choice("2.25.1"))
    receiver, answer = enter(linked(shared), birth_date="")
    return receiver, answer["Location"]


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_the_clinics_pages_are_open_to_everybody(
    furnished: tuple[Client, str], clinic: Facility, visit: Callable[..., Visit], axe: str,
    signed_in: Callable[..., Client],
) -> None:  # fmt: skip
    receiver, share = furnished
    owner = signed_in("owner@clinics.example", sakura=Role.OWNER, lindenhof=Role.OWNER)
    found = set[str]()
    inside = pages_of(owner, "/f/sakura/", found)
    assert readable_views() - found - SEEN_ELSEWHERE == set()
    inside.pop("portal:bell")  # a part of pages
    new = [address for view, address in pages_of(owner, "/f/lindenhof/").items() if view in inside]
    by = User.objects.get(pk=owner.session["_auth_user_id"])
    _invitation, secret = invite(facility=clinic, email="n@example.org", role=Role.MEMBER, invited_by=by, actor=SYSTEM)
    desktop = Inspector(visit(size=DESKTOP, color_scheme="light", reduced_motion="reduce"), axe, RULES)
    phone = Inspector(visit(size=NARROW, color_scheme="dark", reduced_motion="reduce"), axe, OF_LOOKS)
    for path in [*OUTSIDE, f"/invitations/{secret}/"]:
        desktop.look(path)
    desktop.look_as(owner, [*inside.values(), *ACCOUNT, *ASKED])
    desktop.look_as(signed_in("viewer@clinics.example", sakura=Role.VIEWER), ["/f/sakura/", "/f/sakura/tokens/"])
    phone.look_as(owner, [*inside.values(), *ASKED, *new])
    phone.look_as(receiver, pages_of(receiver, share).values())
    assert desktop.found() + phone.found() == []


@pytest.mark.slow
@pytest.mark.usefixtures("committed_db")
def test_the_workplaces_pages_are_open_to_everybody(
    furnished: tuple[Client, str], superuser: Client, visit: Callable[..., Visit], axe: str
) -> None:
    pages = [address for view, address in pages_of(superuser, "/admin/").items() if is_shown(view, address)]
    assert len(pages) > 10, pages
    desktop = Inspector(visit(size=DESKTOP, color_scheme="light", reduced_motion="reduce"), axe, RULES)
    phone = Inspector(visit(size=NARROW, color_scheme="dark", reduced_motion="reduce"), axe, OF_LOOKS)
    desktop.look_as(superuser, pages)
    phone.look_as(superuser, pages)
    assert desktop.found() + phone.found() == []


def readable_views() -> set[str]:
    """Every address of the clinics' pages that is read and not posted to."""
    return {
        name for name, rights in RIGHTS.items()
        if name.startswith(("portal:", "facilities:")) and any(right.method == "get" for right in rights)
    }  # fmt: skip


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
    for _ in range(16):
        page.keyboard.press("Tab")
        labels.append(page.evaluate("document.activeElement.textContent.trim().replace(/\\s+/g, ' ')"))
    assert labels[2].startswith("Notifications")
    assert labels[3:15] == [
        "Overview", "Studies", "Orders", "Storage periods", "Accountability", "Collections", "Terminals", "Plan",
        "Invoices", "Team", "Device tokens", "Webhooks",
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


def test_a_page_works_by_the_keyboard_with_its_focus_in_sight(clinic: Facility, visit: Callable[..., Visit]) -> None:
    """Wherever the focus goes there is an outline around it, on something that is there to be seen."""
    window = visit(size=NARROW, reduced_motion="reduce")
    window.sign_in()
    page = window.page
    for path in ("/f/sakura/studies/", "/f/sakura/members/", "/f/sakura/plan/"):
        page.goto(path)
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            at = page.evaluate(FOCUS)
            if at is None:
                break
            reached.append(at)
        assert len(reached) > 12, path
        assert [each for each in reached if not each["isSeen"]] == [], path


FOCUS = """() => {
  const at = document.activeElement;
  if (!at || at === document.body) return null;
  const style = getComputedStyle(at), box = at.getBoundingClientRect();
  const isOutlined = (style.outlineStyle !== "none" && style.outlineWidth !== "0px") || style.boxShadow !== "none";
  const isThere = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
  return { isSeen: isOutlined && isThere, isOutlined, isThere, what: at.outerHTML.slice(0, 120) };
}"""
