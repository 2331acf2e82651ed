"""After the database is lost: packs alone give the same catalog."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.bounds import Unreadable
from apps.catalog.bytes import open_instance
from apps.catalog.models import Conflict, Instance, NamePart, Patient, Series, Study
from apps.collection import sorting
from apps.collection.commit import Packed, commit_batch
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.manifest import manifest
from apps.collection.models import (
    Collection,
    Method,
    QuarantineAct,
    QuarantineDecision,
    ReceivedFile,
    ReceptionRecord,
)
from apps.collection.quarantine import read_again, undecided
from apps.collection.rebuilding import rebuild_catalog
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention import sweep
from apps.retention.models import OnExpiry
from apps.vault.models import Pack, PackKind
from apps.vault.packs import write_pack
from apps.vault.spool import Batch
from tests.conftest import empty_tables
from tests.retention.stories import agreed, image, in_force, stored

pytestmark = pytest.mark.usefixtures("committed_db")
KEYS = {
    "id", "pk", "facility_id", "patient_id", "study_id", "series_id", "pack_id", "instance_id", "conflict_id",
    "collection_id", "replicated_at", "stored_at", "verified_at", "user_id", "device_token_id", "terminal_id",
}  # fmt: skip
MODELS = [Patient, NamePart, Study, Series, Instance, Conflict, Pack, Collection, ReceptionRecord, ReceivedFile]


def receive(facility: Facility, *files: bytes, serial: str) -> None:
    reception = Reception(method=Method.MEDIA, actor=SYSTEM, operator="K. Endo", medium_serial=serial)
    now = timezone.now()
    with Batch(facility.pk) as batch:
        intake = Intake(batch)
        for number, content in enumerate(files):
            intake.add([content], f"DIR/{number}.dcm")
        store_batch(new_collection(facility, reception, now=now), reception, intake, now=now, is_last=True)
    replicate_pending()


def snapshot() -> dict[str, list[str]]:
    """All rows without their keys."""
    with as_center():
        return {model.__name__: sorted(_row(row) for row in model._default_manager.all()) for model in MODELS}


def _row(row: Any) -> str:
    fields = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    told = {name: bytes(value).hex() if isinstance(value, memoryview) else value for name, value in fields.items()}
    return json.dumps({name: value for name, value in told.items() if name not in KEYS}, default=str, sort_keys=True)


@pytest.fixture
def filled(sakura: Facility) -> dict[str, list[str]]:
    """Studies, a conflict, a file in quarantine, in three collections."""
    ct = image(PatientName="Yamada^Tarou=山田^太郎")
    uid = pydicom.dcmread(BytesIO(ct)).SOPInstanceUID
    receive(sakura, ct, image(StudyInstanceUID="2.25.77", PatientID="other"), serial="SN-1")
    changed = pydicom.dcmread(BytesIO(ct))
    changed.InstanceNumber = 99
    buffer = BytesIO()
    changed.save_as(buffer)
    receive(sakura, buffer.getvalue(), serial="SN-2")
    receive(sakura, ct[:1000], image(StudyInstanceUID="2.25.77", PatientID="other"), serial="SN-3")
    found = snapshot()
    assert len(found["Conflict"]) == 1
    assert any("quarantined" in row for row in found["ReceivedFile"])
    assert uid
    return found


def test_packs_alone_give_the_same_catalog(filled: dict[str, list[str]], sakura: Facility) -> None:
    with as_center():
        before = {row.sop_instance_uid: open_instance(row).read() for row in Instance.objects.select_related("pack")}
    empty_tables()
    call_command("rebuild_catalog", verbosity=0)
    now = snapshot()
    for name, rows in filled.items():
        assert now[name] == rows, name
    with as_center():
        after = {row.sop_instance_uid: open_instance(row).read() for row in Instance.objects.select_related("pack")}
        assert Facility.objects.get().slug == "sakura"
        assert not Pack.objects.filter(replicated_at=None).exists()
    assert after == before
    call_command("rebuild_catalog", verbosity=0)
    assert snapshot() == now


def test_a_pack_that_is_damaged_in_one_place_is_taken_from_the_other(filled: dict[str, list[str]]) -> None:
    primary = Path(settings.STORAGES["primary"]["OPTIONS"]["location"])
    first, second, *_ = sorted(primary.rglob("*.zip"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:-100])
    empty_tables()
    call_command("rebuild_catalog", verbosity=0)
    assert snapshot()["Instance"] == filled["Instance"]


def test_a_pack_that_is_damaged_in_both_places_is_told_and_holds_up_no_other(filled: dict[str, list[str]]) -> None:
    name = min(Path(settings.STORAGES["primary"]["OPTIONS"]["location"]).rglob("*.zip")).name
    for path in (settings.HOME / "vault").rglob(name):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    empty_tables()
    with pytest.raises(CommandError, match="1 packs are damaged in both places"):
        call_command("rebuild_catalog", verbosity=0)
    with as_center():
        assert Pack.objects.count() == len(filled["Pack"]) - 1


def unreadable(_source: object) -> None:
    raise Unreadable("malformed", "Not understood yet")


def test_what_was_read_again_is_where_it_was_filed_and_what_was_not_waits_still(
    sakura: Facility, person: Callable[..., User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although all of it reads by now: staff decide what leaves the quarantine."""
    with monkeypatch.context() as before:
        before.setattr(sorting, "read_header", unreadable)
        receive(sakura, image(), image(StudyInstanceUID="2.25.77"), serial="SN-1")
    with as_center():
        first, second = ReceivedFile.objects.select_related("facility", "pack").order_by("pk")
    by = person("worker@center.example", is_staff=True)
    with as_center():
        read_again(first, reason="New", by=by, actor=SYSTEM, now=timezone.now())
    replicate_pending()
    filled = snapshot()
    empty_tables()
    assert rebuild_catalog().packs == 2
    for name in ("Instance", "Pack", "Collection", "ReceptionRecord"):
        assert snapshot()[name] == filled[name], name
    with as_center():
        [waiting] = undecided(as_of=timezone.now().date())
        instance = Instance.objects.select_related("pack").get()
        decision = QuarantineDecision.objects.select_related("filed_by__reception_record").get()
    assert (bytes(waiting.sha256), waiting.reason_code) == (bytes(second.sha256), "malformed")
    assert (bytes(instance.sha256), instance.pack.kind) == (bytes(first.sha256), PackKind.STUDY)
    assert (decision.act, decision.reason, decision.decider) == (QuarantineAct.FILED, "New", str(by))
    assert rebuild_catalog().packs == 0


