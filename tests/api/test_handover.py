"""A device's story over HTTP: enrol, hand over, receipts."""

import errno
import os
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pydicom.data
import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from joserfc import jws
from joserfc.jwk import KeySet, OKPKey
from pyrage import x25519

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.audit.signing import checked
from apps.catalog.models import Instance
from apps.collection import uploads
from apps.collection.enrolment import CODE_LIFETIME, issue_code, revoke_collector
from apps.collection.handover import open_upload, uploads_to_open
from apps.collection.models import Collection, Collector, CollectorFacility, Left, Terminal, Upload
from apps.collection.receipts import TYP
from apps.collection.replication import replicate_pending
from apps.core.clock import database_now
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.vault.places import place
from tests.collection.sealed import manifest_of, sealed

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()
MR = Path(str(pydicom.data.get_testdata_file("MR_small.dcm"))).read_bytes()
FILES = {"a/1.dcm": CT, "a/2.dcm": MR, "notes.txt": b"hello"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def terminal(sakura: Facility) -> Terminal:
    with as_center():
        return Terminal.objects.create(facility=sakura, name="X-ray room")


@pytest.fixture
def collector(sakura: Facility, lindenhof: Facility) -> Collector:
    with as_center():
        made = Collector.objects.create(name="Bag 1")
        for facility in (sakura, lindenhof):
            CollectorFacility.objects.create(facility=facility, collector=made)
    return made


def enrol(client: Client, device: Terminal | Collector) -> Any:
    code = issue_code(device, actor=SYSTEM, now=database_now())
    return ask_to_enrol(client, code)


def ask_to_enrol(client: Client, code: str) -> Any:
    jwk = OKPKey.generate_key("Ed25519").as_dict(private=False)
    return client.post("/api/v1/enrol/", {"code": code, "jwk": jwk}, content_type="application/json")


class Sender:
    """A device that knows its token and speaks tus."""

    def __init__(self, client: Client, slug: str, token: str) -> None:
        self.client, self.slug, self.token = client, slug, token

    def begin(self, content: bytes, collection: UUID, digest: str | None = None) -> Any:
        metadata = {"collection": str(collection), "sha256": digest or sha256(content).hexdigest()}
        encoded = ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in metadata.items())
        headers = {"Upload-Length": str(len(content)), "Upload-Metadata": encoded}
        return self.ask("post", f"/api/v1/f/{self.slug}/uploads/", headers=headers)

    def append(self, address: str, offset: int, content: bytes) -> Any:
        kind = "application/offset+octet-stream"
        return self.ask("patch", address, content, kind, headers={"Upload-Offset": str(offset)})

    def send(self, content: bytes, collection: UUID) -> str:
        begun = self.begin(content, collection)
        assert begun.status_code == 201, begun.content
        appended = self.append(begun["Location"], 0, content)
        assert appended.status_code == 204, appended.content
        return str(begun["Location"])

    def get(self, path: str) -> Any:
        return self.ask("get", f"/api/v1/f/{self.slug}/{path}")

    def ask(self, method: str, path: str, *args: Any, headers: dict[str, str] | None = None) -> Any:
        given = {"Authorization": f"Bearer {self.token}", "Tus-Resumable": "1.0.0"} | (headers or {})
        return getattr(self.client, method)(path, *args, headers=given)


@pytest.fixture
def carrier(client: Client, collector: Collector) -> Sender:
    told = enrol(client, collector).json()
    tokens = {each["slug"]: each["token"] for each in told["facilities"]}
    return Sender(client, "sakura", tokens["sakura"])


def hand_over(sender: Sender, manifest: dict[str, Any] | None = None) -> UUID:
    """Send FILES and have them opened; `manifest` is what it says otherwise."""
    uid = uuid4()
    content = manifest_of(FILES, collection=uid, facility=sender.slug) | (manifest or {})
    sender.send(sealed(FILES, content), uid)
    for key in uploads_to_open():
        assert open_upload(key)
    return uid


