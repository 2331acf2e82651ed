"""After the database is lost: packs alone give the same catalog."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.bytes import open_instance
from apps.catalog.models import Conflict, Instance, NamePart, Patient, Series, Study
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Method, ReceivedFile, ReceptionRecord
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.vault.models import Pack
from apps.vault.spool import Batch
from tests.conftest import empty_tables
from tests.retention.stories import image

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
