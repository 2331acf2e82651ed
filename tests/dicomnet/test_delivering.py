"""Orders go to receiving nodes that others wrote: each image once, every answer kept, nothing charged in vain."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pydicom
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.db import connections
from medvault_edge.errors import NotVerified
from medvault_edge.manifests import verify_manifest
from pynetdicom import AE, AllStoragePresentationContexts, evt

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.audit.signing import published_keys
from apps.catalog.models import Instance
from apps.core.clock import database_now
from apps.dicomnet import certificates, delivering, web_sending
from apps.dicomnet.delivering import deliver_due
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.kinds import Kind
from apps.orders.delivering import AGAIN_AFTER, delivery_of, dispatch_taken
from apps.orders.errors import IllegalTransition, InvalidOptions
from apps.orders.manifest import read_manifest
from apps.orders.models import Delivery, Order, OrderKind, Output, State
from apps.orders.nodes import set_authorization
from apps.orders.outputs import opened
from apps.orders.working import send_back
from tests.dicomnet.conftest import dcmtk
from tests.dicomnet.orthanc import DICOMWEB, running
from tests.dicomnet.test_storing import data_set_of, path_of
from tests.edge.wires import is_open
from tests.notifications.told import rows
from tests.orders.sent import node, on_its_way, ready, send
from tests.orders.stories import fresh, may_order, produce, state_of
from tests.portal.pages import dicom, store
from tests.ports import free_port
from tests.waiting import until

NAMES = ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm", "image_dfl.dcm"]
UIDS = [f"2.25.1.1.{number}" for number in range(1, 7)]
PRICES = {"base_fee": "20000", "transfer": "700"}
pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def staff(committed_db: None, person: Callable[..., User]) -> User:
    return person("staff@center.example", is_staff=True)


@pytest.fixture
def clinic(sakura: Facility) -> Facility:
    """It has images of four kinds, in as many transfer syntaxes."""
    store(sakura, *(path_of(name).read_bytes() for name in NAMES))
    may_order(sakura, **PRICES)
    return sakura


@pytest.fixture
def series(sakura: Facility) -> Facility:
    """It has a series of six images."""
    store(sakura, *(dicom(1, number) for number in range(1, 7)))
    may_order(sakura, **PRICES)
    return sakura


class Receiver:
    """A node that answers as it is told, and remembers what it was sent."""

    def __init__(self, answer: Callable[[int, Any], int]) -> None:
        self.sent: list[str] = []
        self.port = free_port()
        self.answer = answer

    def store(self, event: Any) -> int:
        self.sent.append(str(event.request.AffectedSOPInstanceUID))
        return self.answer(len(self.sent), event)


@contextmanager
def receiving(answer: Callable[[int, Any], int] = lambda _number, _event: 0) -> Iterator[Receiver]:
    receiver, entity = Receiver(answer), AE("CLINIC")
    entity.supported_contexts = AllStoragePresentationContexts[:120]
    handlers: list[Any] = [(evt.EVT_C_STORE, receiver.store)]
    server = entity.start_server(("127.0.0.1", receiver.port), block=False, evt_handlers=handlers)
    assert server
    yield receiver
    server.shutdown()


def report_of(order: Order) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with as_center():
        output = Output.objects.filter(order=order).latest("number")
    with opened(output) as file:
        claims, entries = read_manifest(file)
        return claims, list(entries)


def delivery_to(order: Order) -> Delivery:
    with as_center():
        delivery = delivery_of(order)
    assert delivery
    return delivery


def due_now(order: Order) -> None:
    with as_center():
        Delivery.objects.filter(order=order).update(next_at=database_now())


def charged(order: Order) -> bool:
    return fresh(order).delivered_at is not None


@pytest.mark.parametrize("via", ["dicom", "web"])
def test_orthanc_gets_every_image_as_it_is_stored(clinic: Facility, staff: User, tmp_path: Path, via: str) -> None:
    if via == "web" and not DICOMWEB.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    with running(tmp_path, medvault_port=1) as orthanc:
        fields = {"url": f"{orthanc.url}/dicom-web"} if via == "web" else {"dicom_port": orthanc.dicom_port}
        order = on_its_way(clinic, staff, node=node(clinic, **fields).pk)
        assert (state_of(order), charged(order)) == (State.READY, False)
        assert (deliver_due(), deliver_due()) == (1, 0)
        there = [urlopen(f"{orthanc.url}/instances/{key}/file").read() for key in orthanc.call("/instances")]
    found = {each.SOPInstanceUID: each for each in map(pydicom.dcmread, map(BytesIO, there))}
    assert found == {each.SOPInstanceUID: each for each in map(pydicom.dcmread, map(path_of, NAMES))}
    order = fresh(order)
    assert (order.state, charged(order), order.problem) == (State.DISPATCHED, True, "")
    claims, entries = report_of(order)
    assert (claims["node"], claims["taken"], claims["files"]) == ("CLINIC", len(NAMES), len(NAMES))
    assert {each["meaning"] for each in entries} == {"0000H, stored"}
    assert {each["sop_instance_uid"] for each in entries} == {
        str(pydicom.dcmread(path_of(name)).SOPInstanceUID) for name in NAMES
    }


@pytest.mark.parametrize("is_tls", [False, True])
def test_dcmtk_receives_plainly_and_with_tls(clinic: Facility, staff: User, tmp_path: Path, *, is_tls: bool) -> None:
    arguments = ["+xa", "+B", "-od", str(tmp_path / "got")]
    (tmp_path / "got").mkdir()
    if is_tls:
        issued = certificates._issue("CLINIC", ["localhost"], ExtendedKeyUsageOID.SERVER_AUTH, now=database_now())
        for name in ("key", "certificate", "authority"):
            (tmp_path / name).write_bytes(getattr(issued, name))
        arguments += ["+tls", str(tmp_path / "key"), str(tmp_path / "certificate"), "+cf", str(tmp_path / "authority")]
    port = free_port()
    process = subprocess.Popen([dcmtk("storescp"), *arguments, str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_open(port))
        fields: dict[str, Any] = {"address": "localhost", "dicom_port": port, "is_tls": is_tls}
        order = on_its_way(clinic, staff, node=node(clinic, **fields).pk)
        assert deliver_due() == 1
    finally:
        process.terminate()
        process.wait(10)
    got = [data_set_of(path.read_bytes()) for path in (tmp_path / "got").iterdir()]
    stored = [data_set_of(path_of(name).read_bytes()) for name in NAMES]
    assert sorted(got) == sorted(content + b"\0" * (len(content) % 2) for content in stored), "one is deflated"
    assert state_of(order) == State.DISPATCHED
    if is_tls:  # whoever else has the port cannot show a certificate of that name
        with receiving() as other:
            again = on_its_way(clinic, staff, node=node(clinic, "2", **fields | {"dicom_port": other.port}).pk)
            assert (deliver_due(), other.sent, charged(again)) == (0, [], False)


def test_refused_images_are_told_and_staff_decide(
    series: Facility, staff: User, tmp_path: Path, signed_in: Callable[..., Any]
) -> None:
    refuses = {UIDS[1]: 0xA700, UIDS[4]: 0xC123}
    with receiving(lambda _number, event: refuses.get(str(event.request.AffectedSOPInstanceUID), 0xB000)) as receiver:
        order = on_its_way(series, staff, node=node(series, dicom_port=receiver.port).pk)
        assert (deliver_due(), deliver_due()) == (0, 0)
        assert (state_of(order), charged(order), receiver.sent) == (State.READY, False, UIDS)
        problem = fresh(order).problem
        assert "4 of 6" in problem
        assert "A700H, out of resources: 1" in problem
        assert "C123H, cannot be understood: 1" in problem
        assert "Mori" not in problem
        del refuses[UIDS[1]]
        send(order, staff)
        with pytest.raises(IllegalTransition, match="being delivered"):
            send(order, staff)
        assert deliver_due() == 0
        assert receiver.sent == [*UIDS, UIDS[1], UIDS[4]]
    with as_center():
        dispatch_taken(order, by=staff, actor=SYSTEM, now=database_now())
    assert (state_of(order), charged(order), fresh(order).problem) == (State.DISPATCHED, True, "")
    claims, entries = report_of(order)
    assert (claims["taken"], claims["files"]) == (5, 6)
    told = {each["sop_instance_uid"]: each["meaning"] for each in entries}
    assert (told[UIDS[0]], told[UIDS[4]]) == ("B000H, stored with a warning", "C123H, cannot be understood")

    viewer = signed_in("viewer@sakura.example", sakura="viewer")
    content = b"".join(viewer.get(f"/f/sakura/orders/{order.pk}/output").streaming_content)
    path = tmp_path / "report.jsonl"
    path.write_bytes(content)
    found = verify_manifest(path, published_keys())
    assert (found.order, found.count, found.claims["destination"]) == (
        str(order.uid), 6, f"CLINIC (127.0.0.1:{receiver.port})",
    )  # fmt: skip
    path.write_bytes(content.replace(b"C123H", b"0000H"))
    with pytest.raises(NotVerified):
        verify_manifest(path, published_keys())


def test_one_image_over_which_a_node_ends_the_association_holds_up_no_other(series: Facility, staff: User) -> None:
    def cut(number: int, event: Any) -> int:
        if number == 4:
            event.assoc.abort()
        return 0

    with receiving(cut) as receiver:
        order = on_its_way(series, staff, node=node(series, dicom_port=receiver.port).pk)
        assert deliver_due() == 0
        assert delivery_to(order).next_at
        assert "The node ended the association. The node took 5 of 6" in fresh(order).problem
        due_now(order)
        assert deliver_due() == 1
    assert receiver.sent == [*UIDS, UIDS[3]]
    assert charged(order)


def test_a_node_that_stays_away_is_left_to_staff(series: Facility, staff: User) -> None:
    away = node(series, dicom_port=free_port())
    order, other = (on_its_way(series, staff, node=away.pk) for _ in range(2))
    said = []
    for _again in AGAIN_AFTER:
        assert deliver_due() == 0
        said.append(len(rows(Kind.STAFF_NODE_UNREACHABLE)))
        due_now(order)
        due_now(other)
    assert deliver_due() == 0
    assert said == [0, 0, 1, 1]
    assert [each.facts for each in rows(Kind.STAFF_NODE_UNREACHABLE)] == [{"node": "CLINIC"}]
    assert len(rows(Kind.STAFF_ORDER_FAILED)) == 2
    assert delivery_to(order).next_at is None
    assert (state_of(order), charged(order), fresh(order).problem) == (State.READY, False, "The node does not answer")
    with as_center(), pytest.raises(IllegalTransition):
        dispatch_taken(order, by=staff, actor=SYSTEM, now=database_now())


def test_who_sends_what_was_sent_back_stops(series: Facility, staff: User) -> None:
    def answer(number: int, _event: Any) -> int:
        if number == 2:
            with as_center():
                send_back(fresh(order), reason="wrong", by=staff, actor=SYSTEM, now=database_now())
        return 0

    with receiving(answer) as receiver, pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivering, "KEPT_EVERY_S", 0.0)
        order = on_its_way(series, staff, node=node(series, dicom_port=receiver.port).pk)
        assert deliver_due() == 0
        assert (state_of(order), receiver.sent) == (State.ACCEPTED, UIDS[:2])
        produce(order, staff)
        send(order, staff)
        assert deliver_due() == 1
    assert receiver.sent == [*UIDS[:2], *UIDS]


def test_a_worker_that_is_killed_costs_no_image_twice(
    series: Facility, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "KEPT_EVERY_S", 0.0)
    worker = get_context("fork").Process(target=deliver_due)

    def kill(number: int, _event: Any) -> int:
        if number == 4 and worker.pid:
            os.kill(worker.pid, signal.SIGKILL)
        return 0

    with receiving(kill) as receiver:
        order = on_its_way(series, staff, node=node(series, dicom_port=receiver.port).pk)
        connections.close_all()
        worker.start()
        worker.join(30)
        assert worker.exitcode == -signal.SIGKILL
        assert deliver_due() == 0, "whoever had it may still be alive"
        due_now(order)
        assert deliver_due() == 1
    assert receiver.sent[:3] == UIDS[:3]
    assert sorted(receiver.sent[4:]) == UIDS[3:]


def test_another_facility_of_the_center_is_a_dicomweb_server_like_any(
    address: str, series: Facility, staff: User, lindenhof: Facility, token_for: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It wants a token, and knows one of the images with other bytes."""
    store(lindenhof, dicom(1, 3, PatientComments="other"))
    url = f"{address}/f/lindenhof/dicom-web"
    target = node(series, url=url)
    order = on_its_way(series, staff, node=target.pk)
    assert deliver_due() == 0
    assert fresh(order).problem == "The server answers with status 401"
    with as_center():
        set_authorization(target, f"Bearer {token_for(lindenhof, Scope.STORE)}", actor=SYSTEM)
    monkeypatch.setattr(web_sending, "AT_ONCE", 4)
    due_now(order)
    assert deliver_due() == 0
    assert fresh(order).problem == "The node took 5 of 6 images. 0111H, known already with other content: 1"
    with as_facility(lindenhof):
        assert Instance.objects.count() == 6