def test_a_collection_is_handed_over_received_stored_and_receipted(carrier: Sender) -> None:
    uid = hand_over(carrier)
    counts = carrier.get(f"collections/{uid}/").json()
    assert counts["state"] == "received"
    assert (counts["announced"], counts["received"], counts["missing"], counts["extra"]) == (3, 3, 0, 0)
    assert (counts["stored"], counts["skipped"]) == (2, 1)
    receipts = carrier.get(f"collections/{uid}/receipts/").json()
    assert receipts["stored"] is None
    received = checked(receipts["received"], typ=TYP)
    assert received["facility"] == "sakura"
    assert received["operator"] == "K. Mori"
    digests = {file["sha256"] for each in received["sets"] for file in each["files"]}
    assert digests == {sha256(CT).hexdigest(), sha256(MR).hexdigest()}
    assert [each["sha256"] for each in received["not_kept"]] == [sha256(b"hello").hexdigest()]

    replicate_pending()
    assert carrier.get(f"collections/{uid}/").json()["state"] == "stored"
    stored = checked(carrier.get(f"collections/{uid}/receipts/").json()["stored"], typ=TYP)
    assert {each["status"] for each in stored["sets"]} == {"stored"}


def test_a_receipt_can_be_checked_with_the_published_keys_alone(client: Client, carrier: Sender) -> None:
    uid = hand_over(carrier)
    keys = KeySet.import_key_set(client.get("/.well-known/medvault-jwks.json").json())
    token = carrier.get(f"collections/{uid}/receipts/").json()["received"]
    assert jws.deserialize_compact(token, keys, algorithms=["EdDSA"]).payload


def test_an_upload_cut_at_every_tenth_is_resumed_where_it_ended(carrier: Sender) -> None:
    uid = uuid4()
    content = sealed(FILES, manifest_of(FILES, collection=uid, facility="sakura"))
    address = carrier.begin(content, uid)["Location"]
    step = len(content) // 10
    offset = 0
    while offset < len(content):
        assert carrier.append(address, offset, content[offset : offset + step]).status_code == 204
        wrong = carrier.append(address, offset, content[offset : offset + step])
        assert wrong.status_code in {403, 409}
        offset = int(carrier.ask("head", address)["Upload-Offset"])
    [key] = uploads_to_open()
    assert open_upload(key)
    assert carrier.get(f"collections/{uid}/").json()["stored"] == 2


