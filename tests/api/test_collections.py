"""Terminals, collections and receipts, as a program of the clinic follows them."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.collection.capacity import report_capacity
from apps.collection.enrolment import enrol
from apps.collection.models import Terminal
from apps.collection.receipts import issue_receipts
from apps.core.clock import database_now
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from tests.api.asking import Asking
from tests.portal.pages import dicom, store
from tests.portal.test_terminals import KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def terminal(sakura: Facility) -> Terminal:
    with as_center():
        return Terminal.objects.create(facility=sakura, name="X-ray room")


@pytest.fixture
def ask(sakura: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "sakura", token_for(sakura, Scope.COLLECTIONS, Scope.REQUEST))


def test_a_collection_is_followed_to_its_files_and_receipts(ask: Asking, sakura: Facility) -> None:
    collection = store(sakura, dicom(1), dicom(2), b"no image", medium_serial="CD-7")
    with as_facility(sakura):
        issue_receipts(collection, now=timezone.now())
    [listed] = ask("collections/").json()["collections"]
    assert [listed[name] for name in ("method", "operator", "medium_serial", "stored_count", "skipped_count")] == [
        "media", "K. Endo", "CD-7", 2, 1,
    ]  # fmt: skip
    assert listed["terminal"] is None
    address = f"collections/{collection.uid}/"
    counted = ask(address).json()
    assert (counted["received"], counted["stored"], counted["skipped"]) == (3, 2, 1)
    assert len(ask.pages(f"{address}files/", "files")) == 3
    [skipped] = ask(f"{address}files/?outcome=skipped").json()["files"]
    assert (skipped["reason_code"], len(skipped["sha256"])) == ("not_dicom", 64)
    assert ask(f"{address}files/?outcome=eaten").status_code == 400
    assert ask(f"{address}receipts/").json()["received"].count(".") == 2
    [receipt] = ask("receipts/").json()["receipts"]
    assert (receipt["kind"], receipt["collection"]) == ("received", str(collection.uid))


def test_a_terminal_is_watched_and_a_collection_asked_for_and_not_wanted_after_all(
    ask: Asking, sakura: Facility, terminal: Terminal
) -> None:
    now = timezone.now()
    with as_facility(sakura):
        for day in range(3):
            at = now - timedelta(days=3 - day)
            report_capacity(
                terminal, measured_at=at, used_bytes=(day + 1) * 10**11, total_bytes=10**12, waiting_sets=3,
                waiting_bytes=10**9, unmarked_sets=0, now=at,
            )  # fmt: skip
    [outlook] = ask("outlooks/").json()["outlooks"]
    assert outlook == ask(f"terminals/{terminal.uid}/outlook/").json()
    assert (outlook["used_percent"], outlook["forecast"]["bytes_a_day"]) == (30, 10**11)
    assert outlook["forecast"]["full_on"] > str(now.date())
    history = ask.pages(f"terminals/{terminal.uid}/capacity/", "capacities")
    assert [each["used_bytes"] for each in history] == [3 * 10**11, 2 * 10**11, 10**11]
    wish = ask(f"terminals/{terminal.uid}/requests/", {"reason": "closure", "note": "two weeks"})
    assert (wish.status_code, wish.json()["withdrawn_at"]) == (201, None)
    assert ask(f"terminals/{terminal.uid}/").json()["is_wanted"] is True
    gone = [ask(f"terminals/{terminal.uid}/requests/{wish.json()['uid']}/withdraw/", {}).json() for _ in range(2)]
    assert gone[0] == gone[1]
    assert gone[0]["withdrawn_at"]
    assert ask(f"terminals/{terminal.uid}/requests/").json()["requests"] == gone[:1]
    assert ask("outlooks/").json()["outlooks"][0]["requests"] == []
    denied = ask(f"terminals/{terminal.uid}/capacity/", {"measured_at": str(now), "used_bytes": 1, "total_bytes": 2})
    assert denied.status_code == 403


def test_a_device_sees_its_own_alone(
    ask: Asking, sakura: Facility, terminal: Terminal, client: Client, token_for: Callable[..., str],
    signed_in: Callable[..., Client],
) -> None:  # fmt: skip
    other = Asking(client, "sakura", token_for(sakura, Scope.REPORT, Scope.HANDOVER))
    collection = store(sakura, dicom())
    for path in (f"terminals/{terminal.uid}/", f"terminals/{terminal.uid}/requests/", f"collections/{collection.uid}/"):
        assert (ask(path).status_code, other(path).status_code) == (200, 404)
    owner = Asking(signed_in("owner@example.org", sakura=Role.OWNER), "sakura")
    told = owner(f"terminals/{terminal.uid}/enrolment-code/", {})
    assert told.status_code == 201
    enrolled = enrol(code=told.json()["code"], jwk=KEY, actor=SYSTEM, now=database_now())
    assert enrolled.device.uid == terminal.uid
    with as_center():
        [place] = enrolled.places
    own = Asking(client, "sakura", place.token)
    wish = own(f"terminals/{terminal.uid}/requests/", {"reason": "important"})
    assert wish.status_code == 201
    withdrawal = f"terminals/{terminal.uid}/requests/{wish.json()['uid']}/withdraw/"
    assert (other(withdrawal, {}).status_code, own(withdrawal, {}).status_code) == (404, 200)
