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
