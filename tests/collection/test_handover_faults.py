"""Workers killed while they open what was handed over, two that open the same, disks full."""

import signal
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pydicom.data
import pytest
from django.conf import settings
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.collection.handover import open_upload, uploads_to_open
from apps.collection.interrupted import close_interrupted
from apps.collection.models import Collection, Receipt, State, Upload
from apps.collection.reconciliation import reconcile
from apps.collection.replication import replicate_pending
from apps.collection.uploads import append, begin_upload
from apps.facilities.models import DeviceToken, Facility, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.vault.packs import sweep_dead_batches
from tests.collection.opening_process import STEPS
from tests.collection.sealed import manifest_of, sealed
from tests.forked import Forked

NAMES = ("CT_small.dcm", "MR_small.dcm", "reportsi.dcm")
FILES = {name: Path(str(pydicom.data.get_testdata_file(name))).read_bytes() for name in NAMES}
pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def token(sakura: Facility) -> DeviceToken:
    return issue_token(sakura, label="Bag", scopes=[Scope.HANDOVER], actor=SYSTEM)[0]


def arrived(facility: Facility, token: DeviceToken) -> Upload:
    uid = uuid4()
    content = sealed(FILES, manifest_of(FILES, collection=uid, facility=facility.slug))
    upload = begin_upload(
        facility=facility, token=token, collection_uid=uid, sealed_sha256=sha256(content).digest(),
        length_bytes=len(content), actor=SYSTEM, now=timezone.now(),
    )  # fmt: skip
    append(upload, offset=0, pieces=[content], actor=SYSTEM, now=timezone.now())
    return upload


def start(upload: Upload, step: str) -> Forked:
    return Forked("tests.collection.opening_process", upload.pk, step)


def assert_received_once(facility: Facility) -> None:
    with as_facility(facility):
        assert Instance.objects.count() == len(FILES)
        collection = Collection.objects.get()
        counts = reconcile(collection)
        assert (counts.announced, counts.stored, counts.missing, counts.extra) == (3, 3, 0, 0)
        assert collection.files.count() == len(FILES)
        assert collection.state in {State.RECEIVED, State.STORED}
        assert Receipt.objects.filter(kind="received").count() == 1
        assert not Upload.objects.filter(opened_at=None).exists()
    assert list(Path(settings.UPLOADS).iterdir()) == []


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_it_goes_on_and_nothing_is_there_twice(
    sakura: Facility, token: DeviceToken, step: str
) -> None:
    upload = arrived(sakura, token)
    assert start(upload, step).wait(60) == -signal.SIGKILL
    sweep_dead_batches()
    close_interrupted(grace=timedelta(0))
    [key] = uploads_to_open()
    assert open_upload(key)
    assert_received_once(sakura)
    replicate_pending()
    with as_center():
        assert Collection.objects.get().state == State.STORED


def test_two_workers_open_an_upload_once(sakura: Facility, token: DeviceToken) -> None:
    upload = arrived(sakura, token)
    first = start(upload, "together")
    assert first.stdout.readline() == "here\n"
    assert start(upload, "").wait(60) == 1
    first.communicate("go\n", timeout=60)
    assert first.returncode == 0
    assert_received_once(sakura)
