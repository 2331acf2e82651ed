"""Who gets into the portal's pages, and what strangers learn: nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.audit.models import Event
from apps.catalog.models import Instance
from apps.collection.models import ReceiptKind, Terminal
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.portal.urls import urlpatterns
from tests.portal.pages import dicom, store, url

ACTS = {  # posted to and never read
    "ask_for_collection", "withdraw_request", "enrolment_code", "let_restore", "keep_study", "release_hold", "decide",
    "tell_care_event", "note_care_events", "choose", "take_away", "request_order", "cancel_order", "confirm_order",
    "order_again",
    "write_about_order", "order_password", "make_share_link", "revoke_share_link", "keep_search", "forget_search",
    "read_all",
}  # fmt: skip
OF_ORDERS = {"cart", "sheet", "order", "order_output"}  # test_orders.py, test_sheets.py
OF_MONEY = {  # not for viewers: test_plan.py, test_invoices.py, test_card.py
    "plan", "take_tier", "sign_version", "contract_document", "end_plan", "keep_plan", "confirm_return",
    "invoices", "invoice", "invoice_document", "e_invoice", "billing_details", "card", "card_entered", "enter_card",
    "choose_method", "pay_invoice",
}  # fmt: skip
# test_accountability.py
OF_OWNERS = {"access_record", "access_csv", "ask_report", "cancel_report", "report", "report_file", "checkpoint"}
OF_OHIF = {"ohif", "ohif_part"}  # test_ohif.py
OF_WEBHOOKS = {  # for owners: test_webhooks.py
    "webhooks", "webhook", "test_webhook", "renew_webhook_secret", "switch_on_webhook", "revoke_webhook",
    "send_delivery_again",
}  # fmt: skip
OF_ENTRIES = {"open_entry"}  # test_inbox.py
OF_PROOF = {"receipt_proof"}  # signed at night: evidence/test_proofs.py
OF_DELETED = {"certificate", "certificate_document"}  # test_storage_periods.py
OTHERS = ACTS | OF_DELETED | OF_OHIF | OF_ORDERS | OF_MONEY | OF_OWNERS | OF_WEBHOOKS | OF_ENTRIES | OF_PROOF
NAMES = sorted({str(pattern.name) for pattern in urlpatterns} - OTHERS)


def addresses(facility: Facility) -> dict[str, dict[str, Any]]:
    """The arguments of every page about one stored image."""
    with as_facility(facility):
        instance = Instance.objects.select_related("series__study").get()
    return {
        "study": {"study_id": instance.series.study_id},
        "care_events": {"patient_id": instance.series.study.patient_id},
        "series": {"series_id": instance.series_id},
        "preview": {"instance_id": instance.pk},
        "download": {"instance_id": instance.pk},
        "facts": {"instance_id": instance.pk},
    }


@pytest.fixture
def arguments(sakura: Facility) -> dict[str, dict[str, Any]]:
    collection = store(sakura, dicom())
    replicate_pending()
    with as_center():
        terminal = Terminal.objects.create(facility=sakura, name="X-ray room")
    return addresses(sakura) | {
        "collection": {"collection_id": collection.pk},
        "receipt": {"collection_id": collection.pk, "kind": ReceiptKind.STORED},
        "shown_receipt": {"collection_id": collection.pk, "kind": ReceiptKind.STORED},
        "terminal": {"terminal_id": terminal.pk},
    }


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("name", NAMES)
def test_every_role_reads_every_page(
    name: str, role: Role, arguments: dict[str, dict[str, Any]], signed_in: Callable[..., Client]
) -> None:
    answer = signed_in("mori@example.org", sakura=role).get(url(name, **arguments.get(name, {})))
    assert answer.status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_strangers_learn_no_more_than_of_an_unknown_facility(
    name: str, arguments: dict[str, dict[str, Any]], stranger: Client
) -> None:
    theirs = stranger.get(url(name, **arguments.get(name, {})))
    unknown = stranger.get(url(name, "nowhere", **arguments.get(name, {})))
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content


@pytest.mark.parametrize("name", ["study", "series", "preview", "facts", "download", "collection", "terminal"])
def test_ids_of_another_facility_are_unknown_in_ones_own(
    name: str, arguments: dict[str, dict[str, Any]], stranger: Client
) -> None:
    theirs = stranger.get(url(name, "lindenhof", **arguments[name]))
    unknown = stranger.get(url(name, "lindenhof", **{next(iter(arguments[name])): 999_999_999}))
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content


@pytest.mark.parametrize("name", NAMES)
def test_whoever_is_not_signed_in_is_asked_to(name: str, arguments: dict[str, dict[str, Any]]) -> None:
    answer = Client().get(url(name, **arguments.get(name, {})))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/f/sakura/")


@pytest.mark.parametrize("name", [name for name in NAMES if name != "studies"])
def test_pages_are_read_and_not_posted_to(name: str, arguments: dict[str, dict[str, Any]], viewer: Client) -> None:
    assert viewer.post(url(name, **arguments.get(name, {}))).status_code == 405


def test_an_id_beyond_the_numbers_of_the_database_is_unknown(viewer: Client) -> None:
    pages = [url("study", study_id=10**30), url("preview", instance_id=10**30), url("collection", collection_id=10**30)]
    assert [viewer.get(page).status_code for page in pages] == [404] * 3


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {"preview", "facts"}])
def test_nothing_is_left_in_a_browser_that_clinics_share(
    name: str, arguments: dict[str, dict[str, Any]], viewer: Client
) -> None:
    assert viewer.get(url(name, **arguments.get(name, {})))["Cache-Control"] == "no-store"


def test_lists_of_patients_are_on_record(
    arguments: dict[str, dict[str, Any]], viewer: Client, sakura: Facility
) -> None:
    viewer.get(url("studies"))
    with as_facility(sakura):
        assert Event.objects.get(action="studies.listed").details == {"count": 1}
