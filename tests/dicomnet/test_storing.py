"""Senders that others wrote store over the DICOM network; what is acknowledged is there, byte for byte, once."""

import fcntl
import socket
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pydicom
import pydicom.data
import pytest
from django.conf import settings
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import CTImageStorage, Verification  # type: ignore[attr-defined]

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.collection.models import Collection, Outcome, ReceivedFile, State
from apps.collection.promises import pack_promised
from apps.collection.replication import replicate_pending
from apps.dicomnet.reactor import keep_answers
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.dicomnet.conftest import Gateway, instance_uids, registered, run_dcmtk
from tests.waiting import until

NAMES = [
    "CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "SC_rgb_rle.dcm", "image_dfl.dcm",
    "reportsi.dcm", "waveform_ecg.dcm", "693_J2KR.dcm",
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("committed_db")


def path_of(name: str) -> Path:
    return Path(str(pydicom.data.get_testdata_file(name)))


def data_set_of(content: bytes) -> bytes:
    """What follows the file meta information: the bytes that travel."""
    length = struct.unpack_from("<I", content, 140)[0]
    return content[144 + length :]


def associated(
    gateway: Gateway, *contexts: tuple[Any, Any], ae: str = "CT1", called: str = "MEDVAULT", **more: Any
) -> Association:
    """An association with the gateway, for C-ECHO unless told. `more`: for AE.associate."""
    entity = AE(ae)
    for abstract, transfer in contexts or ((Verification, None),):
        entity.add_requested_context(abstract, transfer)
    return keep_answers(entity.associate("127.0.0.1", gateway.port, ae_title=called, **more))


def ct(n: int = 1) -> Dataset:
    ds = pydicom.dcmread(path_of("CT_small.dcm"))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID(f"1.2.826.0.1.{n}")
    return ds


def send_ct(gateway: Gateway, count: int) -> list[str]:
    """Acknowledged UIDs of that many images, the association left open."""
    assoc = associated(gateway, (CTImageStorage, "1.2.840.10008.1.2.1"))
    assert assoc.is_established
    for n in range(count):
        assert assoc.send_c_store(ct(n)).Status == 0
    return [f"1.2.826.0.1.{n}" for n in range(count)]


@pytest.mark.usefixtures("terminal")
def test_every_transfer_syntax_is_kept_as_sent(
    gateway: Gateway, sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "STORE_SEND_CHUNKED_DATASET", True)  # the file's bytes, not an encoding anew
    expected = {}
    for name in NAMES:
        content = path_of(name).read_bytes()
        ds = pydicom.dcmread(path_of(name))
        expected[str(ds.SOPInstanceUID)] = data_set_of(content)
        context = (ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
        assoc = associated(gateway, context)
        assert assoc.is_established, name
        assert assoc.send_c_store(path_of(name)).Status == 0, name
        assoc.release()
    until(lambda: len(instance_uids()) == len(expected))
    with as_facility(sakura):
        for instance in Instance.objects.select_related("pack"):
            content = open_instance(instance).read()
            assert data_set_of(content) == expected[instance.sop_instance_uid]
            read = pydicom.dcmread(DicomBytesIO(content))
            assert str(read.file_meta.MediaStorageSOPInstanceUID) == instance.sop_instance_uid


@pytest.mark.usefixtures("terminal")
def test_an_association_is_a_collection_of_its_terminal(gateway: Gateway, sakura: Facility) -> None:
    folder = [str(path_of(name)) for name in ("CT_small.dcm", "MR_small.dcm")]
    sent = run_dcmtk("storescu", "-aet", "CT1", "-aec", "MEDVAULT", "127.0.0.1", str(gateway.port), *folder)
    assert sent.returncode == 0, sent.stderr
    with as_facility(sakura):
        until(lambda: Collection.objects.filter(state=State.RECEIVED).exists())
        collection = Collection.objects.get()
        assert collection.stored_count == 2
        assert (collection.method, collection.terminal and collection.terminal.name) == ("dicom", "CT1")
        assert collection.reception_record.source_address == "127.0.0.1"
    replicate_pending()
    with as_facility(sakura):
        assert Collection.objects.get().state == State.STORED


@pytest.mark.usefixtures("terminal")
def test_the_same_image_from_another_terminal_is_no_conflict(gateway: Gateway, sakura: Facility) -> None:
    registered(sakura, "PACS")
    for ae in ("CT1", "PACS"):
        called = ("-aet", ae, "-aec", "MEDVAULT", "127.0.0.1", str(gateway.port))
        assert run_dcmtk("storescu", *called, str(path_of("CT_small.dcm"))).returncode == 0
        with as_facility(sakura):
            until(Collection.objects.filter(terminal__name=ae, state=State.RECEIVED).exists)
    with as_facility(sakura):
        assert sorted(ReceivedFile.objects.values_list("outcome", flat=True)) == [Outcome.DUPLICATE, Outcome.STORED]


@pytest.mark.usefixtures("terminal")
def test_echo_is_answered(gateway: Gateway) -> None:
    assert run_dcmtk("echoscu", "-aet", "CT1", "-aec", "MEDVAULT", "127.0.0.1", str(gateway.port)).returncode == 0


@pytest.mark.usefixtures("terminal")
def test_what_was_acknowledged_survives_the_death_of_every_process(
    start_gateway: Callable[..., Gateway], sakura: Facility
) -> None:
    gateway = start_gateway()
    acknowledged = send_ct(gateway, 25)
    gateway.kill()
    pack_promised()
    assert instance_uids() == sorted(acknowledged)
    with as_facility(sakura):
        assert Collection.objects.get().state == State.RECEIVED
        assert ReceivedFile.objects.filter(outcome=Outcome.STORED).count() == len(acknowledged)
    assert pack_promised() == 0
    assert list((Path(settings.VAULT_SPOOL) / "journals").iterdir()) == []


@pytest.mark.usefixtures("terminal")
def test_a_gateway_that_starts_again_packs_what_the_one_before_acknowledged(
    start_gateway: Callable[..., Gateway],
) -> None:
    gateway = start_gateway()
    acknowledged = send_ct(gateway, 10)
    gateway.kill()
    start_gateway()
    until(lambda: instance_uids() == sorted(acknowledged))


@pytest.mark.usefixtures("terminal")
def test_images_are_searchable_while_the_association_lasts(gateway: Gateway, sakura: Facility) -> None:
    acknowledged = send_ct(gateway, 3)
    until(lambda: instance_uids() == sorted(acknowledged))
    with as_facility(sakura):
        assert Collection.objects.get().state == State.OPEN


@pytest.mark.usefixtures("terminal")
def test_a_sender_that_aborts_leaves_the_images_before_and_none_of_the_one_it_broke_off(gateway: Gateway) -> None:
    assoc = associated(gateway, (CTImageStorage, "1.2.840.10008.1.2.1"))
    assert assoc.send_c_store(ct(1)).Status == 0
    broken_off(assoc, ct(2))
    until(lambda: instance_uids() == ["1.2.826.0.1.1"])
    with as_center():
        until(lambda: Collection.objects.filter(state=State.RECEIVED).exists())
    assert instance_uids() == ["1.2.826.0.1.1"]


def broken_off(assoc: Association, ds: Dataset) -> None:
    """The command and half of the data set, then an abort."""
    raw = DicomBytesIO()
    raw.is_little_endian, raw.is_implicit_VR = True, False
    write_dataset(raw, ds)
    request = C_STORE()
    request.MessageID, request.Priority = 9, 2
    request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    request.DataSet = BytesIO(raw.getvalue())
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    parts: list[P_DATA] = list(message.encode_msg(1, 4096))
    for part in parts[: len(parts) // 2]:
        assoc.dul.send_pdu(part)
    assoc.abort()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("uid", ["../../../etc/passwd", "1.2/../3", "A.1"])
def test_a_uid_that_is_none_is_refused_and_the_association_goes_on(
    gateway: Gateway, uid: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_config, "ENFORCE_UID_CONFORMANCE", False)
    assoc = associated(gateway, (CTImageStorage, "1.2.840.10008.1.2.1"))
    ds = ct(1)
    ds.SOPInstanceUID = pydicom.uid.UID(uid)
    assert assoc.send_c_store(ds).Status == 0x0117
    assert assoc.send_c_store(ct(2)).Status == 0
    assoc.release()
    until(lambda: instance_uids() == ["1.2.826.0.1.2"])


@pytest.mark.usefixtures("terminal")
def test_a_data_set_that_cannot_be_read_is_quarantined_not_lost(gateway: Gateway, sakura: Facility) -> None:
    assoc = associated(gateway, (CTImageStorage, "1.2.840.10008.1.2.1"))
    ds = ct(1)
    del ds.StudyInstanceUID
    assert assoc.send_c_store(ds).Status == 0
    assoc.release()
    with as_facility(sakura):
        until(lambda: ReceivedFile.objects.filter(outcome=Outcome.QUARANTINED).exists())


@pytest.mark.usefixtures("terminal")
def test_an_abstract_syntax_that_is_no_storage_is_not_accepted(gateway: Gateway) -> None:
    assoc = associated(gateway, ("1.2.840.10008.5.1.1.9", None), (Verification, None))
    assert [context.result for context in assoc.rejected_contexts] == [3]
    assert assoc.send_c_echo().Status == 0
    assoc.release()


def rejection_of(gateway: Gateway, **titles: str) -> tuple[int, int, int]:
    """Result, source and reason. pynetdicom at times takes a rejection for an abort: then it is asked again."""

    def rejected() -> Association | None:
        assoc = associated(gateway, **titles)
        assert not assoc.is_established
        return assoc if assoc.is_rejected else None

    answer = until(rejected).acceptor.primitive
    return answer.result, answer.result_source, answer.diagnostic


def test_a_caller_that_is_not_registered_is_rejected(gateway: Gateway, sakura: Facility) -> None:
    registered(sakura, "FARAWAY", address="192.0.2.7")
    registered(sakura, "TLSONLY", certificate_sha256=b"\1" * 32)
    registered(sakura, "CT1")
    for ae in ("NOBODY", "FARAWAY", "TLSONLY", "*", "CT1*", "ct1"):
        assert rejection_of(gateway, ae=ae) == (1, 1, 3), ae
    assert rejection_of(gateway, called="OTHER") == (1, 1, 7)
    assert associated(gateway).is_established


def test_two_facilities_use_one_ae_title_only_from_two_addresses(gateway: Gateway, sakura: Facility,
                                                                 lindenhof: Facility) -> None:  # fmt: skip
    registered(sakura, "CT1")
    registered(lindenhof, "CT1", address="192.0.2.9")
    send_ct(gateway, 1)
    with as_facility(sakura):
        until(Instance.objects.exists)
    with as_facility(lindenhof):
        assert not Instance.objects.exists()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\1\0\xff\xff\xff\xff" + b"\0" * 64,
        b"\4\0\xff\xff\xff\xff" + b"\0" * 64,
        b"GET / HTTP/1.1\r\n\r\n",
        b"\1\0\0\0\0\4\0\1\0\0",
        b"\x16\x03\x01" + b"\0" * 64,
    ],
)
def test_what_is_no_association_request_is_aborted_and_others_are_served(gateway: Gateway, bytes_sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as sock:
        sock.sendall(bytes_sent)
        assert sock.recv(100)[:1] == b"\7"
        assert sock.recv(100) == b""
    assert associated(gateway).send_c_echo().Status == 0


@pytest.mark.usefixtures("terminal")
def test_a_pdu_longer_than_agreed_is_aborted(gateway: Gateway) -> None:
    assoc = associated(gateway)
    assert assoc.dul.socket
    assert assoc.dul.socket.socket
    assoc.dul.socket.socket.sendall(b"\4\0\xff\xff\xff\xff")
    until(lambda: assoc.is_aborted)


def out_of_the_way(sock: socket.socket) -> socket.socket:
    """The same under a high number: pynetdicom waits by select(), which knows files below 1024 alone."""
    moved = socket.socket(fileno=fcntl.fcntl(sock, fcntl.F_DUPFD_CLOEXEC, 2048))
    moved.settimeout(sock.gettimeout())
    sock.close()
    return moved


@pytest.mark.usefixtures("terminal")
def test_a_thousand_idle_connections_are_bounded_and_do_not_stop_it_for_good(
    start_gateway: Callable[..., Gateway], sakura: Facility
) -> None:
    gateway = start_gateway(DICOM_MAX_ASSOCIATIONS_PER_PEER="20")
    registered(sakura, "CT2", address="127.0.0.2")
    idle = [out_of_the_way(socket.create_connection(("127.0.0.1", gateway.port), timeout=20)) for _ in range(1000)]
    answers = [sock.recv(10) for sock in idle[-5:]]
    assert answers == [b"\3\0\0\0\0\4\0\2\3\2"] * 5
    assoc = associated(gateway, ae="CT2", bind_address=("127.0.0.2", 0))
    assert assoc.send_c_echo().Status == 0
    assoc.release()
    for sock in idle:
        sock.close()

    def is_served() -> bool:
        assoc = associated(gateway)
        return bool(assoc.is_established and assoc.send_c_echo().Status == 0)

    until(is_served)


@pytest.mark.usefixtures("terminal")
def test_a_large_image_is_not_held_in_memory(gateway: Gateway, tmp_path: Path) -> None:
    ds = pydicom.dcmread(path_of("CT_small.dcm"))
    ds.NumberOfFrames, ds.PixelData = 4000, ds.PixelData * 4000
    path = tmp_path / "large.dcm"
    ds.save_as(path, enforce_file_format=True)
    assert path.stat().st_size > 120_000_000
    children = psutil.Process(gateway.process.pid).children()
    before = sum(child.memory_info().rss for child in children)
    sent = run_dcmtk("storescu", "-aet", "CT1", "-aec", "MEDVAULT", "127.0.0.1", str(gateway.port), str(path))
    assert sent.returncode == 0, sent.stderr
    assert sum(child.memory_info().rss for child in children) - before < 32_000_000
    until(instance_uids)


@pytest.mark.usefixtures("terminal")
def test_a_worker_that_dies_is_replaced(start_gateway: Callable[..., Gateway]) -> None:
    gateway = start_gateway()
    for child in psutil.Process(gateway.process.pid).children():
        child.kill()

    def is_served() -> bool:
        assoc = associated(gateway)
        return bool(assoc.is_established and assoc.send_c_echo().Status == 0)

    until(is_served)
    assert send_ct(gateway, 1)
    until(instance_uids)
