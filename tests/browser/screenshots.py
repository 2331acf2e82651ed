"""Pictures of a running demonstration: those of the documents, or every page there is, looked at by axe-core as well.

python -m tests.browser.screenshots [--all FOLDER] [--address http://localhost:8000]
"""

import argparse
import re
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from medvault.env import PROJECT

OWNER, STAFF, PASSWORD = "owner@sakura.example", "admin@center.example", "demonstration"
IMAGES = PROJECT / "docs" / "images"
AXE = Path(__file__).parent / "axe-core-4.14.1" / "axe.min.js"
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS: dict[str, tuple[int, int, str]] = {
    "desktop": (1440, 900, "light"), "phone": (390, 844, "dark"), "narrow": (360, 740, "light"),
}  # fmt: skip
VISITS = [("", "/accounts/login/", [*LOOKS]), (OWNER, "/f/sakura/", [*LOOKS]), (STAFF, "/admin/", ["desktop", "phone"])]
MOST_SHIFT = 0.05
"""Layout shift of which nobody takes notice; 0.1 still counts as good (web.dev/cls)."""
OBSERVE = """
  window.shift = 0; window.violations = [];
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shift += each.value;
  }).observe({ type: "layout-shift", buffered: true });
  document.addEventListener("securitypolicyviolation",
    (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""
LEADS_OUT = re.compile(
    r"logout|\.(pdf|jws|json|xml|zip|csv|png|jpg)$|/(output|download)/?$|/(preview|dicom-web|webhooks|ohif)"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://localhost:8000")
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="every page instead, into this folder")
    given = parser.parse_args()
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            if not given.all:
                picture_documents(browser, given.address)
                return 0
            faults = [*look_at_all(browser, given.address, given.all)]
        finally:
            browser.close()
    print(*faults, f"{len(faults)} faults", sep="\n")
    return 1 if faults else 0


def picture_documents(browser: Browser, address: str) -> None:
    """The pictures that README.md and docs/ show."""
    context = entered(browser, address, OWNER, "desktop")
    page = context.new_page()
    for name, (start, steps) in DOCUMENTS.items():
        page.goto(start, wait_until="networkidle")
        for step in steps:
            step(page)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / f"{name}.png")


def press(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.click()


def show(selector: str) -> Callable[[Page], None]:
    return lambda page: page.locator(selector).first.scroll_into_view_if_needed()


DOCUMENTS: dict[str, tuple[str, list[Callable[[Page], None]]]] = {
    "dashboard": ("/f/sakura/", []),
    "studies": ("/f/sakura/studies/", []),
    "viewer": ("/f/sakura/studies/", [press("tr:has-text('CT') a[href*='/studies/']"), press("a[href*='/series/']")]),
    "plan": ("/f/sakura/plan/", []),
    "terminal": ("/f/sakura/terminals/", [press("main a[href*='/terminals/']")]),
    "storage-periods": ("/f/sakura/storage-periods/", []),
}


def look_at_all(browser: Browser, address: str, folder: Path) -> Iterator[str]:
    """Pictures of every sort of page in every look; what axe-core, the console and the page's width complain about."""
    folder.mkdir(parents=True, exist_ok=True)
    for who, start, looks in VISITS:
        found: list[str] = []
        for look in looks:
            context = entered(browser, address, who, look)
            page = context.new_page()
            found = found or [*crawl(page, start)]
            for path in found:
                yield from (f"{path} ({look}): {fault}" for fault in looked_at(page, path, look, folder))
            context.close()


def looked_at(page: Page, path: str, look: str, folder: Path) -> Iterator[str]:
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", note)
    page.goto(path, wait_until="networkidle")
    name = re.sub(r"\W+", "-", path.strip("/")) or "home"
    page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)
    yield from faults_of(page, LOOKS[look][0])
    yield from complaints
    page.remove_listener("console", note)


def entered(browser: Browser, address: str, who: str, look: str) -> BrowserContext:
    """A window in which somebody is signed in; nobody where `who` is empty."""
    width, height, scheme = LOOKS[look]
    options: dict[str, Any] = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    context.add_init_script(OBSERVE)
    if who:
        page = context.new_page()
        page.goto("/accounts/login/")
        page.locator("input[name=login]").fill(who)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        page.close()
    return context


def crawl(page: Page, start: str) -> Iterator[str]:
    """One address of every sort: what differs in numbers and queries alone is the same sort."""
    waiting, seen = deque([start]), {_sort(start)}
    while waiting:
        path = waiting.popleft()
        try:
            page.goto(path, wait_until="domcontentloaded")
        except Error as error:
            if "Download is starting" in error.message:
                continue
            raise
        yield path
        for link in page.eval_on_selector_all("a[href]", "links => links.map((link) => link.href)"):
            parts = urlsplit(link)
            if parts.netloc != urlsplit(page.url).netloc or LEADS_OUT.search(parts.path) or _sort(parts.path) in seen:
                continue
            seen.add(_sort(parts.path))
            waiting.append(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def _sort(path: str) -> str:
    return re.sub(r"\d+", "N", urlsplit(path).path)


def faults_of(page: Page, width: int) -> Iterator[str]:
    page.evaluate(AXE.read_text())
    for each in page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]:
        yield f"{each['id']}, {len(each['nodes'])} times: {each['nodes'][0]['html'][:160]}"
    if (shown := page.evaluate("document.documentElement.scrollWidth")) > width:
        yield f"is {shown} wide"
    if (shift := page.evaluate("window.shift")) > MOST_SHIFT:
        yield f"its layout shifts by {shift:.3f}"
    yield from page.evaluate("window.violations")


if __name__ == "__main__":
    sys.exit(main())
