"""Care events of many patients from a file: shown first, then noted."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.audit.models import Event
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.care_event_csv import decode, read_lines
from apps.retention.models import CareEvent
from tests.retention.stories import in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")
ADDRESS = reverse("portal:note_care_events", kwargs={"facility_slug": "sakura"})
LIST = (
    'patient_id,event,date\r\nA-1,care_completed,2024-06-10\r\n"=HYPERLINK(""http://evil.example"")",death,2024-06-10'
    "\r\n<script>alert(1)</script>,death,2024-06-10\r\n"
)


def upload(client: Client, content: bytes, **more: str) -> Any:
    return client.post(ADDRESS, {"file": SimpleUploadedFile("events.csv", content), **more})


def test_what_is_refused_comes_back_as_a_file_that_nothing_computes(
    sakura: Facility, signed_in: Callable[..., Client]
) -> None:
    member = signed_in("member@example.org", sakura=Role.MEMBER)
    answer = member.post(ADDRESS, {"text": LIST, "refused": "yes"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    text = answer.content.decode("utf-8-sig")
    assert "\n\"'=HYPERLINK(" in text
    again = [line.patient_id for line in read_lines(decode(answer.content))]
    assert again == ["A-1", '=HYPERLINK("http://evil.example")', "<script>alert(1)</script>"]


def test_a_file_is_shown_and_then_noted(sakura: Facility, signed_in: Callable[..., Client]) -> None:
    in_force("jp-ins-image")
    study = stored(sakura, date(2024, 5, 1), PatientID="A-1", PatientName="Invented^Person")
    member = signed_in("member@example.org", sakura=Role.MEMBER)
    page = reverse("portal:care_event_list", args=["sakura"])
    assert page in member.get(reverse("portal:expiring", args=["sakura"])).content.decode()
    assert ADDRESS in member.get(page).content.decode()
    preview = upload(member, LIST.encode())
    content = preview.content.decode()
    assert "Invented, Person" in content
    assert "1 event is new" in content
    assert "2 lines are not taken" in content
    assert "<script>alert" not in content
    with as_center():
        assert not CareEvent.objects.exists()
        assert Event.objects.get(action="patients.listed").details == {"count": 1}
    confirmed = {"text": preview.context["text"], "confirmed": "yes"}
    told = [str(each) for each in member.post(ADDRESS, confirmed, follow=True).context["messages"]]
    assert told == ["Noted 1 event. The storage periods follow within a minute.", "2 lines were not noted."]
    again = [str(each) for each in member.post(ADDRESS, confirmed, follow=True).context["messages"]]
    assert again == ["Nothing was new.", "2 lines were not noted."]
    assess_pending()
    assert retention_of(study).kept_until == date(2027, 6, 10)


@pytest.mark.parametrize("content", [b"", "名前".encode("cp932"), b"patient_id\nA-1"])
def test_what_is_no_list_says_so(sakura: Facility, signed_in: Callable[..., Client], content: bytes) -> None:
    answer = upload(signed_in("member@example.org", sakura=Role.MEMBER), content, confirmed="yes")
    assert answer.status_code == 422
    assert b"field-error" in answer.content


def test_a_text_that_was_changed_is_checked_again(sakura: Facility, signed_in: Callable[..., Client]) -> None:
    member = signed_in("member@example.org", sakura=Role.MEMBER)
    for text in ("", "x\0y", "patient_id,event,date\nelsewhere,death,2024-06-10"):
        assert member.post(ADDRESS, {"text": text, "confirmed": "yes"}).status_code in {302, 422}
    with as_center():
        assert not CareEvent.objects.exists()
