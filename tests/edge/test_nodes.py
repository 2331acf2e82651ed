"""A DICOM node as a source, and the terminal's own small receiver, with dcmtk and Orthanc."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pydicom
import pytest
from medvault_edge.errors import NotUsable
from medvault_edge.node import Node, NodeUnreachable, fetch, listed
from medvault_edge.receiver import Receiver

from apps.facilities.models import Facility
from tests.dicomnet.conftest import run_dcmtk
from tests.dicomnet.orthanc import Orthanc, running
from tests.edge.conftest import NAMES, Edge, at_the_center, example
from tests.edge.test_story import VISIT, stored_bytes
from tests.ports import free_port

MOVE_PORT = free_port()


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[tuple[Orthanc, Node]]:
    edge = {"edge": ["MEDVAULTEDGE", "127.0.0.1", MOVE_PORT]}
    with running(tmp_path, DicomModalities=edge, SynchronousCMove=True) as orthanc:
        for name in NAMES:
            orthanc.call("/instances", example(name).read_bytes())
        yield orthanc, Node("CLINIC", "127.0.0.1", orthanc.dicom_port)


@pytest.mark.parametrize("via", ["get", "move"])
def test_a_nodes_images_come_as_they_are(clinic: tuple[Orthanc, Node], tmp_path: Path, via: str) -> None:
    into = tmp_path / "into"
    fetched = fetch(clinic[1], into=into, calling_ae="MEDVAULTEDGE", since=None, until=None, via=via,  # type: ignore[arg-type]
                    move_port=MOVE_PORT)  # fmt: skip
    assert (fetched.listed, len(fetched.received), fetched.missing) == (4, 4, ())
    expected = {str(pydicom.dcmread(example(name)).SOPInstanceUID): pydicom.dcmread(example(name)) for name in NAMES}
    for path in into.glob("*.dcm"):
        ds = pydicom.dcmread(path)
        original = expected.pop(str(ds.SOPInstanceUID))
        assert ds.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        if "PixelData" in original:
            assert ds.PixelData == original.PixelData
    assert expected == {}


def test_only_the_days_asked_for_and_only_what_is_not_known(clinic: tuple[Orthanc, Node], tmp_path: Path) -> None:
    node = clinic[1]
    in_2004 = listed(node, calling_ae="MEDVAULTEDGE", since=date(2004, 1, 1), until=date(2004, 12, 31))
    assert len(in_2004) == 3
    known = in_2004[0].sop_instance_uid
    fetched = fetch(node, into=tmp_path / "into", calling_ae="MEDVAULTEDGE", since=date(2004, 1, 1), until=None,
                    via="get", is_known=lambda uid: uid == known)  # fmt: skip
    assert (len(fetched.received), fetched.known) == (fetched.listed - 1, 1)
    assert known not in fetched.received


@pytest.mark.usefixtures("committed_db")
def test_an_operator_collects_from_a_node(collector: Edge, clinic: tuple[Orthanc, Node], sakura: Facility) -> None:
    node = f"CLINIC@127.0.0.1:{clinic[1].port}"
    collected = collector.run("collect", "--node", node, *VISIT)
    assert (collected["files"], collected["not_delivered"]) == (4, 0)
    assert "K. Mori" in Path(collected["receipts"][-1]).read_text()
    again = collector.run("collect", "--node", node, *VISIT)
    assert (again["files"], again["known"]) == (0, 4)
    clinic[0].call("/instances", example("waveform_ecg.dcm").read_bytes())
    left_by_one_that_died = collector.home / "fetching" / "left.dcm"
    left_by_one_that_died.parent.mkdir()
    left_by_one_that_died.write_bytes(example("CT_small.dcm").read_bytes())
    later = collector.run("collect", "--node", node, *VISIT)
    assert (later["files"], later["known"]) == (1, 4)
    collector.run("handover")
    at_the_center()
    assert len(stored_bytes(sakura)) == 5
    assert list(collector.home.rglob("*.dcm")) == []


def test_a_node_that_is_not_there_is_a_fact(tmp_path: Path) -> None:
    with pytest.raises(NodeUnreachable):
        listed(Node("X", "127.0.0.1", free_port()), calling_ae="Y", since=None, until=None)
    with pytest.raises(NotUsable):
        Node.parsed("nonsense")


def test_modalities_send_to_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    with Receiver(folder, ae_title="TERMINAL", port=0, host="127.0.0.1") as receiver:
        for name in ("CT_small.dcm", "MR_small.dcm"):
            sent = run_dcmtk("storescu", "-aec", "TERMINAL", "127.0.0.1", str(receiver.port), str(example(name)))
            assert sent.returncode == 0, sent.stderr
        assert run_dcmtk("echoscu", "127.0.0.1", str(receiver.port)).returncode == 0
    found = [pydicom.dcmread(path) for path in folder.rglob("*.dcm")]
    assert {ds.Modality for ds in found} == {"CT", "MR"}
    assert {path.suffix for path in folder.rglob("*") if path.is_file()} == {".dcm"}


def test_who_is_not_on_the_list_may_not_send(tmp_path: Path) -> None:
    with Receiver(
        tmp_path, ae_title="TERMINAL", port=0, host="127.0.0.1", allowed_ae_titles=frozenset({"CT1"})
    ) as receiver:
        for ae, is_taken in (("CT1", True), ("XX", False)):
            sent = run_dcmtk("echoscu", "-aet", ae, "127.0.0.1", str(receiver.port))
            assert (sent.returncode == 0) == is_taken


def test_a_folder_that_cannot_be_written_is_told_to_the_sender(tmp_path: Path) -> None:
    in_the_way = tmp_path / "images"
    in_the_way.write_text("a file")
    with Receiver(in_the_way, ae_title="TERMINAL", port=0, host="127.0.0.1") as receiver:
        sent = run_dcmtk("storescu", "-v", "127.0.0.1", str(receiver.port), str(example("CT_small.dcm")))
        assert "0xa700" in (sent.stdout + sent.stderr).lower() or "OutOfResources" in sent.stdout + sent.stderr
