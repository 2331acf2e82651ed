"""C-FIND, C-GET and C-MOVE by dcmtk and pynetdicom: what the terminal's own facility has, as it was received."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pynetdicom import build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    CTImageStorage,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from apps.audit.models import Event
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from tests.dicomnet.conftest import Gateway, dcmtk, instance_uids, registered, run_dcmtk
from tests.dicomnet.test_storing import associated, data_set_of, path_of
from tests.ports import free_port
from tests.waiting import until

NAMES = ["CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm", "reportsi.dcm"]
pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def stored(gateway: Gateway, terminal: object, lindenhof: Facility) -> Gateway:
    """Sakura has four studies; Lindenhof has its own."""
    registered(lindenhof, "OTHER")
    for ae, names in (("CT1", NAMES), ("OTHER", ["waveform_ecg.dcm"])):
        for name in names:
            ds = pydicom.dcmread(path_of(name))
            assoc = associated(gateway, (ds.SOPClassUID, ds.file_meta.TransferSyntaxUID), ae=ae)
            assert assoc.send_c_store(path_of(name)).Status == 0
            assoc.release()
    until(lambda: len(instance_uids()) == len(NAMES) + 1)
    return gateway


def find(gateway: Gateway, model: str = StudyRootQueryRetrieveInformationModelFind, ae: str = "CT1",
         **keys: object) -> tuple[list[Dataset], int]:  # fmt: skip
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    assoc = associated(gateway, (model, None), ae=ae)
    found, last = [], -1
    for status, answer in assoc.send_c_find(identifier, model):
        last = int(status.Status)
        if answer is not None:
            found.append(answer)
    assoc.release()
    return found, last


def test_dcmtk_finds_studies_by_name_and_date(stored: Gateway) -> None:
    found = run_dcmtk(
        "findscu", "-S", "-aet", "CT1", "-aec", "MEDVAULT", "-k", "QueryRetrieveLevel=STUDY",
        "-k", "PatientName=CompressedSamples*", "-k", "StudyDate=20040101-20041231", "-k", "StudyInstanceUID",
        "127.0.0.1", str(stored.port),
    )  # fmt: skip
    assert found.returncode == 0
    assert "CompressedSamples^CT1" in found.stdout + found.stderr
    assert "CompressedSamples^MR1" in found.stdout + found.stderr


@pytest.mark.parametrize(("level", "count"), [("STUDY", 4), ("SERIES", 4), ("IMAGE", 4)])
def test_each_level_has_what_is_the_facilitys(stored: Gateway, level: str, count: int) -> None:
    found, status = find(stored, QueryRetrieveLevel=level, StudyInstanceUID="", SOPInstanceUID="", Modality="")
    assert (len(found), status) == (count, 0)


def test_patients_are_found_once_each_in_the_patient_root_alone(stored: Gateway) -> None:
    model = PatientRootQueryRetrieveInformationModelFind
    found, status = find(stored, model, QueryRetrieveLevel="PATIENT", PatientID="", PatientName="CompressedSamples*")
    assert (len(found), status) == (len({each.PatientID for each in found}), 0)
    assert found
    assert find(stored, QueryRetrieveLevel="PATIENT", PatientID="")[1] == 0xA900


def test_only_what_was_asked_for_is_told(stored: Gateway) -> None:
    [found], _ = find(stored, QueryRetrieveLevel="STUDY", StudyInstanceUID="", PatientID="1CT1", InstitutionName="")
    assert {element.keyword for element in found} == {
        "SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle", "PatientID", "StudyInstanceUID",
        "InstitutionName",
    }  # fmt: skip
    assert found.RetrieveAETitle == "MEDVAULT"


def test_another_facilitys_studies_are_not_there_however_asked_for(stored: Gateway) -> None:
    other = pydicom.dcmread(path_of("waveform_ecg.dcm"))
    for value in (other.StudyInstanceUID, "*", ""):
        found, status = find(stored, QueryRetrieveLevel="STUDY", StudyInstanceUID=value)
        assert other.StudyInstanceUID not in {each.StudyInstanceUID for each in found}, status
    found, _ = find(stored, ae="OTHER", QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    assert [each.StudyInstanceUID for each in found] == [other.StudyInstanceUID]


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ({"QueryRetrieveLevel": "GALAXY"}, 0xA900),
        ({"StudyInstanceUID": ""}, 0xA900),
        ({"QueryRetrieveLevel": "STUDY", "SOPInstanceUID": "1.2"}, 0xA900),
        ({"QueryRetrieveLevel": "STUDY", "StudyDate": "not a date"}, 0xA900),
    ],
)
@pytest.mark.filterwarnings("ignore:.*")
def test_what_cannot_be_asked_is_refused(gateway: Gateway, terminal: object, keys: dict[str, str], status: int) -> None:
    assert find(gateway, **keys) == ([], status)


def test_a_key_that_cannot_be_searched_by_is_told(stored: Gateway) -> None:
    assoc = associated(stored, (StudyRootQueryRetrieveInformationModelFind, None))
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID, identifier.PatientWeight = "STUDY", "", "70"
    statuses = [
        status.Status for status, _ in assoc.send_c_find(identifier, StudyRootQueryRetrieveInformationModelFind)
    ]
    assert statuses == [0xFF01] * 4 + [0]


def test_dcmtk_gets_an_image_byte_for_byte(stored: Gateway, tmp_path: Path) -> None:
    ct = pydicom.dcmread(path_of("CT_small.dcm"))
    got = run_dcmtk(
        "getscu", "-S", "+B", "-aet", "CT1", "-aec", "MEDVAULT", "-k", "QueryRetrieveLevel=STUDY", "-k",
        f"StudyInstanceUID={ct.StudyInstanceUID}", "-od", str(tmp_path), "127.0.0.1", str(stored.port),
    )  # fmt: skip
    assert got.returncode == 0, got.stderr
    [file] = tmp_path.iterdir()
    assert data_set_of(file.read_bytes()) == data_set_of(path_of("CT_small.dcm").read_bytes())
    with as_center():
        assert Event.objects.filter(action="instances.c_get").count() == 1


def get(gateway: Gateway, transfer_syntax: str, **keys: str) -> tuple[list[bytes], Dataset, Dataset | None]:
    received: list[bytes] = []

    def keep(event: evt.Event) -> int:
        received.append(event.encoded_dataset(include_meta=False))
        return 0

    assoc = associated(
        gateway, (StudyRootQueryRetrieveInformationModelGet, None), (CTImageStorage, transfer_syntax),
        ext_neg=[build_role(CTImageStorage, scp_role=True)], evt_handlers=[(evt.EVT_C_STORE, keep)],
    )  # fmt: skip
    identifier = Dataset()
    for keyword, value in keys.items():
        setattr(identifier, keyword, value)
    *_, (status, failed) = assoc.send_c_get(identifier, StudyRootQueryRetrieveInformationModelGet)
    assoc.release()
    return received, status, failed


def test_nothing_is_transcoded_to_please_a_receiver(stored: Gateway) -> None:
    ct = pydicom.dcmread(path_of("CT_small.dcm"))
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ct.StudyInstanceUID}
    received, status, _ = get(stored, "1.2.840.10008.1.2.1", **keys)
    assert received == [data_set_of(path_of("CT_small.dcm").read_bytes())]
    assert status.Status == 0
    received, status, failed = get(stored, "1.2.840.10008.1.2", **keys)
    assert (received, status.Status) == ([], 0xA702)
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == ct.SOPInstanceUID


@pytest.mark.parametrize("value", ["*", "", "1.2.3*"])
def test_a_retrieval_says_what_it_wants(stored: Gateway, value: str) -> None:
    received, status, _ = get(stored, "1.2.840.10008.1.2.1", QueryRetrieveLevel="STUDY", StudyInstanceUID=value)
    assert (received, status.Status) == ([], 0xA900)


def test_another_facilitys_images_are_not_given(stored: Gateway) -> None:
    other = pydicom.dcmread(path_of("waveform_ecg.dcm"))
    for level in ("STUDY", "IMAGE"):
        received, status, _ = get(
            stored, "1.2.840.10008.1.2.1", QueryRetrieveLevel=level, StudyInstanceUID=other.StudyInstanceUID,
            SOPInstanceUID=other.SOPInstanceUID if level == "IMAGE" else "",
        )  # fmt: skip
        assert received == []
        assert status.Status == 0
        assert status.NumberOfCompletedSuboperations == 0


@pytest.fixture
def workstation(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """dcmtk's storescp: its port, and where it puts what it receives."""
    folder, port = tmp_path / "received", free_port()
    folder.mkdir()
    process = subprocess.Popen([dcmtk("storescp"), "+xa", "+B", "-od", str(folder), str(port)])
    yield port, folder
    process.terminate()
    process.wait(10)


