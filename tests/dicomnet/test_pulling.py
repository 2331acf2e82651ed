"""The center fetches from Orthanc as a clinic's node: what is new, once, byte-checked."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pydicom
import pytest
from django.utils import timezone
from pydicom.dataset import Dataset

from apps.audit.record import SYSTEM
from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance
from apps.collection.models import Collection, Method, Outcome, ReceivedFile, State, Terminal
from apps.dicomnet import node_source, pulling, web_source
from apps.dicomnet.listing import ListedImage, ListedStudy, SourceFailed
from apps.dicomnet.models import Source
from apps.dicomnet.pulling import pull, pull_due, pull_soon, set_authorization
from apps.dicomnet.web_client import web_client
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.orders import addresses
from tests.dicomnet.conftest import Gateway, instance_uids, registered
from tests.dicomnet.hostile_node import hostile_node
from tests.dicomnet.orthanc import DICOMWEB, Orthanc, running
from tests.dicomnet.test_storing import data_set_of, path_of
from tests.notifications.told import rows
from tests.waiting import until

NAMES = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm"]
pytestmark = pytest.mark.usefixtures("committed_db")


def uid_of(name: str) -> str:
    return str(pydicom.dcmread(path_of(name)).SOPInstanceUID)


@pytest.fixture
def clinic(tmp_path: Path, gateway: Gateway) -> Iterator[Orthanc]:
    with running(tmp_path, medvault_port=gateway.port, SynchronousCMove=True) as orthanc:
        for name in NAMES:
            orthanc.call("/instances", path_of(name).read_bytes())
        yield orthanc


@pytest.fixture
def node(clinic: Orthanc, sakura: Facility) -> Terminal:
    return registered(sakura, "CLINIC", dicom_port=clinic.dicom_port)


def source_of(node: Terminal, **fields: Any) -> Source:
    with as_center():
        return Source.objects.create(facility=node.facility, terminal=node, **fields)


def require_dicomweb() -> None:
    if not DICOMWEB.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")


@pytest.fixture
def web(clinic: Orthanc, node: Terminal) -> Source:
    require_dicomweb()
    return source_of(node, via="web", url=f"{clinic.url}/dicom-web", every_hours=24)


@pytest.mark.parametrize("via", ["get", "web"])
def test_what_is_new_is_fetched_once_as_the_node_has_it(clinic: Orthanc, node: Terminal, via: str) -> None:
    if via == "web":
        require_dicomweb()
    source = source_of(node, via=via, url=f"{clinic.url}/dicom-web" if via == "web" else "", every_hours=6)
    assert pull(source) == 3
    assert source.problem == ""
    assert instance_uids() == sorted(map(uid_of, NAMES))
    with as_facility(node.facility):
        collection = Collection.objects.get()
        assert (collection.method, collection.state, collection.terminal) == (Method.PULL, State.RECEIVED, node)
        for instance in Instance.objects.select_related("pack"):
            original = next(path_of(name) for name in NAMES if uid_of(name) == instance.sop_instance_uid)
            content = open_instance(instance).read()
            syntax = pydicom.dcmread(original).file_meta.TransferSyntaxUID
            assert instance.transfer_syntax_uid == syntax
            if via == "web":
                assert data_set_of(content) == data_set_of(original.read_bytes())
    assert pull(source) == 0
    with as_facility(node.facility):
        assert Collection.objects.count() == 1
    assert source.next_at
    assert source.next_at > timezone.now() + timedelta(hours=5)
    if via == "get":  # the same images, should the node send them as well, are the same bytes
        clinic.call("/modalities/medvault/store", clinic.call("/instances"))
        with as_facility(node.facility):
            until(lambda: ReceivedFile.objects.filter(outcome=Outcome.DUPLICATE).count() == len(NAMES))


def test_by_c_move_the_images_come_through_the_gateway(node: Terminal) -> None:
    source = source_of(node, via="move")
    assert pull(source) == 3
    until(lambda: instance_uids() == sorted(map(uid_of, NAMES)))
    with as_facility(node.facility):
        assert set(Collection.objects.values_list("method", flat=True)) == {Method.DICOM}


def test_what_a_node_cannot_move_to_us_is_told_and_asked_for_again(
    sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says B000: sub-operations complete, one or more failures or warnings."""
    images = Broken("").images("1.1")
    warned = Dataset()
    warned.Status = 0xB000
    node = SimpleNamespace(is_established=False, send_c_move=lambda *_: iter([(warned, None)]))
    monkeypatch.setattr(node_source, "associate", lambda *_: node)
    monkeypatch.setattr(pulling, "unknown_images", lambda *_: [images[:2], images[2:]])
    source = source_of(registered(sakura, "CLINIC", dicom_port=1), via="move")
    assert pull(source) == 0
    assert "B000" in source.problem
    assert source.fetched_on is None


