"""A receipt is on the record that the center signed, and the record has only grown: anybody checks it offline."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from medvault_edge.cli import app
from medvault_edge.errors import NotVerified
from medvault_edge.proofs import verify_proof
from typer.testing import CliRunner

from apps.audit.merkle import leaf_of
from apps.audit.models import Event
from apps.audit.signing import published_keys
from apps.collection.models import Collection
from apps.collection.receipts import issue_receipts
from apps.collection.replication import replicate_pending
from apps.evidence import proofs
from apps.evidence.checkpoints import checkpoint
from apps.evidence.models import Checkpoint
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from tests.api.asking import Asking
from tests.portal.pages import dicom, store, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def ask(sakura: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "sakura", token_for(sakura, Scope.COLLECTIONS, Scope.AUDIT))


@pytest.fixture
def collection(sakura: Facility) -> Collection:
    """With both receipts, of which no signed head tells yet."""
    made = store(sakura, dicom(1), dicom(2))
    signed(sakura)
    replicate_pending()
    with as_facility(sakura):
        made.refresh_from_db()
        issue_receipts(made, now=timezone.now())
    return made


def signed(facility: Facility) -> Checkpoint:
    with as_center():
        return checkpoint(facility, until=timezone.now(), now=timezone.now())


def test_the_proof_comes_with_the_next_signed_head_and_is_checked_offline(
    ask: Asking, sakura: Facility, collection: Collection, tmp_path: Path
) -> None:
    address = f"collections/{collection.uid}/receipts/"
    assert ask(f"{address}proofs/").json() == {"received": None, "stored": None}
    head = signed(sakura)
    ask("checkpoints/")
    signed(sakura)
    told = ask(f"{address}proofs/").json()
    receipts = ask(address).json()
    for kind in ("received", "stored"):
        assert told[kind]["receipt"] == receipts[kind]
        assert told[kind]["checkpoint"] == head.jws
        (tmp_path / f"{kind}.json").write_text(json.dumps(told[kind]))
    (tmp_path / "keys").write_text(json.dumps(published_keys()))
    given = ["verify", "--keys", f"{tmp_path}/keys", "--json", *(f"{tmp_path}/{kind}.json" for kind in told)]
    good = CliRunner().invoke(app, given)
    assert [(each["kind"], each["files"]) for each in json.loads(good.output)] == [("receipt on record", 2)] * 2
    leaf = json.loads(told["stored"]["leaf"])
    other = json.dumps(leaf | {"id": leaf["id"] + 1}, sort_keys=True, separators=(",", ":"))
    wrong: Any
    for wrong in (
        told["stored"] | {"receipt": receipts["received"]}, told["stored"] | {"leaf": other},
        told["stored"] | {"index": told["stored"]["index"] - 1}, told["stored"] | {"path": []},
        told["stored"] | {"checkpoint": receipts["stored"]}, {"receipt": 7}, [], "",
    ):  # fmt: skip
        with pytest.raises(NotVerified):
            verify_proof(json.dumps(wrong), published_keys())


def test_the_record_is_proven_to_have_only_grown(ask: Asking, sakura: Facility, collection: Collection) -> None:
    for _ in range(2):
        ask("collections/")
        ask("changes/")
        ask("receipts/")
        store(sakura, dicom(3))
        signed(sakura)
    heads = ask.pages("checkpoints/", "checkpoints")
    assert [each["size"] for each in heads] == sorted((each["size"] for each in heads), reverse=True)
    assert ask(f"checkpoints/{heads[0]['id']}/").json() == heads[0]
    latest = f"checkpoints/{heads[0]['id']}/consistency/"
    for address, first in ((latest, heads[1]), (f"{latest}?since={heads[2]['id']}", heads[2])):
        told = ask(address).json()
        assert (told["first"], told["second"]) == (first["jws"], heads[0]["jws"])
        assert verify_proof(json.dumps(told), published_keys()).kind == "unchanged record"
        for wrong in (told | {"path": told["path"][:-1]}, told | {"first": told["second"], "second": told["first"]}):
            with pytest.raises(NotVerified):
                verify_proof(json.dumps(wrong), published_keys())
    assert ask(f"checkpoints/{heads[-1]['id']}/consistency/").status_code == 404
    assert ask(f"{latest}?since=x").status_code == 400


def test_an_act_that_was_changed_afterwards_is_noticed(
    ask: Asking, sakura: Facility, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed(sakura)

    def changed(event: Event) -> bytes:
        event.source_address = "192.0.2.1" if event.action == "receipt.received" else event.source_address
        return leaf_of(event)

    monkeypatch.setattr(proofs, "leaf_of", changed)
    proof = ask(f"collections/{collection.uid}/receipts/proofs/").json()["stored"]
    with pytest.raises(NotVerified, match="not on the record"):
        verify_proof(json.dumps(proof), published_keys())


def test_a_receipts_page_offers_its_proof(
    sakura: Facility, collection: Collection, signed_in: Callable[..., Client]
) -> None:
    viewer = signed_in("viewer@sakura.example", sakura=Role.VIEWER)
    given: dict[str, Any] = {"collection_id": collection.pk, "kind": "stored"}
    assert b"signed next, at night" in viewer.get(url("shown_receipt", **given)).content
    assert viewer.get(url("receipt_proof", **given)).status_code == 404
    signed(sakura)
    assert url("receipt_proof", **given).encode() in viewer.get(url("shown_receipt", **given)).content
    proof = viewer.get(url("receipt_proof", **given))
    assert verify_proof(proof.content.decode(), published_keys()).facility == "sakura"
