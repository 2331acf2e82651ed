"""The page of the API: whole under the content-security policy, without another host, and asked with a session."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.sync_api import expect

from apps.facilities.models import Facility
from tests.browser.conftest import Visit


def test_the_page_of_the_api_needs_no_other_host_and_asks_with_the_session(
    clinic: Facility, site: str, visit: Callable[..., Visit]
) -> None:
    window = visit()
    page, hosts = window.page, set[str]()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    window.sign_in()
    page.goto("/api/v1/docs/")
    operation = page.locator("#operations-Studies-studies_list")
    expect(operation).to_be_visible(timeout=60_000)  # a large page
    operation.locator(".opblock-summary-control").click(no_wait_after=True)  # it only notes where it is
    expect(operation.get_by_text("images:read").first).to_be_visible()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_placeholder("facility_slug").fill("sakura")
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text(re.compile("study_instance_uid"))
    assert not window.faults()
    assert hosts <= {urlsplit(site).netloc, ""}
