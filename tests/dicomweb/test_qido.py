"""The Search transaction as a viewer or a script sees it."""

from collections.abc import Callable, Iterator
from datetime import date, time
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from xml.etree.ElementTree import fromstring

import pytest
from dicomweb_client.api import DICOMwebClient
from django.test import Client

from apps.catalog.models import Study
from apps.catalog.text import PersonName
from apps.facilities.models import Facility, Role, Scope
from medvault.wsgi import application
from tests.catalog.search_rows import make_study

ROOT = "/f/sakura/dicom-web"
YAMADA: dict[str, Any] = {
    "name": "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "patient_id": "SKR-1",
    "patient_birth_date": date(1960, 2, 29),
    "patient_sex": "M",
    "study_date": date(2026, 4, 1),
    "study_time": time(10, 30),
    "accession_number": "A1",
    "modality": "CT",
    "series_number": 2,
    "instance_number": 7,
    "referring_physician_name": PersonName("Weiß^Jörg"),
    "study_description": "Thorax",
    "station_name": "ROOM1",
    "rows": 512,
}
Get = Callable[..., Any]


@pytest.fixture
def get(sakura: Facility, token_for: Callable[..., str]) -> Get:
    secret = token_for(sakura, Scope.READ)

    def send(path: str, query: Any = None, **headers: str) -> Any:
        return Client().get(f"{ROOT}{path}", query, headers={"Authorization": f"Bearer {secret}"} | headers)

    return send


@pytest.fixture
def study(sakura: Facility) -> Study:
    make_study(sakura, name="Suzuki^Hanako", modality="MR", study_date=date(2026, 3, 1), series_number=9)
    return make_study(sakura, **YAMADA)


def uids(answer: Any, tag: str = "0020000D") -> list[str]:
    assert answer.status_code in {200, 204}, answer.content
    return [item[tag]["Value"][0] for item in answer.json()] if answer.content else []


def test_a_study_is_described_as_the_standard_says(get: Get, study: Study) -> None:
    answer = get("/studies", {"PatientID": "SKR-1"})
    assert answer.headers["Content-Type"] == "application/dicom+json"
    (found,) = answer.json()
    uid = study.study_instance_uid
    assert found == {
        "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
        "00080020": {"vr": "DA", "Value": ["20260401"]},
        "00080030": {"vr": "TM", "Value": ["103000"]},
        "00080050": {"vr": "SH", "Value": ["A1"]},
        "00080056": {"vr": "CS", "Value": ["ONLINE"]},
        "00080061": {"vr": "CS", "Value": ["CT"]},
        "00080090": {"vr": "PN", "Value": [{"Alphabetic": "Weiß^Jörg"}]},
        "00081030": {"vr": "LO", "Value": ["Thorax"]},
        "00081190": {"vr": "UR", "Value": [f"http://testserver{ROOT}/studies/{uid}"]},
        "00100010": {
            "vr": "PN",
            "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎", "Phonetic": "やまだ^たろう"}],
        },
        "00100020": {"vr": "LO", "Value": ["SKR-1"]},
        "00100030": {"vr": "DA", "Value": ["19600229"]},
        "00100040": {"vr": "CS", "Value": ["M"]},
        "0020000D": {"vr": "UI", "Value": [uid]},
        "00200010": {"vr": "SH"},
        "00201206": {"vr": "IS", "Value": [1]},
        "00201208": {"vr": "IS", "Value": [1]},
    }


@pytest.mark.parametrize(
    "query",
    [
        *({"PatientName": "yamada*"}, {"00100010": "山田"}, {"PatientID": "SKR-?"}, {"AccessionNumber": "A1"}),
        *({"StudyDate": "20260401"}, {"StudyDate": "20260331-20260402"}, {"StudyDate": "20260401-"}),
        *({"StudyTime": "1000-1100", "StudyDate": "20260301-20260501"}, {"ModalitiesInStudy": "CT,XA"}),
        *({"PatientBirthDate": "19600229"}, {"PatientSex": "M"}, {"ReferringPhysicianName": "wei*"}),
        *({"StudyDescription": "THORAX"}, {"PatientName": "yamada^", "StudyID": ""}, {"0020000d": "STUDY,1.2"}),
    ],
    ids=str,
)
def test_studies_are_found_by_keyword_and_by_tag(get: Get, study: Study, query: dict[str, str]) -> None:
    query = {name: value.replace("STUDY", study.study_instance_uid) for name, value in query.items()}
    assert uids(get("/studies", query)) == [study.study_instance_uid]


def test_nothing_found_is_no_content(get: Get, study: Study) -> None:
    answer = get("/studies", {"StudyDate": "-19991231"})
    assert (answer.status_code, answer.content) == (204, b"")


