"""Notifications as people see them: a bell that rings without a reload, and pages that are as wide as a phone."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.notifications.kinds import Kind
from apps.notifications.messages import TEST
from apps.notifications.models import WebhookDelivery
from apps.notifications.webhooks import add_webhook, send_test
from tests.browser.conftest import DESKTOP, PHONE, Visit
from tests.notifications.told import handed_on, told

PAGES = ["notifications/", "webhooks/", "webhooks/{webhook}/"]


def test_the_bell_rings_and_the_inbox_fills_without_a_reload(clinic: Facility, visit: Callable[..., Visit]) -> None:
    handed_on()
    opened = visit()
    opened.sign_in()
    opened.page.clock.install()
    opened.page.goto("/f/sakura/notifications/?show=unread")
    before = int(opened.page.locator(".bell-count").inner_text().split()[0])
    opened.page.evaluate("window.stayed = true")
    told(clinic, Kind.SHARE_LINK_LOCKED, facts={"number": "O-000123"})
    handed_on()
    opened.page.clock.run_for(16_000)
    opened.page.get_by_text("The share link of order O-000123").wait_for()
    assert int(opened.page.locator(".bell-count").inner_text().split()[0]) == before + 1
    assert opened.page.evaluate("window.stayed")
    assert opened.faults() == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_pages_of_notifications_fit_and_are_accessible(
    size: tuple[int, int], clinic: Facility, visit: Callable[..., Visit], axe: str
) -> None:
    told(clinic, Kind.DECISIONS_WANTED, facts={"count": 3}, due_on=timezone.now().date())
    told(clinic, Kind.MORE_VISITS_PROPOSED, facts={"terminal": "X-ray room", "days": 14})
    handed_on()
    webhook, _secret = add_webhook(
        clinic, url="https://archive.sakura.example/medvault/", label="Archive", kinds=[Kind.COLLECTION_STORED],
        actor=SYSTEM, now=timezone.now(),
    )  # fmt: skip
    for number, status in enumerate((204, 503, None)):
        sent = send_test(webhook, actor=SYSTEM, now=timezone.now())
        with as_center():
            WebhookDelivery.objects.filter(pk=sent.pk).update(
                kind=[TEST, Kind.COLLECTION_STORED.value, TEST][number], status=status, taken_ms=84,
                attempts=1 + number,
                delivered_at=timezone.now() if status == 204 else None, tried_at=timezone.now(),
                problem="" if status else "No answer within 10 seconds",
            )  # fmt: skip
    opened = visit(size=size)
    opened.sign_in()
    pages = [f"/f/sakura/{page.format(webhook=webhook.pk)}" for page in PAGES] + ["/accounts/notifications/"]
    for page in pages:
        opened.page.goto(page)
        opened.page.evaluate(axe)
        found = opened.page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
        assert [each["id"] for each in found["violations"]] == [], page
        width = opened.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], page
        if folder := os.environ.get("SCREENSHOTS"):
            name = page.strip("/").replace("/", "-")
            opened.page.screenshot(path=Path(folder) / f"{name}-{size[0]}.png", full_page=True)
    assert opened.faults() == []