def no_room(_path: Path) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_center_without_room_says_so_and_keeps_what_has_arrived(
    carrier: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = uuid4()
    content = sealed(FILES, manifest_of(FILES, collection=uid, facility="sakura"))
    with monkeypatch.context() as full:
        full.setattr(uploads, "free_bytes", lambda: 10)
        refused = carrier.begin(content, uid)
        assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    address = carrier.begin(content, uid)["Location"]
    with monkeypatch.context() as full:
        full.setattr(uploads, "_CHECK_DISK_BYTES", 1)
        full.setattr(uploads, "require_reserve", no_room)
        assert carrier.append(address, 0, content[:1000]).status_code == 503
    assert carrier.ask("head", address)["Upload-Offset"] == "1000"
    carrier.append(address, 1000, content[1000:])
    for key in uploads_to_open():
        assert open_upload(key)
    assert carrier.get(f"collections/{uid}/").json()["stored"] == 2


def test_the_same_upload_begun_twice_is_one(carrier: Sender) -> None:
    uid = uuid4()
    content = sealed(FILES, manifest_of(FILES, collection=uid, facility="sakura"))
    first = carrier.begin(content, uid)["Location"]
    assert carrier.begin(content, uid)["Location"] == first
    assert carrier.begin(content, uid, digest="0" * 64).status_code == 409
    carrier.append(first, 0, content)
    for key in uploads_to_open():
        open_upload(key)
    again = carrier.begin(content, uid)
    assert again.status_code == 201
    assert carrier.ask("head", again["Location"])["Upload-Offset"] == str(len(content))
    assert not uploads_to_open()


def test_what_two_collectors_bring_is_stored_once_and_receipted_twice(carrier: Sender, sakura: Facility) -> None:
    first, second = hand_over(carrier), hand_over(carrier)
    replicate_pending()
    assert carrier.get(f"collections/{second}/").json()["duplicate"] == 2
    for uid in (first, second):
        stored = checked(carrier.get(f"collections/{uid}/receipts/").json()["stored"], typ=TYP)
        assert {each["status"] for each in stored["sets"]} == {"stored"}
    with as_facility(sakura):
        assert Instance.objects.count() == 2


@pytest.mark.parametrize(
    ("lie", "reason"),
    [
        ({"facility": "lindenhof"}, "another facility"),
        ({"collection": str(uuid4())}, "another collection"),
        ({"terminal": str(uuid4())}, "terminal"),
        ({"version": 2}, "malformed at version"),
        ({"files": "none"}, "malformed at files"),
    ],
)
def test_a_manifest_that_is_not_this_collections_is_refused(carrier: Sender, lie: dict[str, Any], reason: str) -> None:
    uid = hand_over(carrier, lie)
    told = carrier.get(f"collections/{uid}/").json()
    assert told["state"] == "failed"
    assert reason in told["reason"]


@pytest.mark.parametrize("lie", [{"sha256": "0" * 64}, {"length": 1}])
def test_a_manifest_that_lies_about_a_file_shows_what_is_missing_and_what_is_extra(
    carrier: Sender, lie: dict[str, Any]
) -> None:
    uid = uuid4()
    manifest = manifest_of(FILES, collection=uid, facility="sakura")
    manifest["files"][0] |= lie
    carrier.send(sealed(FILES, manifest), uid)
    for key in uploads_to_open():
        open_upload(key)
    counts = carrier.get(f"collections/{uid}/").json()
    assert (counts["missing"], counts["extra"], counts["stored"]) == (1, 1, 2)


def test_staff_see_what_was_announced_against_what_came(
    carrier: Sender, signed_in: Callable[..., Client], settings: Any
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    left = [{"source": "b/1.dcm", "reason": "over_amount", "sha256": "1" * 64, "length": 7}]
    uid = hand_over(carrier, {"left": left})
    with as_center():
        key = Collection.objects.get(uid=uid).pk
    staff = signed_in("endo@center.example", is_staff=True)
    User.objects.get(email="endo@center.example").groups.add(Group.objects.get(name="operator"))
    page = staff.get(reverse("admin:collection_collection_change", args=[key])).content.decode()
    assert "Reconciliation" in page
    assert f"{Left.OVER_AMOUNT.label}: 1" in page


def test_what_is_sealed_to_another_key_or_damaged_is_refused(carrier: Sender) -> None:
    other = str(x25519.Identity.generate().to_public())
    for content in (
        sealed(FILES, manifest_of(FILES, collection=uuid4(), facility="sakura"), to=other),
        sealed(FILES, manifest_of(FILES, collection=uuid4(), facility="sakura"))[:-20],
        b"not sealed at all",
        sealed({}, None),
    ):
        uid = uuid4()
        carrier.send(content, uid)
        for key in uploads_to_open():
            open_upload(key)
        assert carrier.get(f"collections/{uid}/").json()["state"] == "failed"
    with as_center():
        assert not Upload.objects.filter(opened_at=None, refused_at=None).exists()


def test_a_code_enrols_once(client: Client, terminal: Terminal) -> None:
    code = issue_code(terminal, actor=SYSTEM, now=database_now())
    told = ask_to_enrol(client, code.lower())
    assert told.status_code == 201
    assert told.json()["kind"] == "terminal"
    again = ask_to_enrol(client, code)
    assert (again.status_code, again.json()["code"]) == (403, "unknown_code")


def test_an_old_code_enrols_nobody(client: Client, terminal: Terminal) -> None:
    code = issue_code(terminal, actor=SYSTEM, now=database_now() - CODE_LIFETIME * 2)
    refused = ask_to_enrol(client, code)
    assert (refused.status_code, refused.json()["code"]) == (403, "expired_code")


def test_a_revoked_collector_is_nobody(client: Client, collector: Collector, carrier: Sender) -> None:
    revoke_collector(collector, actor=SYSTEM, now=database_now())
    assert carrier.begin(b"x", uuid4()).status_code == 401


def test_a_collector_reads_nothing_of_what_others_brought(client: Client, carrier: Sender, sakura: Facility) -> None:
    uid = hand_over(carrier)
    _, secret = issue_token(sakura, label="Bag 2", scopes=[Scope.HANDOVER], actor=SYSTEM)
    other = Sender(client, "sakura", secret)
    assert other.get(f"collections/{uid}/").status_code == 404
    assert other.get(f"collections/{uid}/receipts/").status_code == 404
    assert other.get("receipts/").json()["receipts"] == []
    assert carrier.ask("get", "/f/sakura/dicom-web/studies").status_code == 403


def test_a_terminal_reports_its_capacity_and_is_collected_when_it_fills_up(client: Client, terminal: Terminal) -> None:
    told = enrol(client, terminal).json()["facilities"][0]
    device = Sender(client, "sakura", told["token"])
    report = {"measured_at": "2036-01-01T00:00:00Z", "used_bytes": 90, "total_bytes": 100, "waiting_sets": 3}
    address = f"/api/v1/f/sakura/terminals/{terminal.uid}/capacity/"
    answer = device.ask("post", address, report, "application/json")
    assert answer.status_code == 201
    assert answer.json()["is_wanted"] is True
    impossible = device.ask("post", address, report | {"used_bytes": 101}, "application/json")
    assert impossible.status_code == 400
    for nobodys in ("9999-12-31T23:59:59Z", "0001-01-01T12:00:00Z"):  # by some clocks that is no year at all
        assert device.ask("post", address, report | {"measured_at": nobodys}, "application/json").status_code == 409
    with as_center():
        other = Terminal.objects.create(facility=Facility.objects.get(slug="sakura"), name="Ward")
    refused = hand_over(device, {"terminal": str(other.uid), "method": "push"})
    assert "another terminal" in device.get(f"collections/{refused}/").json()["reason"]
    uid = hand_over(device, {"terminal": str(terminal.uid), "method": "push"})
    assert device.ask("get", f"/api/v1/f/sakura/terminals/{terminal.uid}/").json()["is_wanted"] is False
    listed = device.get("receipts/").json()["receipts"]
    assert [each["collection"] for each in listed] == [str(uid)]


def test_a_copy_that_differs_is_not_receipted_as_stored(carrier: Sender, sakura: Facility) -> None:
    uid = hand_over(carrier)
    with as_facility(sakura):
        pack = Instance.objects.select_related("pack").first().pack  # type: ignore[union-attr]
    path = Path(place("primary").path(pack.name))  # type: ignore[attr-defined]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    replicate_pending()
    assert carrier.get(f"collections/{uid}/receipts/").json()["stored"] is None


def test_every_refusal_is_a_problem_for_programs(
    client: Client, carrier: Sender, sakura: Facility, lindenhof: Facility
) -> None:
    stranger = Sender(client, "lindenhof", carrier.token)
    nobody = Sender(client, "sakura", "mv_nothing")
    _, secret = issue_token(sakura, label="Old", scopes=[Scope.HANDOVER], actor=SYSTEM, expires_at=database_now())
    late = Sender(client, "sakura", secret)
    assert late.begin(b"x", uuid4()).status_code == 401
    for sender, status, code in (
        (stranger, 404, "not_found"), (nobody, 401, "unauthorized"), (late, 401, "unauthorized"),
    ):  # fmt: skip
        answer = sender.get("receipts/")
        assert answer.status_code == status
        assert answer["Content-Type"] == "application/problem+json"
        assert (answer.json()["status"], answer.json()["code"]) == (status, code)
    assert nobody.get("receipts/")["WWW-Authenticate"].startswith("Bearer")
