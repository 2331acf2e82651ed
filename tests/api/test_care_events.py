"""Care events reported by a facility's programs."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.test import Client

from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.models import CareEvent
from tests.api.asking import Asking
from tests.retention.stories import in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")
EVENT = {"patient_id": "A-1", "event": "care_completed", "date": "2024-06-10"}


@pytest.fixture
def report(client: Client, sakura: Facility, token_for: Callable[..., str]) -> Callable[..., Any]:
    bearer = {"authorization": f"Bearer {token_for(sakura, Scope.CARE)}"}

    def post(content: Any) -> Any:
        return client.post("/api/v1/f/sakura/care-events/", content, content_type="application/json", headers=bearer)

    return post


def test_what_is_reported_gives_periods_and_what_is_wrong_says_why(
    sakura: Facility, lindenhof: Facility, report: Callable[..., Any]
) -> None:
    in_force("jp-ins-image")
    study = stored(sakura, date(2024, 5, 1), PatientID="A-1")
    stored(lindenhof, date(2024, 5, 1), PatientID="elsewhere")
    wrong = [EVENT | {"patient_id": "elsewhere"}, EVENT | {"event": "party"}, EVENT | {"date": "10.06.2024"}]
    answer = report({"events": [wrong[0], EVENT, *wrong[1:]]})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["reported"], told["known"]) == (1, 0)
    codes = [(each["index"], each["code"]) for each in told["refused"]]
    assert codes == [(0, "unknown_patient"), (2, "unknown_event"), (3, "implausible_date")]
    assert report({"events": [EVENT]}).json() == {"reported": 0, "known": 1, "refused": []}
    assess_pending()
    assert retention_of(study).kept_until == date(2027, 6, 10)
    with as_center():
        assert CareEvent.objects.get().device_token


def test_what_was_told_is_read_back_and_what_is_missing_is_named(
    sakura: Facility, client: Client, token_for: Callable[..., str]
) -> None:
    in_force("jp-ins-image")
    study = stored(sakura, date(2024, 5, 1), PatientID="A-1")
    ask = Asking(client, "sakura", token_for(sakura, Scope.CARE, Scope.READ))
    [unknown] = ask("storage-periods/unknown/").json()["unknown_periods"]
    assert (unknown["study_instance_uid"], unknown["missing"]) == (study.study_instance_uid, ["care_completed"])
    assert unknown["in_words"] == ["Care completed"]
    ask("care-events/", {"events": [EVENT, EVENT | {"event": "last_visit"}]})
    told = ask.pages("care-events/", "care_events", limit=1)
    assert [(each["patient_id"], each["event"], each["date"], each["told_by"]) for each in told] == [
        ("A-1", "last_visit", "2024-06-10", "test"), ("A-1", "care_completed", "2024-06-10", "test"),
    ]  # fmt: skip
    assert ask(f"studies/{study.study_instance_uid}/care-events/").json()["care_events"] == told
    assess_pending()
    assert ask("storage-periods/unknown/").json()["unknown_periods"] == []


@pytest.mark.parametrize(
    "content",
    [
        b"not json", {}, [], {"events": []}, {"events": "A-1"}, {"events": [1]}, {"events": [{"patient_id": "A-1"}]},
        {"events": [EVENT | {"patient_id": "A\0"}]}, {"events": [EVENT | {"patient_id": "\ud800"}]},
        {"events": [EVENT] * 2001},
    ],
)  # fmt: skip
def test_what_is_no_report_is_a_problem(report: Callable[..., Any], content: Any) -> None:
    answer = report(content)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
