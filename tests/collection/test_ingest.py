"""What becomes of files that arrive."""

from datetime import UTC, datetime
from pathlib import Path

import pydicom.data

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance, Study
from apps.collection.ingest import Intake, new_collection, store_batch
from apps.collection.models import Collection, Method, Outcome, State
from apps.collection.reception import Reception
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.vault.packs import digest_of
from apps.vault.places import place
from apps.vault.spool import Batch

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm")))


def test_a_file_is_stored_and_comes_back_byte_for_byte(sakura: Facility) -> None:
    content = CT.read_bytes()
    reception = Reception(method=Method.MEDIA, actor=SYSTEM, operator="A. Operator", medium_serial="CD-1")
    with Batch(sakura.pk) as batch:
        intake = Intake(batch)
        intake.add([content], "CT_small.dcm")
        intake.add([b"hello"], "readme.txt")
        intake.add([content[:-2000]], "cut.dcm")
        intake.add([content], "again.dcm")
        stored = store_batch(new_collection(sakura, reception, now=NOW), reception, intake, now=NOW, is_last=True)
    outcomes = [Outcome.STORED, Outcome.SKIPPED, Outcome.QUARANTINED, Outcome.DUPLICATE]
    assert [file.outcome for file in stored.files] == outcomes
    with as_facility(sakura):
        instance = Instance.objects.select_related("pack").get()
        with open_instance(instance) as file:
            assert file.read() == content
        assert Study.objects.get().instance_count == 1
    assert replicate_pending() == 2
    with as_center():
        collection = Collection.objects.get()
        assert collection.state == State.STORED
        for alias in ("primary", "replica"):
            assert digest_of(place(alias), instance.pack.name) == bytes(instance.pack.sha256)
        assert list(Event.objects.order_by("id").values_list("action", flat=True)) == [
            "collection.opened",
            "collection.received",
            "collection.stored",
            "receipt.received",
            "receipt.stored",
        ]
