"""The end of a month at the center, and a decision at a clinic: billed, finalized by two, paid; a study's end."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.billing.documents import make_documents
from apps.billing.mailing import mail_invoices
from apps.billing.models import Invoice, State
from apps.billing.months import month_before
from apps.billing.run import run_billing
from apps.catalog.models import Study
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.retention.sweep import carry_out_approved, sweep
from tests.billing.facts import billable, collected, plain_prices
from tests.browser.conftest import Visit
from tests.browser.staff import of_group, staff_window
from tests.conftest import PASSWORD
from tests.contracts.stories import in_force
from tests.retention.stories import in_force as rules_in_force
from tests.retention.stories import stored

MONTH = month_before((timezone.now() - timedelta(days=2)).date())
"""The last one that is over everywhere."""


@pytest.mark.timeout(300)
def test_a_month_is_billed_checked_by_two_and_paid_and_a_study_ends(
    site: str, sakura: Facility, lindenhof: Facility, visit: Callable[..., Visit], person: Callable[..., User],
    settings: Any,
) -> None:  # fmt: skip
    cache.clear()
    settings.STAFF_SECOND_FACTOR = False
    _worked(sakura, lindenhof)
    noa, emi = (of_group(person, f"{name}@center.example", "billing") for name in ("noa", "emi"))
    first, second = staff_window(visit, noa, site), staff_window(visit, emi, site)
    _run(first)
    _release(first)
    number = _finalize(second)
    owner = _owner(visit, person)
    owner.page.goto("/f/sakura/invoices/")
    owner.page.get_by_role("link", name=number).first.click()
    expect(owner.page.locator("main")).to_contain_text("8,000")
    _paid(first, number)
    owner.page.reload()
    expect(owner.page.locator("main")).to_contain_text("Paid")
    _decide(owner.page, lindenhof)
    assert owner.faults() == []


def _worked(sakura: Facility, lindenhof: Facility) -> None:
    """One visit at the clinic that has its billing details; the other has none yet. One study is old enough."""
    billable(sakura, email="accounts@sakura.example")
    prices = plain_prices(base_fee="20000", visit="8000")
    for facility in (sakura, lindenhof):
        in_force(facility, month_before(MONTH), prices)
    collected(sakura, timezone.now().replace(year=MONTH.year, month=MONTH.month, day=15))
    rules_in_force("de-diag")
    stored(lindenhof, date(2004, 1, 19), PatientBirthDate="19500101", PatientName="Invented^Person")
    sweep()


def _run(clerk: Page) -> None:
    """A dry run says what the hourly run then does."""
    clerk.goto(f"/admin/billing/invoice/run/?month={MONTH:%Y-%m}&dry=1")
    expect(clerk.locator("body")).to_contain_text("28,000")
    with as_center():
        assert not Invoice.objects.exists()
    run_billing(MONTH, as_of=timezone.now())
    clerk.goto(f"/admin/billing/invoice/run/?month={MONTH:%Y-%m}")
    expect(clerk.locator(".billing-table")).to_contain_text("Sakura Clinic")
    expect(clerk.locator(".stop-late")).to_contain_text("Radiologie Lindenhof")


def _release(clerk: Page) -> None:
    with as_center():
        lindenhof = Facility.objects.get(slug="lindenhof")
    billable(lindenhof)
    clerk.get_by_role("button", name="Release").click()
    expect(clerk.locator(".billing-table")).to_contain_text("Radiologie Lindenhof")


def _finalize(clerk: Page) -> str:
    """Days later a second person looks at both and finalizes them; the number of the clinic's."""
    with as_center():
        Invoice.objects.update(drafted_at=timezone.now() - timedelta(days=10))
    clerk.goto(f"/admin/billing/invoice/run/?month={MONTH:%Y-%m}")
    for box in clerk.locator("input[name=chosen]").all():
        box.check()
    clerk.get_by_role("button", name="Finalize those chosen").click()
    expect(clerk.locator(".billing-table")).to_have_count(0)
    with as_center():
        assert {each.state for each in Invoice.objects.all()} == {State.FINALIZED}
    assert make_documents() == 2
    mail.outbox.clear()
    mail_invoices()
    with as_center():
        number = str(Invoice.objects.get(facility__slug="sakura").number)
    assert any(number in message.subject + str(message.body) for message in mail.outbox)
    return number


def _owner(visit: Callable[..., Visit], person: Callable[..., User]) -> Visit:
    """Of both clinics."""
    user = person("mori@example.org", sakura=Role.OWNER, lindenhof=Role.OWNER)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    window = visit()
    window.page.goto("/accounts/login/?next=/f/sakura/")
    window.page.get_by_label("mail").fill(user.email)
    window.page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    window.page.get_by_role("button", name="Sign in", exact=True).click()
    window.page.wait_for_url("**/f/sakura/")
    return window


def _paid(clerk: Page, number: str) -> None:
    """The bank's statement names the invoice."""
    with as_center():
        gross = Invoice.objects.get(number=number).gross
    content = f"Day,Sum,Text\n{timezone.now():%Y-%m-%d},{gross},{number}\n".encode()
    clerk.goto("/admin/billing/banktransaction/import_statement")
    clerk.locator("select[name=kind]").select_option("csv")
    clerk.locator("select[name=money]").select_option("JPY")
    clerk.locator("input[name=file]").set_input_files(
        {"name": "statement.csv", "mimeType": "text/csv", "buffer": content}
    )
    for field, value in (("account", "1"), ("date", "Day"), ("amount", "Sum"), ("purpose", "Text")):
        clerk.locator(f"input[name={field}]").fill(value)
    clerk.get_by_role("button", name="Preview").click()
    expect(clerk.locator("body")).to_contain_text(number)
    clerk.get_by_role("button", name="Import").click()
    expect(clerk.locator("body")).to_contain_text("1 imported, of which 1 pay")


def _decide(page: Page, facility: Facility) -> None:
    """The owner lets it go after the preview; both copies go, and a certificate says so."""
    page.goto("/f/lindenhof/storage-periods/")
    page.locator("input[name=chosen]").first.check()
    page.locator("button[name=decision][value=approve]").click()
    expect(page.locator("main")).to_contain_text("This cannot be undone")
    page.locator(".btn-danger").click()
    carry_out_approved()
    with as_center():
        assert not Study.objects.filter(facility=facility).exists()
    page.goto("/f/lindenhof/storage-periods/")
    with page.expect_download() as started:
        page.locator("a[href$='.pdf']").first.click()
    assert started.value.path().read_bytes().startswith(b"%PDF")