def test_a_pack_whose_files_came_by_another_one_too_is_passed_over_however_often(sakura: Facility) -> None:
    """What a process left behind that died before its pack had a row; the facility sent the same files again."""
    ct = image()
    receive(sakura, ct, serial="SN-1")
    empty_tables()
    with as_center():
        again = Facility.objects.create(slug="sakura", name="Sakura Clinic")
    receive(again, ct, serial="SN-2")
    rebuild_catalog()
    found = snapshot()
    assert rebuild_catalog().packs == 0
    assert snapshot() == found


def test_a_pack_that_a_process_is_about_to_make_known_is_left_to_it(sakura: Facility) -> None:
    reception, now = Reception(method=Method.MEDIA, actor=SYSTEM), timezone.now()
    with Batch(sakura.pk) as batch:
        intake = Intake(batch)
        intake.add([image()], "DIR/1.dcm")
        [file] = intake.files
        assert isinstance(file, sorting.Received)
        collection = new_collection(sakura, reception, now=now)
        about = manifest(
            collection=collection, reception=reception, kind=PackKind.STUDY, files=[file], names=["000001.dcm"], at=now
        )
        written = write_pack(batch, batch.incoming, kind=PackKind.STUDY, manifest=about)
        assert rebuild_catalog().packs == 0
        commit_batch(collection, reception, batch.id, [file], [Packed(written, [file])], now=now, is_last=True)
    assert rebuild_catalog().packs == 0
    with as_center():
        assert Collection.objects.get().stored_count == 1


def test_what_certificates_say_was_deleted_stays_deleted(sakura: Facility, person: Callable[..., User]) -> None:
    """Though a place that was away then comes back with its packs."""
    in_force("de-diag", by=person("worker@center.example", is_staff=True))
    with as_center():
        Facility.objects.update(country="DE")
    agreed(sakura, on_expiry=OnExpiry.DELETE)
    stored(sakura, PatientBirthDate="19500101")
    primary = Path(settings.STORAGES["primary"]["OPTIONS"]["location"])
    [path] = primary.rglob("*.zip")
    content = path.read_bytes()
    sweep.sweep()
    assert not path.exists()
    path.write_bytes(content)
    empty_tables()
    call_command("rebuild_catalog", verbosity=0)
    with as_center():
        assert not Pack.objects.exists()