def test_dcmtk_moves_a_study_to_a_registered_workstation(
    stored: Gateway, sakura: Facility, workstation: tuple[int, Path]
) -> None:
    port, folder = workstation
    registered(sakura, "VIEWER", dicom_port=port)
    for name in ("CT_small.dcm", "JPEG2000.dcm"):
        ds = pydicom.dcmread(path_of(name))
        moved = run_dcmtk(
            "movescu", "-S", "-aet", "CT1", "-aec", "MEDVAULT", "-aem", "VIEWER", "-k", "QueryRetrieveLevel=STUDY",
            "-k", f"StudyInstanceUID={ds.StudyInstanceUID}", "127.0.0.1", str(stored.port),
        )  # fmt: skip
        assert moved.returncode == 0, moved.stderr
        [file] = folder.glob(f"*{ds.SOPInstanceUID}")
        assert data_set_of(file.read_bytes()) == data_set_of(path_of(name).read_bytes())


def move(gateway: Gateway, destination: str) -> Dataset:
    ct = pydicom.dcmread(path_of("CT_small.dcm"))
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", ct.StudyInstanceUID
    assoc = associated(gateway, (StudyRootQueryRetrieveInformationModelMove, None))
    *_, (status, _) = assoc.send_c_move(identifier, destination, StudyRootQueryRetrieveInformationModelMove)
    assoc.release()
    return status


def test_nothing_is_moved_to_what_the_facility_has_not_registered(stored: Gateway, lindenhof: Facility) -> None:
    registered(lindenhof, "THEIRS", dicom_port=104)
    for destination in ("NOWHERE", "THEIRS", "CT1"):
        assert move(stored, destination).Status == 0xA801, destination


def test_a_destination_that_does_not_answer_fails_each_image(stored: Gateway, sakura: Facility) -> None:
    registered(sakura, "OFF", dicom_port=free_port())
    status = move(stored, "OFF")
    assert (status.Status, status.NumberOfFailedSuboperations) == (0xA702, 1)
