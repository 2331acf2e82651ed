"""A browser, and the whole application for it to look at: real pages, real policies, real images."""

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect, sync_playwright

from apps.accounts.models import User
from apps.collection.capacity import report_capacity
from apps.collection.models import Terminal
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from tests.conftest import PASSWORD
from tests.portal.pages import dicom, document, store

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PHONE, DESKTOP = (390, 844), (1440, 900)
PATIENCE_MS = 20_000  # a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE_MS)
OBSERVE = """
  window.violations = [];
  document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # while Playwright's event loop is in this thread
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def site(browser: Browser, committed_db: None) -> Iterator[str]:
    """The address of the running application."""
    server = LiveServerThread("localhost", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://localhost:{server.port}"  # passkeys need a name, not an address
    server.terminate()


@pytest.fixture
def clinic(site: str, sakura: Facility, person: Callable[..., User]) -> Facility:
    """A clinic with a scan of three slices, a report, a file in quarantine, a terminal that fills up, and an owner who
    may sign in.
    """
    owner = person("mori@example.org", sakura=Role.OWNER)
    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    store(sakura, *(dicom(1, number, StudyDescription="Head") for number in (1, 2, 3)), dicom(2, PatientName="Abe^Ren"))
    store(sakura, document(), dicom(3)[:-200])
    replicate_pending()
    now = timezone.now()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room", visit_every_days=30)
    with as_facility(sakura):
        for days_ago, used in ((2, 60), (1, 70), (0, 90)):
            report_capacity(
                terminal, measured_at=now, used_bytes=used, total_bytes=100, waiting_sets=2, waiting_bytes=20,
                unmarked_sets=1, now=now - timedelta(days=days_ago),
            )  # fmt: skip
    return sakura


class Visit:
    """A page that is watched: `faults` is what its console and its content-security policy complained about."""

    def __init__(self, browser: Browser, site: str, **options: Any) -> None:
        self.site = site
        width, height = options.pop("size", DESKTOP)
        self.context = browser.new_context(viewport={"width": width, "height": height}, base_url=site, **options)
        self.context.add_init_script(OBSERVE)
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _note(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def faults(self) -> list[str]:
        """Complaints of the page that is open now, and console messages since the visit began."""
        violations = self.page.evaluate("window.violations ?? []")
        return self.complaints + [str(each) for each in violations]

    def sign_in(self) -> None:
        self.page.goto("/accounts/login/")
        self.page.get_by_label("mail").fill("mori@example.org")
        self.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        self.page.wait_for_url("**/f/sakura/")


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visit]]:
    """Open a window: visit(size=PHONE, color_scheme="dark", java_script_enabled=False)."""
    opened: list[Visit] = []

    def make(**options: Any) -> Visit:
        opened.append(Visit(browser, site, **options))
        return opened[-1]

    yield make
    for each in opened:
        each.context.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    return (Path(__file__).parent / "axe-core-4.14.1" / "axe.min.js").read_text()
