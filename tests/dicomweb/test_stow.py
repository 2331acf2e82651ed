"""The Store transaction as a device sees it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

import pydicom.data
import pytest
from django.db import OperationalError
from django.test import Client

from apps.catalog.bytes import open_instance
from apps.catalog.models import Instance, Study
from apps.catalog.search import StudyCriteria, search_studies
from apps.collection.models import Collection, ReceivedFile, ReceptionRecord, State
from apps.dicomweb import stow
from apps.facilities import middleware
from apps.facilities.models import Facility, Role, Scope
from apps.facilities.tenancy import as_center, as_facility
from tests.dicomweb.stow_requests import BOUNDARY, CONTENT_TYPE, body

CT = Path(str(pydicom.data.get_testdata_file("CT_small.dcm"))).read_bytes()
MR = Path(str(pydicom.data.get_testdata_file("MR_small.dcm"))).read_bytes()
URL = "/f/sakura/dicom-web/studies"


@pytest.fixture
def store(sakura: Facility, token_for: Callable[..., str]) -> Callable[..., Any]:
    secret = token_for(sakura, Scope.STORE)

    def send(files: list[bytes], url: str = URL, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {secret}"} | options.pop("headers", {})
        content_type = options.pop("content_type", CONTENT_TYPE)
        return Client().post(url, options.pop("raw", body(files)), content_type=content_type, headers=headers)

    return send


def test_instances_are_stored_and_named_in_the_answer(store: Any, sakura: Facility) -> None:
    answer = store([CT, MR])
    assert answer.status_code == 200
    assert len(answer.json()["00081199"]["Value"]) == 2
    with as_facility(sakura):
        instances = list(Instance.objects.select_related("pack").order_by("id"))
        assert sorted(open_instance(each).read() for each in instances) == sorted([CT, MR])
        collection = Collection.objects.get()
        assert (collection.state, collection.stored_count) == (State.RECEIVED, 2)
        assert ReceptionRecord.objects.get().device_token is not None


def test_the_same_instance_again_is_a_success_and_one_copy(store: Any, sakura: Facility) -> None:
    store([CT])
    answer = store([CT])
    assert answer.status_code == 200
    with as_facility(sakura):
        assert Instance.objects.count() == 1
        assert Collection.objects.count() == 2


def test_other_bytes_under_a_known_uid_are_kept_and_reported(store: Any, sakura: Facility) -> None:
    store([CT])
    other = CT[:-2] + b"\1\2"
    answer = store([other])
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0x0111]
    with as_facility(sakura):
        file = ReceivedFile.objects.get(outcome="conflict")
        assert Instance.objects.count() == 1
        assert file.conflict is not None
        assert Study.objects.get().instance_count == 1


def test_what_cannot_be_read_does_not_keep_the_rest_out(store: Any, sakura: Facility) -> None:
    answer = store([CT, MR[:-500], b"not dicom"])
    assert answer.status_code == 202
    reasons = [item["00081197"]["Value"] for item in answer.json()["0008119A"]["Value"]]
    assert reasons == [[0xC000], [0xC000]]
    with as_facility(sakura):
        assert sorted(ReceivedFile.objects.values_list("outcome", flat=True)) == ["quarantined", "skipped", "stored"]


def test_an_instance_of_another_study_than_addressed_is_refused(store: Any, sakura: Facility) -> None:
    answer = store([CT], url=f"{URL}/1.2.3")
    assert answer.status_code == 409
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA900]
    with as_facility(sakura):
        assert not Instance.objects.exists()


def test_the_answer_comes_as_xml_when_asked_for(store: Any) -> None:
    answer = store([CT, b"junk"], headers={"Accept": "application/dicom+xml"})
    assert answer.headers["Content-Type"] == "application/dicom+xml"
    document = fromstring(answer.content)
    keywords = {element.get("keyword") for element in document}
    assert keywords == {"ReferencedSOPSequence", "OtherFailuresSequence", "RetrieveURL"}


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"raw": body([CT])[:-20]}, 400),
        ({"raw": f"--{BOUNDARY}--\r\n".encode()}, 400),
        ({"raw": b"nonsense"}, 400),
        ({"content_type": "multipart/related; type=application/dicom"}, 400),
        ({"content_type": "application/dicom"}, 415),
        ({"content_type": f'multipart/related; type="application/dicom+xml"; boundary={BOUNDARY}'}, 415),
        ({"raw": body([CT], "application/pdf")}, 415),
        ({"headers": {"Accept": "image/png"}}, 406),
        ({"headers": {"Authorization": "Bearer wrong"}}, 401),
        ({"headers": {"Authorization": ""}}, 401),
    ],
)
def test_a_wrong_request_is_refused_and_leaves_nothing(
    store: Any, sakura: Facility, options: dict[str, Any], status: int
) -> None:
    answer = store([CT], **options)
    assert answer.status_code == status
    assert answer.content.strip()
    with as_center():
        assert not Collection.objects.exists()


def test_a_token_of_another_facility_finds_nothing(
    sakura: Facility, lindenhof: Facility, token_for: Callable[..., str]
) -> None:
    headers = {"Authorization": f"Bearer {token_for(lindenhof, Scope.STORE)}"}
    assert Client().post(URL, body([CT]), content_type=CONTENT_TYPE, headers=headers).status_code == 404


def test_a_token_that_may_only_read_cannot_store(sakura: Facility, token_for: Callable[..., str]) -> None:
    headers = {"Authorization": f"Bearer {token_for(sakura, Scope.READ)}"}
    assert Client().post(URL, body([CT]), content_type=CONTENT_TYPE, headers=headers).status_code == 403


def test_a_session_cannot_store_because_any_page_could_make_it(sakura: Facility, signed_in: Any) -> None:
    browser = signed_in("owner@example.org", sakura=Role.OWNER)
    assert browser.post(URL, body([CT]), content_type=CONTENT_TYPE).status_code == 401


def test_more_studies_than_a_request_may_have_are_refused(
    store: Any, sakura: Facility, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stow, "MOST_STUDIES", 1)
    assert store([CT, CT]).status_code == 200
    answer = store([CT, MR])
    assert answer.status_code == 413
    assert "at most 1 studies" in answer.content.decode()


def test_a_request_of_which_nothing_is_kept_is_a_failed_collection(store: Any, sakura: Facility) -> None:
    assert store([b"no DICOM"]).status_code == 409
    with as_facility(sakura):
        assert Collection.objects.get().state == State.FAILED


def test_the_same_conflict_again_is_reported_in_the_same_way(store: Any, sakura: Facility) -> None:
    store([CT])
    other = CT[:-2] + b"\1\2"
    reasons = [store([other]).json()["00081198"]["Value"][0]["00081197"]["Value"] for _ in range(2)]
    assert reasons == [[0x0111], [0x0111]]


def test_a_study_that_has_conflicts_alone_is_not_found(store: Any, sakura: Facility) -> None:
    store([CT])
    uid = pydicom.dcmread(BytesIO(CT)).StudyInstanceUID.encode()
    store([CT.replace(uid, uid[:-1] + (b"1" if uid[-1:] != b"1" else b"2"))])
    with as_facility(sakura):
        assert Study.objects.count() == 2
        assert len(search_studies(sakura.pk, StudyCriteria()).studies) == 1


def test_without_the_database_a_device_is_told_to_send_again(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str) -> None:
        raise OperationalError

    monkeypatch.setattr(middleware, "recognize", away)
    answer = store([CT])
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
