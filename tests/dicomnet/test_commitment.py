"""Storage commitment: a terminal deletes only what lies safe in two places, byte for byte."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.utils import timezone
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, MRImageStorage, StorageCommitmentPushModel  # type: ignore[attr-defined]

from apps.catalog.models import Instance
from apps.collection.models import Terminal
from apps.collection.replication import replicate_pending
from apps.dicomnet import committing, verifying
from apps.dicomnet.committing import report_due
from apps.dicomnet.models import Commitment
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.vault.places import place
from tests.dicomnet.conftest import Gateway, instance_uids, registered
from tests.dicomnet.orthanc import running
from tests.dicomnet.test_storing import associated, path_of
from tests.notifications.told import rows
from tests.ports import free_port
from tests.waiting import until

INSTANCE = "1.2.840.10008.1.20.1.1"
CT = pydicom.dcmread(path_of("CT_small.dcm"))
pytestmark = pytest.mark.usefixtures("committed_db")


def asked(*references: tuple[str, str], transaction: str = "1.2.3.4") -> Dataset:
    ds = Dataset()
    ds.TransactionUID = transaction
    ds.ReferencedSOPSequence = []
    for sop_class, uid in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
        ds.ReferencedSOPSequence.append(item)
    return ds


class Listener:
    """What a terminal is told, over whichever association."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, Dataset]] = []
        self.handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._keep)]

    def _keep(self, event: evt.Event) -> tuple[int, None]:
        assert event.event_type
        self.reports.append((event.event_type, event.event_information))
        return 0, None

    @property
    def report(self) -> tuple[int, Dataset]:
        until(lambda: self.reports)
        return self.reports[0]


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def node(sakura: Facility, listener: Listener) -> Iterator[Terminal]:
    """A terminal that takes reports on a port of its own."""
    port = free_port()
    entity = AE("CT1")
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=False)
    entity.add_supported_context(StorageCommitmentPushModel, scu_role=True, scp_role=True)
    server = entity.start_server(("127.0.0.1", port), block=False, evt_handlers=listener.handlers)
    assert server
    yield registered(sakura, "CT1", dicom_port=port)
    server.shutdown()


@pytest.fixture
def stored(gateway: Gateway, node: Terminal) -> Gateway:
    assoc = associated(gateway, (CTImageStorage, "1.2.840.10008.1.2.1"))
    assert assoc.send_c_store(path_of("CT_small.dcm")).Status == 0
    assoc.release()
    until(instance_uids)
    return gateway


def ask(gateway: Gateway, *references: tuple[str, str]) -> int:
    assoc = associated(gateway, (StorageCommitmentPushModel, None))
    status, _ = assoc.send_n_action(asked(*references), 1, StorageCommitmentPushModel, INSTANCE)
    assoc.release()
    return int(status.Status)


def test_it_is_told_over_the_same_association_while_that_lasts(gateway: Gateway, node: Terminal,
                                                               listener: Listener) -> None:  # fmt: skip
    contexts = (CTImageStorage, "1.2.840.10008.1.2.1"), (StorageCommitmentPushModel, None)
    assoc = associated(gateway, *contexts, evt_handlers=listener.handlers)
    assert assoc.send_c_store(path_of("CT_small.dcm")).Status == 0
    ds = asked((CT.SOPClassUID, CT.SOPInstanceUID))
    assert assoc.send_n_action(ds, 1, StorageCommitmentPushModel, INSTANCE)[0].Status == 0
    assert listener.reports == []
    until(instance_uids)
    replicate_pending()
    kind, report = listener.report
    assert (kind, report.TransactionUID) == (1, "1.2.3.4")
    assert [item.ReferencedSOPInstanceUID for item in report.ReferencedSOPSequence] == [CT.SOPInstanceUID]
    assert "FailedSOPSequence" not in report
    with as_center():
        until(lambda: Commitment.objects.exclude(reported_at=None).exists())
    assoc.release()