def test_a_server_that_refuses_a_request_is_asked_image_by_image(series: Facility, staff: User) -> None:
    stored: list[list[str]] = []
    refused: list[list[str]] = []

    class Small(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            uids = [uid for uid in UIDS if body.count(uid.encode() + b"\0" * (len(uid) % 2))]
            is_refused = len(uids) > 1 or UIDS[5] in uids
            (refused if is_refused else stored).append(uids)
            answer = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": uids}}]}}
            content = b"" if is_refused else json.dumps(answer).encode()
            self.send_response(413 if is_refused else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Small) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        order = on_its_way(series, staff, node=node(series, url=f"http://127.0.0.1:{server.server_port}").pk)
        assert deliver_due() == 0
        server.shutdown()
    assert stored == [[uid] for uid in UIDS[:5]]
    assert refused == [UIDS, [UIDS[5]]]
    assert fresh(order).problem == "The node took 5 of 6 images. A700H, out of resources: 1"


def test_orders_go_to_the_facilitys_own_nodes_alone(series: Facility, lindenhof: Facility, staff: User) -> None:
    for other in (node(lindenhof), node(series, "closed", is_enabled=False)):
        with pytest.raises(InvalidOptions):
            ready(series, staff, OrderKind.TRANSFER, node=other.pk)


def test_no_node_lies_where_a_cloud_keeps_its_secrets(series: Facility, staff: User) -> None:
    order = on_its_way(series, staff, node=node(series, address="169.254.169.254").pk)
    assert deliver_due() == 0
    assert fresh(order).problem == "No facility's node has such an address"
