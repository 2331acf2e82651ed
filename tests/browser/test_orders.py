"""An order as a clinic goes through it: chosen, quoted, requested, followed while the center works, fetched."""

from collections.abc import Callable
from zipfile import ZipFile

from playwright.sync_api import expect

from apps.accounts.models import User
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.orders.models import Order
from tests.browser.conftest import Visit
from tests.orders.stories import fulfil, may_order


def test_from_the_list_of_studies_to_the_files(
    clinic: Facility, visit: Callable[..., Visit], person: Callable[..., User]
) -> None:
    may_order(clinic)
    staff = person("staff@center.example", is_staff=True)
    window = visit()
    window.sign_in()
    page = window.page
    page.goto("/f/sakura/studies/")
    page.get_by_label("Choose Abe, Ren").check()
    page.get_by_label("All on this page").check()
    expect(page.locator("input[name=chosen]:checked")).to_have_count(3)
    page.get_by_label("Choose Abe, Ren").uncheck()
    page.get_by_role("button", name="Order the chosen").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("radio", name="Disc or stick").check()
    expect(page.get_by_label("Copies")).to_be_visible()
    page.get_by_role("radio", name="Download").check()
    expect(page.get_by_label("Copies")).to_have_count(0)
    page.get_by_role("radio", name="urgent").check()
    page.get_by_role("button", name="Get the quote").click()
    page.get_by_role("button", name="Order for ¥750").click()
    expect(page.locator("#standing")).to_contain_text("The center has your order")
    page.get_by_label("Message to the center").fill("Before noon, please")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".said")).to_contain_text("Before noon, please")
    with as_center():
        order = Order.objects.get()
    fulfil(order, staff)
    expect(page.locator("#standing")).to_contain_text("Your files lie ready", timeout=15_000)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    with ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 4 + 2
    page.get_by_role("button", name="I have it").click()
    expect(page.locator("#standing")).to_contain_text("Completed")
    assert window.faults() == []
