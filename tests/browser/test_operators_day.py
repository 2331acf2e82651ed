"""An operator's day: where to go, the visit, the handover, what needs a look, and the receipt at the clinic."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.collection.enrolment import issue_code
from apps.collection.models import Collection, Collector, CollectorFacility, Reason, State, Terminal
from apps.collection.requests import request_collection
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.browser.conftest import Visit
from tests.browser.staff import of_group, staff_window
from tests.edge.conftest import Edge, at_the_center
from tests.orders.stories import now
from tests.portal.pages import dicom


@pytest.mark.timeout(300)
def test_from_the_worklist_to_the_receipt(
    clinic: Facility, visit: Callable[..., Visit], person: Callable[..., User], site: str, settings: Any, tmp_path: Path
) -> None:
    cache.clear()
    settings.STAFF_SECOND_FACTOR = False
    terminal, code = _asked_for(clinic)
    center = staff_window(visit, of_group(person, "endo@center.example", "operator"), site)
    center.goto("/admin/")
    center.goto("/admin/collection/terminal/worklist/")
    stop = center.locator("article.stop").filter(has_text="X-ray room").first
    expect(stop).to_contain_text("Sakura Clinic")
    expect(stop).to_contain_text("A long closure")

    bag = Edge(tmp_path / "bag")
    bag.run("init", site, code)
    images = _new_images(tmp_path)
    collected = bag.run("collect", images, "--facility", "sakura", "--operator", "K. Endo", "--medium-serial", "SN-7")
    assert collected["files"] == 3
    [received, page] = collected["receipts"]
    assert "K. Endo" in Path(page).read_text()
    bag.run("handover")
    at_the_center()
    [handed] = bag.run("handover")
    assert handed["state"] == "stored"

    with as_center():
        collection = Collection.objects.get(method="visit", terminal=terminal)
    assert collection.state in {State.STORED, State.PARTIAL}
    _looked_at(center, collection)
    _wish_is_answered(center)
    desk = visit()
    desk.sign_in()
    _seen_at_the_clinic(desk.page, collection)
    assert desk.faults() == []
    assert [each["kind"] for each in bag.run("verify", received)] == ["received"]


def _asked_for(clinic: Facility) -> tuple[Terminal, str]:
    """The clinic closes for long; the operator's bag is enrolled."""
    with as_center():
        terminal = Terminal.objects.select_related("facility").get(facility=clinic)
        bag = Collector.objects.create(name="Bag 1")
        CollectorFacility.objects.create(facility=clinic, collector=bag)
    with as_facility(clinic):
        request_collection(terminal, reason=Reason.CLOSURE, note="", due_at=None, actor=SYSTEM, now=now())
    return terminal, issue_code(bag, actor=SYSTEM, now=now())


def _new_images(folder: Path) -> Path:
    """A new one, one with other bytes than what is stored under its UID, and a damaged one."""
    images = folder / "images"
    images.mkdir()
    for number, content in enumerate((dicom(7), dicom(1, 1, StudyDescription="Neck"), dicom(6)[:-200])):
        (images / f"{number}.dcm").write_bytes(content)
    return images


def _looked_at(center: Page, collection: Collection) -> None:
    """The collection, the damaged file, and the conflict."""
    center.goto(f"/admin/collection/collection/{collection.pk}/change/")
    expect(center.locator("body")).to_contain_text("K. Endo")
    center.goto("/admin/collection/receivedfile/?outcome__exact=quarantined")
    expect(center.locator("#result_list")).to_contain_text("Sakura Clinic")
    center.goto("/admin/catalog/conflict/?resolved=no")
    expect(center.locator("#result_list")).to_contain_text("Sakura Clinic")


def _wish_is_answered(center: Page) -> None:
    center.goto("/admin/collection/terminal/worklist/")
    expect(center.locator("body")).not_to_contain_text("A long closure")


def _seen_at_the_clinic(page: Page, collection: Collection) -> None:
    """Both receipts, for what is stored."""
    page.goto(f"/f/sakura/collections/{collection.pk}/")
    expect(page.locator("main")).to_contain_text("K. Endo")
    with page.expect_download() as started:
        page.locator("a[href$='/stored.jws']").click()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", started.value.path().read_text().strip())
