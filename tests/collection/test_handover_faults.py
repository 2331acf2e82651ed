"""Workers killed while they open what was handed over, two that open the same, disks full."""

import signal
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pydicom.data
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from apps.audit.models import FailedTask
from apps.audit.record import SYSTEM
from apps.catalog.models import Instance
from apps.collection import handover
from apps.collection.handover import open_upload, uploads_to_open
from apps.collection.interrupted import close_interrupted
from apps.collection.models import Collection, Receipt, State, Upload
from apps.collection.reconciliation import reconcile
from apps.collection.replication import replicate_pending
from apps.collection.stopping import MOST_ATTEMPTS, NotStopped
from apps.collection.tasks import open_again
from apps.collection.uploads import append, begin_upload
from apps.facilities.models import DeviceToken, Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.facilities.tokens import issue_token
from apps.notifications.kinds import Kind
from apps.notifications.models import Notification
from apps.vault.errors import VaultUnavailable
from apps.vault.packs import sweep_dead_batches
from medvault.workplace.waiting import stuck_uploads
from tests.collection.opening_process import STEPS
from tests.collection.sealed import manifest_of, sealed
from tests.forked import Forked
from tests.portal.pages import url
from tests.retention.workplace import act_address, in_group, shown, told

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


def test_what_kills_worker_after_worker_goes_to_staff_and_holds_up_no_other(
    sakura: Facility, token: DeviceToken, signed_in: Callable[..., Client]
) -> None:
    deadly = arrived(sakura, token)
    for _time in range(MOST_ATTEMPTS):
        assert start(deadly, "first batch").wait(60) == -signal.SIGKILL
        sweep_dead_batches()
    other = arrived(sakura, token)
    assert [open_upload(key) for key in uploads_to_open()] == [False, True]
    assert uploads_to_open() == []
    assert not open_upload(deadly.pk), "what a queue still holds opens nothing either"
    close_interrupted(grace=timedelta(0))
    with as_center():
        assert Upload.objects.get(pk=other.pk).opened_at
        collection = Collection.objects.get(uid=deadly.collection_uid)
        assert (collection.state, collection.file_count) == (State.OPEN, MOST_ATTEMPTS)
        [failed] = FailedTask.objects.filter(resolved_at=None)
        [told_staff] = Notification.objects.filter(kind=Kind.STAFF_UPLOAD_STOPPED)
        [stuck] = stuck_uploads(timezone.now())
    assert failed.message == "It was begun 3 times, and each time the worker died over it"
    assert (
        "staff see to it" in signed_in("m@sakura.example", sakura=Role.MEMBER).get(url("collections")).content.decode()
    )
    settings.STAFF_SECOND_FACTOR = False
    reception = in_group(signed_in, "reception")
    assert act_address(stuck, "open_again") in shown(reception, told_staff.path)

    told(in_group(signed_in, "administrator"), act_address(failed, "repeat"))
    open_again(*failed.arguments["args"])
    assert uploads_to_open() == [deadly.pk]
    assert told(reception, act_address(stuck, "open_again")) == [NotStopped().message]
    assert open_upload(deadly.pk)
    with as_center():
        counts = reconcile(Collection.objects.get(pk=collection.pk))
        assert (counts.stored + counts.duplicate, counts.missing) == (len(FILES), 0)
        assert FailedTask.objects.get().resolved_at
    assert list(Path(settings.UPLOADS).iterdir()) == []


def test_what_a_worker_lives_through_never_stops_an_upload(
    sakura: Facility, token: DeviceToken, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = arrived(sakura, token)

    def full(*_given: object) -> None:
        raise VaultUnavailable("The disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(handover, "receive_found", full)
        for _time in range(MOST_ATTEMPTS + 1):
            assert not open_upload(upload.pk)
    assert open_upload(upload.pk)
    assert_received_once(sakura)


def test_two_workers_open_an_upload_once(sakura: Facility, token: DeviceToken) -> None:
    upload = arrived(sakura, token)
    first = start(upload, "together")
    assert first.stdout.readline() == "here\n"
    assert start(upload, "").wait(60) == 1
    first.communicate("go\n", timeout=60)
    assert first.returncode == 0
    assert_received_once(sakura)