def test_series_and_instances_of_a_study(get: Get, study: Study) -> None:
    uid = study.study_instance_uid
    (series,) = get(f"/studies/{uid}/series").json()
    assert series["0020000E"]["Value"] == [f"{uid}.2"]
    assert series["00200011"] == {"vr": "IS", "Value": [2]}
    assert series["00201209"] == {"vr": "IS", "Value": [1]}
    assert series["0020000D"]["Value"] == [uid]
    assert "00100010" not in series
    assert series["00081190"]["Value"] == [f"http://testserver{ROOT}/studies/{uid}/series/{uid}.2"]
    for path in (f"/studies/{uid}/instances", f"/studies/{uid}/series/{uid}.2/instances"):
        (instance,) = get(path).json()
        assert instance["00080018"]["Value"] == [f"{uid}.3"]
        assert instance["00280010"] == {"vr": "US", "Value": [512]}
        assert instance["00081190"]["Value"][0].endswith(f"/studies/{uid}/series/{uid}.2/instances/{uid}.3")
    assert get(f"/studies/{uid}.9/series").status_code == 204
    assert get(f"/studies/{uid}/series/1.2/instances").status_code == 204


def test_series_and_instances_of_the_facility(get: Get, study: Study) -> None:
    uid = study.study_instance_uid
    assert uids(get("/series", {"Modality": "CT"})) == [uid]
    assert uids(get("/series", {"ModalitiesInStudy": "CT", "SeriesNumber": "2"})) == [uid]
    assert uids(get("/instances", {"InstanceNumber": "7", "StationName": "room*"})) == [uid]
    assert uids(get("/instances", {"SOPInstanceUID": f"{uid}.3"}), "00080018") == [f"{uid}.3"]
    assert len(get("/series").json()) == 2
    assert get("/instances").json()[0]["00100020"]["Value"] == ["SKR-1"]


@pytest.mark.parametrize(
    ("query", "tag", "is_there"),
    [
        ("includefield=00201208", "00201208", True),
        ("", "00100021", False),
        ("includefield=IssuerOfPatientID", "00100021", True),
        ("includefield=00080050,00100021", "00100021", True),
        ("includefield=00080050&includefield=00080080", "00080080", True),
        ("includefield=all", "00080080", True),
        ("includefield=all", "00080060", False),
        ("includefield=00091001", "00091001", False),
        ("includefield=RequestAttributesSequence.00400007,InstitutionName", "00080080", True),
        ("InstitutionName=", "00080080", True),
    ],
)
def test_more_fields_are_included_on_request(get: Get, study: Study, query: str, tag: str, is_there: bool) -> None:
    answer = get(f"/studies?{query}")
    assert (tag in answer.json()[0]) is is_there


def test_pages_and_the_warning_that_more_remain(get: Get, sakura: Facility) -> None:
    wanted = [make_study(sakura, study_date=date(2026, 1, 5)).study_instance_uid for _ in range(5)][::-1]
    pages = [get("/studies", {"limit": 2, "offset": offset}) for offset in (0, 2, 4, 6)]
    assert [uids(page) for page in pages] == [wanted[:2], wanted[2:4], wanted[4:], []]
    warning = f'299 http://testserver{ROOT} "There are additional results that can be requested"'
    assert [page.headers.get("Warning") for page in pages] == [warning, warning, None, None]
    link = f'<http://testserver{ROOT}/studies?limit=2&offset={{}}>; rel="next"'
    assert [page.headers.get("Link") for page in pages] == [link.format(2), link.format(4), None, None]


def test_fuzzy_matching_finds_names_by_their_words_in_any_order(get: Get, study: Study) -> None:
    for name in ("yamada", "Tarou Yamada", "taro^ｙａｍａ", "太郎 山", "yama", "*amad*", "tarou, YAMADA", "ﾔﾏﾀﾞ"):
        query = {"PatientName": name, "fuzzymatching": "true"}
        for path in ("/studies", "/series", "/instances"):
            assert uids(get(path, query)) == [study.study_instance_uid], name
        assert name in ("yamada", "*amad*", "ﾔﾏﾀﾞ") or uids(get("/studies", query | {"fuzzymatching": "false"})) == []
    for name in ("hanako yamada", "amada", "yamadax"):
        assert uids(get("/studies", {"PatientName": name, "fuzzymatching": "true"})) == []
    assert len(uids(get("/studies", {"PatientName": "*", "fuzzymatching": "true"}))) == 2


@pytest.mark.parametrize(
    "query",
    [
        *("nonsense=1", "12345678=1", "Modality=CT", "SOPInstanceUID=1.2", "PatientWeight=70", "StudyDate=yesterday"),
        *("StudyDate=-", "StudyDate=20260402-20260401", "StudyTime=2500", "limit=-1", "limit=x", "limit=1&limit=2"),
        *("offset=1000001", "offset=", "fuzzymatching=maybe", "StudyInstanceUID=abc", "PatientID=1&PatientID=2"),
        *(
            "includefield=nonsense",
            "includefield=00400275.nonsense",
            "PatientID=%00",
            "PatientName=" + "x" * 300,
            "00400275.00081050=x",
        ),
    ],
)
def test_what_cannot_be_understood_is_refused_in_a_sentence(get: Get, study: Study, query: str) -> None:
    answer = get(f"/studies?{query}")
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert b"yesterday" not in answer.content
    assert len(answer.content) > 10