def test_it_is_told_over_an_association_of_ours_when_the_other_has_ended(stored: Gateway, listener: Listener) -> None:
    assert ask(stored, (CT.SOPClassUID, CT.SOPInstanceUID)) == 0
    assert listener.reports == []
    replicate_pending()
    kind, report = listener.report
    assert kind == 1
    assert len(report.ReferencedSOPSequence) == 1


def test_each_image_that_is_not_safe_is_named_with_the_reason(
    stored: Gateway, node: Terminal, lindenhof: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    mr = pydicom.dcmread(path_of("MR_small.dcm"))
    registered(lindenhof, "OTHER")
    assoc = associated(stored, (MRImageStorage, "1.2.840.10008.1.2.1"), ae="OTHER")
    assert assoc.send_c_store(path_of("MR_small.dcm")).Status == 0
    assoc.release()
    until(lambda: len(instance_uids()) == 2)
    replicate_pending()
    commitment = Commitment(
        facility=node.facility, terminal=node, transaction_uid="1.2", requested_at=timezone.now(),
        references=[[CT.SOPClassUID, CT.SOPInstanceUID], [mr.SOPClassUID, mr.SOPInstanceUID]],
    )  # fmt: skip
    later = timezone.now() + timedelta(hours=1)
    with as_center():
        assert verifying.failures_of(commitment, now=timezone.now()) is None
        assert verifying.failures_of(commitment, now=later) == {mr.SOPInstanceUID: 0x0112}
        commitment.references = [[mr.SOPClassUID, CT.SOPInstanceUID]]
        assert verifying.failures_of(commitment, now=later) == {CT.SOPInstanceUID: 0x0119}
        commitment.references = [[CT.SOPClassUID, CT.SOPInstanceUID]]
        assert verifying.failures_of(commitment, now=later) == {}
        instance = Instance.objects.select_related("pack").get(sop_instance_uid=CT.SOPInstanceUID)
        path = Path(place("primary").path(instance.pack.name))  # type: ignore[attr-defined]
        content = bytearray(path.read_bytes())
        content[instance.pack_offset + 900] ^= 1
        path.write_bytes(content)
        assert verifying.failures_of(commitment, now=later) == {CT.SOPInstanceUID: 0x0110}
        path.unlink()
        assert verifying.failures_of(commitment, now=later) == {CT.SOPInstanceUID: 0x0110}


def test_what_has_one_copy_only_is_not_committed(stored: Gateway, node: Terminal) -> None:
    commitment = Commitment(
        facility=node.facility, terminal=node, transaction_uid="1.2", requested_at=timezone.now(),
        references=[[CT.SOPClassUID, CT.SOPInstanceUID]],
    )  # fmt: skip
    with as_center():
        assert verifying.failures_of(commitment, now=timezone.now()) is None
        late = timezone.now() + timedelta(hours=1)
        assert verifying.failures_of(commitment, now=late) == {CT.SOPInstanceUID: 0x0110}


def test_a_terminal_that_does_not_answer_is_told_later(stored: Gateway, sakura: Facility, node: Terminal) -> None:
    with as_facility(sakura):
        Terminal.objects.filter(pk=node.pk).update(dicom_port=free_port())
        made = Commitment.objects.create(
            facility=sakura, terminal=node, transaction_uid="1.9", requested_at=timezone.now(), failures={},
            verified_at=timezone.now(), references=[[CT.SOPClassUID, CT.SOPInstanceUID]], next_at=timezone.now(),
        )  # fmt: skip

    def was_tried() -> bool:
        with as_center():
            made.refresh_from_db()
        return made.attempts > 0

    until(was_tried)
    assert made.reported_at is None
    assert made.next_at
    assert made.next_at > timezone.now() + timedelta(seconds=30)
    assert rows(Kind.STAFF_NODE_UNREACHABLE) == []
    with as_facility(sakura):
        Commitment.objects.filter(pk=made.pk).update(attempts=2, next_at=timezone.now())
    until(lambda: rows(Kind.STAFF_NODE_UNREACHABLE))


def test_two_reporters_tell_once(sakura: Facility, node: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    def report_to(key: int) -> bool:
        told.append(key)
        return True

    monkeypatch.setattr(committing, "_report_to", report_to)
    with as_facility(sakura):
        for number in range(40):
            Commitment.objects.create(
                facility=sakura, terminal=node, transaction_uid=f"1.9.{number}", requested_at=timezone.now(),
                failures={}, verified_at=timezone.now(), references=[], next_at=timezone.now(),
            )  # fmt: skip
    barrier = threading.Barrier(2)

    def tell() -> None:
        barrier.wait()
        report_due()

    threads = [threading.Thread(target=tell) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert told  # the shared gateway may have taken some
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("transaction", ["", "1" * 65])
def test_a_request_that_names_nothing_is_refused(gateway: Gateway, node: Terminal, transaction: str) -> None:
    assoc = associated(gateway, (StorageCommitmentPushModel, None))
    ds = asked((CT.SOPClassUID, CT.SOPInstanceUID))
    ds.TransactionUID = transaction
    assert assoc.send_n_action(ds, 1, StorageCommitmentPushModel, INSTANCE)[0].Status == 0x0115
    assert assoc.send_n_action(asked(), 1, StorageCommitmentPushModel, INSTANCE)[0].Status == 0x0115
    wrong = assoc.send_n_action(asked((CT.SOPClassUID, "1.2")), 2, StorageCommitmentPushModel, INSTANCE)[0]
    assert wrong.Status == 0x0123
    assoc.release()


def test_orthanc_stores_asks_and_deletes_only_what_is_safe(gateway: Gateway, sakura: Facility, tmp_path: Path) -> None:
    with running(tmp_path, medvault_port=gateway.port) as orthanc:
        registered(sakura, "CLINIC", dicom_port=orthanc.dicom_port)
        ct = orthanc.call("/instances", path_of("CT_small.dcm").read_bytes())["ID"]
        mr = orthanc.call("/instances", path_of("MR_small.dcm").read_bytes())["ID"]
        orthanc.call("/modalities/medvault/store", [ct])
        until(instance_uids)
        replicate_pending()
        both = orthanc.call("/modalities/medvault/storage-commitment", {"Resources": [ct]})["ID"]
        until(lambda: orthanc.call(f"/storage-commitment/{both}")["Status"] == "Success")
        orthanc.call(f"/storage-commitment/{both}/remove", b"", method="POST")
        assert orthanc.call("/instances") == [mr]


@pytest.mark.slow
def test_orthanc_keeps_what_was_never_sent(gateway: Gateway, sakura: Facility, tmp_path: Path) -> None:
    with running(tmp_path, medvault_port=gateway.port) as orthanc:
        registered(sakura, "CLINIC", dicom_port=orthanc.dicom_port)
        mr = orthanc.call("/instances", path_of("MR_small.dcm").read_bytes())["ID"]
        asked_for = orthanc.call("/modalities/medvault/storage-commitment", {"Resources": [mr]})["ID"]

        def is_known() -> bool:
            with as_center():  # as if it had waited long enough for the image
                Commitment.objects.update(requested_at=timezone.now() - verifying.ARRIVES_WITHIN)
            return bool(orthanc.call(f"/storage-commitment/{asked_for}")["Status"] == "Failure")

        until(is_known)
        [failure] = orthanc.call(f"/storage-commitment/{asked_for}")["Failures"]
        assert failure["FailureReason"] == 0x0112, failure
        assert orthanc.call("/instances") == [mr]


def test_retries_end() -> None:
    assert timedelta(days=6) < sum(committing.RETRY, timedelta()) < timedelta(days=10)
