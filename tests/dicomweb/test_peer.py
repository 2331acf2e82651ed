"""A DICOMweb client that others wrote, against the web server that the installation runs."""

from collections.abc import Callable
from io import BytesIO

import pydicom
import pydicom.data
import pytest
from dicomweb_client import DICOMwebClient
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian
from requests import HTTPError, Session

from apps.facilities.models import Facility, Scope

pytestmark = pytest.mark.usefixtures("committed_db")
NAMES = ["CT_small.dcm", "MR_small.dcm", "reportsi.dcm", "waveform_ecg.dcm"]


@pytest.fixture
def client_of(address: str, token_for: Callable[..., str]) -> Callable[..., DICOMwebClient]:
    """A client of a facility with a token of some, by default its own, and scopes."""

    def make(facility: Facility, *scopes: Scope, token_of: Facility | None = None) -> DICOMwebClient:
        session = Session()
        session.headers["Authorization"] = f"Bearer {token_for(token_of or facility, *scopes)}"
        return DICOMwebClient(f"{address}/f/{facility.slug}/dicom-web", session=session)

    return make


def datasets() -> list[Dataset]:
    return [pydicom.dcmread(str(pydicom.data.get_testdata_file(name))) for name in NAMES]


def test_what_it_stores_it_finds(sakura: Facility, client_of: Callable[..., DICOMwebClient]) -> None:
    client = client_of(sakura)
    answer = client.store_instances(datasets())
    assert {item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence} == {
        ds.SOPInstanceUID for ds in datasets()
    }
    ct = datasets()[0]
    (study,) = client.search_for_studies(search_filters={"PatientName": "CompressedSamples^CT*"})
    assert study["0020000D"]["Value"] == [ct.StudyInstanceUID]
    assert client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": "ct1 compressed"}) == [study]
    (series,) = client.search_for_series(ct.StudyInstanceUID)
    assert series["00080060"]["Value"] == ["CT"]
    (instance,) = client.search_for_instances(ct.StudyInstanceUID, ct.SeriesInstanceUID)
    assert instance["00080018"]["Value"] == [ct.SOPInstanceUID]


def test_what_it_stores_it_retrieves(sakura: Facility, address: str, client_of: Callable[..., DICOMwebClient]) -> None:
    client = client_of(sakura)
    client.store_instances(datasets())
    ct = datasets()[0]
    uids = ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.SOPInstanceUID
    for found in (*client.retrieve_study(uids[0]), *client.retrieve_series(*uids[:2]), client.retrieve_instance(*uids)):
        assert found == ct
    syntax = ct.file_meta.TransferSyntaxUID
    assert client.retrieve_instance(*uids, media_types=(("application/dicom", syntax),)) == ct
    metadata = client.retrieve_instance_metadata(*uids)
    assert [metadata] == client.retrieve_series_metadata(*uids[:2]) == client.retrieve_study_metadata(uids[0])
    assert Dataset.from_json(metadata, lambda *_: b"").PatientName == ct.PatientName
    # This client asks without its port in Host, and so the addresses that it gets have none.
    uri = address + metadata["7FE00010"]["BulkDataURI"].removeprefix("http://127.0.0.1")
    assert client.retrieve_bulkdata(uri) == [ct.PixelData]
    octets = (("application/octet-stream", ExplicitVRLittleEndian),)
    for media_types in (None, octets):
        assert client.retrieve_instance_frames(*uids, [1], media_types=media_types) == [ct.PixelData]
    rendered = client.retrieve_instance_rendered(*uids, media_types=("image/png",), params={"window": "40,400,linear"})
    assert Image.open(BytesIO(rendered)).size == (ct.Columns, ct.Rows)
    assert client.retrieve_instance_frames_rendered(*uids, [1], media_types=("image/jpeg",))
    compressed = pydicom.dcmread(str(pydicom.data.get_testdata_file("JPEG2000.dcm")))
    client.store_instances([compressed])
    uids = compressed.StudyInstanceUID, compressed.SeriesInstanceUID, compressed.SOPInstanceUID
    plain = client.retrieve_instance(*uids, media_types=(("application/dicom", ExplicitVRLittleEndian),))
    assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert (plain.pixel_array == compressed.pixel_array).all()


def test_storing_twice_keeps_one(sakura: Facility, client_of: Callable[..., DICOMwebClient]) -> None:
    client = client_of(sakura)
    for _ in range(2):
        client.store_instances(datasets())
    assert len(client.search_for_instances()) == len(NAMES)


def test_another_facility_finds_nothing_of_it(
    sakura: Facility, lindenhof: Facility, client_of: Callable[..., DICOMwebClient]
) -> None:
    client_of(sakura).store_instances(datasets())
    assert client_of(lindenhof).search_for_studies() == []
    with pytest.raises(HTTPError, match="404"):
        client_of(sakura, token_of=lindenhof).search_for_studies()


def test_a_token_that_may_only_read_stores_nothing(sakura: Facility, client_of: Callable[..., DICOMwebClient]) -> None:
    with pytest.raises(HTTPError, match="403"):
        client_of(sakura, Scope.READ).store_instances(datasets())
