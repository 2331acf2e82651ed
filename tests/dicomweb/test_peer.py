"""A DICOMweb client that others wrote, against the web server that the installation runs."""

from collections.abc import Callable

import pydicom
import pydicom.data
import pytest
from dicomweb_client import DICOMwebClient
from pydicom.dataset import Dataset
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
    (series,) = client.search_for_series(ct.StudyInstanceUID)
    assert series["00080060"]["Value"] == ["CT"]
    (instance,) = client.search_for_instances(ct.StudyInstanceUID, ct.SeriesInstanceUID)
    assert instance["00080018"]["Value"] == [ct.SOPInstanceUID]


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