def test_the_address_and_the_query_may_not_both_say_it(get: Get, study: Study) -> None:
    assert get(f"/studies/{study.study_instance_uid}/series", {"StudyInstanceUID": "1.2"}).status_code == 400
    assert get("/studies/junk/series").status_code == 400


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/dicom+json"),
        ("text/html, */*;q=0.1", "application/dicom+json"),
        (
            'multipart/related; type="application/dicom+xml"',
            'multipart/related; type="application/dicom+xml"; boundary=',
        ),
        ("multipart/related; type=application/dicom+xml", 'multipart/related; type="application/dicom+xml"; boundary='),
    ],
)
def test_the_type_of_the_answer_is_negotiated(get: Get, study: Study, accept: str, content_type: str) -> None:
    assert get("/studies", Accept=accept).headers["Content-Type"].startswith(content_type)


def test_a_type_that_is_not_offered_is_refused(get: Get, study: Study) -> None:
    for accept in ("text/html", "application/dicom", 'multipart/related; type="application/dicom"'):
        assert get("/studies", Accept=accept).status_code == 406


def test_xml_comes_in_parts_of_one_data_set(get: Get, study: Study) -> None:
    answer = get("/studies", Accept='multipart/related; type="application/dicom+xml"')
    boundary = answer.headers["Content-Type"].partition("boundary=")[2]
    first, second = answer.content.decode().split(f"--{boundary}")[1:3]
    for part in (first, second):
        head, _, body = part.partition("\r\n\r\n")
        assert head.strip() == "Content-Type: application/dicom+xml"
        assert {element.get("keyword") for element in fromstring(body.strip())} >= {"StudyInstanceUID", "RetrieveURL"}
    assert "山田" in first


def test_who_may_search(
    sakura: Facility, lindenhof: Facility, study: Study, token_for: Any, signed_in: Any, client: Client
) -> None:
    def ask(secret: str) -> int:
        return client.get(f"{ROOT}/studies", headers={"Authorization": f"Bearer {secret}"}).status_code

    assert ask(token_for(sakura, Scope.READ)) == 200
    assert ask(token_for(sakura, Scope.STORE)) == 403
    assert ask(token_for(lindenhof, Scope.READ)) == 404
    assert ask("mv_nobody") == 401
    assert client.get(f"{ROOT}/studies").status_code == 401
    assert signed_in("viewer@example.org", sakura=Role.VIEWER).get(f"{ROOT}/studies").status_code == 200
    stranger = signed_in("stranger@example.org", lindenhof=Role.OWNER)
    for path in ("/studies", "/series", "/instances", f"/studies/{study.study_instance_uid}/series"):
        assert stranger.get(f"{ROOT}{path}").status_code == 404


def test_another_facilitys_studies_are_not_found(get: Get, lindenhof: Facility) -> None:
    foreign = make_study(lindenhof, **YAMADA).study_instance_uid
    paths = ("/studies", "/series", "/instances", f"/studies/{foreign}/series", f"/studies/{foreign}/instances")
    assert [get(path).status_code for path in paths] == [204] * 5


def test_each_method_has_its_own_door(sakura: Facility, token_for: Any) -> None:
    reader = Client(headers={"Authorization": f"Bearer {token_for(sakura, Scope.READ)}"})
    writer = Client(headers={"Authorization": f"Bearer {token_for(sakura, Scope.STORE)}"})
    assert reader.post(f"{ROOT}/studies", b"", content_type="text/plain").status_code == 403
    assert writer.post(f"{ROOT}/studies", b"", content_type="text/plain").status_code == 415
    assert reader.head(f"{ROOT}/studies").status_code == 204
    refused = reader.delete(f"{ROOT}/studies")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST, HEAD")
    assert reader.post(f"{ROOT}/series").status_code in {403, 405}
    assert Client().delete(f"{ROOT}/studies").status_code == 401


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server(committed_db: None) -> Iterator[str]:
    with make_server("127.0.0.1", 0, application, handler_class=_Quiet) as running:
        thread = Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_a_public_client_walks_from_study_to_instance(
    server: str, committed_db: None, sakura: Facility, token_for: Any
) -> None:
    study = make_study(sakura, **YAMADA)
    make_study(sakura, name="Suzuki^Hanako")
    viewer = DICOMwebClient(url=f"{server}{ROOT}", headers={"Authorization": f"Bearer {token_for(sakura, Scope.READ)}"})
    (found,) = viewer.search_for_studies(search_filters={"PatientName": "山田*"}, fields=["PatientAge"])
    uid = found["0020000D"]["Value"][0]
    assert uid == study.study_instance_uid
    (series,) = viewer.search_for_series(uid)
    (instance,) = viewer.search_for_instances(uid, series["0020000E"]["Value"][0])
    assert instance["00080018"]["Value"] == [f"{uid}.3"]
    assert len(viewer.search_for_studies(limit=1, get_remaining=True)) == 2
    assert viewer.search_for_studies(search_filters={"PatientID": "nobody"}) == []