def test_a_set_that_comes_late_is_not_missed(clinic: Orthanc, web: Source) -> None:
    web.overlap_days = 366 * 30
    pull(web)
    clinic.call("/instances", path_of("waveform_ecg.dcm").read_bytes())
    ds = pydicom.dcmread(path_of("CT_small.dcm"))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.3.4")
    buffer = pydicom.filebase.DicomBytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    clinic.call("/instances", buffer.getvalue())
    assert pull(web) == 2
    assert "1.2.3.4" in instance_uids()


def test_only_from_the_day_that_was_agreed(web: Source) -> None:
    web.first_on = date(2004, 8, 1)
    assert pull(web) == 2
    assert uid_of("CT_small.dcm") not in instance_uids()


class Broken:
    """A source that does wrong in a chosen way."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.fetches = 0

    def studies(self, since: date | None) -> list[ListedStudy]:
        return [ListedStudy("1.1", None)]

    def images(self, study_instance_uid: str) -> list[ListedImage]:
        return [ListedImage("1.1", "1.1.1", uid_of(name), "1.2") for name in NAMES[:2]] + [
            ListedImage("1.1", "1.1.2", uid_of(NAMES[2]), "1.2")
        ]

    def fetch(self, images: list[ListedImage], folder: Path) -> None:
        self.fetches += 1
        if self.how == "refuses" and images[0].series_instance_uid == "1.1.1":
            raise SourceFailed("The node refuses")
        if self.how == "goes away" and images[0].series_instance_uid == "1.1.2":
            raise SourceFailed("The node went away")
        for image in images:
            content = next(path_of(name).read_bytes() for name in NAMES if uid_of(name) == image.sop_instance_uid)
            if self.how == "differs" and self.fetches == 2:
                content = content[:-2] + b"\1\1"
            if self.how == "keeps back" and image.sop_instance_uid == uid_of(NAMES[0]):
                continue
            (folder / image.sop_instance_uid).write_bytes(content)


@pytest.mark.parametrize(
    ("how", "came", "told"),
    [("differs", 1, "differ"), ("keeps back", 2, "deliver"), ("goes away", 2, "went away"), ("refuses", 1, "refuses")],
)
def test_what_is_wrong_with_a_source_is_told_and_tried_again_and_the_rest_is_kept(
    sakura: Facility, monkeypatch: pytest.MonkeyPatch, how: str, came: int, told: str
) -> None:
    source = source_of(registered(sakura, "CLINIC", dicom_port=1), via="get", every_hours=24)
    monkeypatch.setattr(pulling, "reader_of", lambda _source: Broken(how))
    assert pull(source) == came
    assert told in source.problem
    assert source.fetched_on is None
    assert source.next_at
    assert source.next_at < timezone.now() + timedelta(hours=1)
    assert len(instance_uids()) == came
    monkeypatch.setattr(pulling, "reader_of", lambda _source: Broken(""))
    assert pull(source) == 3 - came
    assert len(instance_uids()) == 3


@pytest.mark.parametrize("via", ["get", "web"])
def test_a_source_that_is_not_there_is_told(sakura: Facility, via: str) -> None:
    source = source_of(
        registered(sakura, "CLINIC", dicom_port=1), via=via, url="http://127.0.0.1:1/dicom-web" if via == "web" else ""
    )
    assert pull(source) == 0
    assert "answer" in source.problem
    assert rows(Kind.STAFF_NODE_UNREACHABLE) == []
    for _again in range(2):
        pull(source)
    [told] = rows(Kind.STAFF_NODE_UNREACHABLE)
    assert (told.path, told.facts) == (f"/admin/dicomnet/source/{source.pk}/change/", {"node": "CLINIC"})


def test_two_workers_fetch_once(web: Source) -> None:
    pull_soon(web, actor=SYSTEM)
    fetched: list[int] = []
    threads = [threading.Thread(target=lambda: fetched.append(pull_due())) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(fetched) == [0, 1]
    assert len(instance_uids()) == 3


def test_what_opens_the_server_is_kept_sealed_and_sent(web: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    set_authorization(web, "Bearer secret-of-the-clinic", actor=SYSTEM)
    with as_center():
        stored = Source.objects.get(pk=web.pk)
    assert b"secret" not in bytes(stored.sealed_authorization or b"")
    reader = pulling.reader_of(stored)
    assert reader._client.headers["Authorization"] == "Bearer secret-of-the-clinic"  # type: ignore[attr-defined]


def test_a_node_that_lists_paths_reads_and_removes_no_file_of_the_center(sakura: Facility, tmp_path: Path) -> None:
    secret = tmp_path / "of another clinic.dcm"
    secret.write_bytes(path_of("CT_small.dcm").read_bytes())
    with hostile_node(SOPInstanceUID=str(secret)) as port:
        source = source_of(registered(sakura, "CLINIC", dicom_port=port), via="get", every_hours=24)
        assert pull(source) == 0
    assert secret.exists()
    assert instance_uids() == []
    assert "UIDs" in source.problem


def test_a_node_that_lists_without_end_is_left_alone(sakura: Facility, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_source, "MOST_LISTED", 5)
    with hostile_node(matches=6) as port:
        source = source_of(registered(sakura, "CLINIC", dicom_port=port), via="get")
        assert pull(source) == 0
    assert "more than" in source.problem


STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ([STUDY] * web_source.PAGE, "same page"),
        ([{"0020000D": "1.2.3"}], "UIDs"),
        ([{"0020000D": {"Value": {"a": 1}}}], "UIDs"),
        ([{"0020000D": {"Value": ["../../x"]}}], "UIDs"),
        ([STUDY | {"00201208": {"Value": ["\N{SUPERSCRIPT TWO}"]}}], "no DICOM JSON"),  # its images have no study
        ("[" * 200_000, "no DICOM JSON"),
        ([{"00100010": {"Value": ["x" * 10_000]}}], "too long"),
    ],
)
def test_a_server_that_answers_with_anything_is_told_and_exhausts_nothing(
    sakura: Facility, monkeypatch: pytest.MonkeyPatch, answer: Any, told: str
) -> None:
    monkeypatch.setattr(web_source, "LONGEST_ANSWER", 1 << 20 if "too long" not in told else 5000)
    body = answer if isinstance(answer, str) else json.dumps(answer)
    answers = {"/studies": gzip.compress(body.encode()), "/studies/1.2.3/instances": gzip.compress(b'"none"')}

    def answered(request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/dicom-web")
        return httpx.Response(200, content=answers[path], headers={"Content-Encoding": "gzip"})

    source = source_of(registered(sakura, "CLINIC", dicom_port=1), via="web", url="https://pacs.example/dicom-web")
    reader = pulling.reader_of(source)
    reader._client = httpx.Client(transport=httpx.MockTransport(answered))  # type: ignore[attr-defined]
    monkeypatch.setattr(pulling, "reader_of", lambda _source: reader)
    assert pull(source) == 0
    assert told in source.problem


def test_what_a_server_sends_fills_no_disk(
    sakura: Facility, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path
) -> None:
    settings.VAULT_SPOOL = tmp_path / "spool"
    monkeypatch.setattr(web_source, "CHECK_DISK_EVERY", 1000)
    monkeypatch.setattr("apps.vault.spool.RESERVE", 1 << 60)
    image = {"0020000E": {"Value": ["1.2.3.1"]}, "00080018": {"Value": ["1.2.3.1.1"]}}
    part = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + b"x" * 5000 + b"\r\n--b--\r\n"

    def answered(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("1.2.3.1.1"):
            return httpx.Response(200, content=part, headers={"Content-Type": "multipart/related; boundary=b"})
        return httpx.Response(200, json=[image if request.url.path.endswith("/instances") else STUDY])

    source = source_of(registered(sakura, "CLINIC", dicom_port=1), via="web", url="https://pacs.example/dicom-web")
    reader = pulling.reader_of(source)
    reader._client = httpx.Client(transport=httpx.MockTransport(answered))  # type: ignore[attr-defined]
    monkeypatch.setattr(pulling, "reader_of", lambda _source: reader)
    assert pull(source) == 0
    assert "could not be written" in source.problem


@pytest.mark.parametrize("way", ["source", "node"])
def test_a_name_that_leads_into_the_center_is_not_followed(
    sakura: Facility, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """However it is written, and whatever it resolved to when somebody looked at it."""
    monkeypatch.setattr(addresses, "_METADATA", {ip_address("127.0.0.1"), ip_address("::1")})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://localhost:{listener.getsockname()[1]}/dicom-web"
        if way == "source":
            source = source_of(registered(sakura, "CLINIC", dicom_port=1), via="web", url=url)
            assert pull(source) == 0
            assert "answer" in source.problem
        else:
            with pytest.raises(httpx.ConnectError, match="such an address"):
                web_client("").get(url)
        with pytest.raises(BlockingIOError):
            listener.accept()
