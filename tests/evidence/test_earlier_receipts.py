"""Receipts as an earlier release put them on record, without their digest, get their proofs all the same."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from medvault_edge.proofs import verify_proof

from apps.audit import record as recording
from apps.audit.models import Event
from apps.audit.signing import published_keys
from apps.collection import receipts
from apps.collection.models import Collection, Receipt
from apps.collection.replication import replicate_pending
from apps.evidence.checkpoints import checkpoint
from apps.evidence.earlier_receipts import record_earlier_receipts
from apps.evidence.models import Checkpoint
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from tests.api.asking import Asking
from tests.forked import Forked
from tests.portal.pages import dicom, store, url

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def collection(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """With both receipts, issued by an earlier release."""

    def without_digest(action: str, *, sha256: str, **given: Any) -> None:
        recording.record(action, **given)

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "record", without_digest)
        made = store(sakura, dicom(1), dicom(2))
        replicate_pending()
        with as_facility(sakura):
            made.refresh_from_db()
            receipts.issue_receipts(made, now=timezone.now())
    return made


def signed(facility: Facility) -> Checkpoint:
    with as_center():
        return checkpoint(facility, until=timezone.now(), now=timezone.now())


def on_record() -> list[dict[str, Any]]:
    with as_center():
        return [each.details for each in Event.objects.filter(object_type="receipt").order_by("pk")]


def test_they_are_put_on_record_as_of_now_say_so_and_are_proven(
    sakura: Facility, collection: Collection, signed_in: Callable[..., Client], client: Client,
    token_for: Callable[..., str],
) -> None:  # fmt: skip
    ask = Asking(client, "sakura", token_for(sakura, Scope.COLLECTIONS, Scope.AUDIT))
    address = f"collections/{collection.uid}/receipts/proofs/"
    first = signed(sakura)
    assert ask(address).json() == {"received": None, "stored": None}
    assert record_earlier_receipts() == 2
    assert [sorted(each) for each in on_record()] == [[], [], ["issued_at", "sha256"], ["issued_at", "sha256"]]
    assert record_earlier_receipts() == 0
    assert ask(address).json() == {"received": None, "stored": None}, "no head that was signed before covers them"

    second = signed(sakura)
    told = ask(address).json()
    for kind in ("received", "stored"):
        proved = verify_proof(json.dumps(told[kind]), published_keys())
        assert (proved.kind, proved.files) == ("receipt on record", 2)
        assert first.until.isoformat() < proved.since < second.until.isoformat()
        assert told[kind]["checkpoint"] == second.jws
    consistency = ask(f"checkpoints/{second.pk}/consistency/?since={first.pk}").json()
    assert verify_proof(json.dumps(consistency), published_keys()).kind == "unchanged record"
    viewer = signed_in("viewer@sakura.example", sakura=Role.VIEWER)
    page = viewer.get(url("shown_receipt", collection_id=collection.pk, kind="stored")).content.decode()
    assert "later than it was issued" in page


def test_what_the_center_has_not_signed_stays_out(sakura: Facility, caplog: pytest.LogCaptureFixture) -> None:
    made = store(sakura, dicom(1))
    with as_facility(sakura):
        Receipt.objects.create(facility=sakura, collection=made, kind="stored", issued_at=timezone.now(), jws="a.b.c")
    assert record_earlier_receipts() == 0
    assert "the center has not signed it" in caplog.text


def test_two_workers_put_each_on_record_once(collection: Collection) -> None:
    other = Forked("tests.evidence.recording_process")
    assert other.stdout.readline() == "found\n"
    assert record_earlier_receipts() == 2
    assert other.communicate("go on\n")[0] == "0\n"
    assert len(on_record()) == 4
