"""Lists of care events: every line by itself, and nothing is guessed at."""

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.models import Patient
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from apps.retention.care_event_csv import MOST_BYTES, UnreadableList, decode, read_lines
from apps.retention.care_event_lists import MOST, Checked, Line, check_list, report_list
from apps.retention.models import CareEvent

HEADING = "patient_id,event,date\n"
GOOD = "A-1,care_completed,2024-06-10"


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADING}{GOOD}\n".encode(),
        f"{HEADING}{GOOD}".encode("utf-8-sig"),
        f"{HEADING}{GOOD}\r\n\r\n,,\r\n".encode("utf-16"),
        f"{HEADING}{GOOD}\n".replace(",", ";").encode(),
        f"{HEADING}{GOOD}\n".replace(",", "\t").encode(),
        ' Date ,NAME,Patient_ID,Event\n2024-06-10,"山田, 太郎",A-1,care_completed\n'.encode(),
        b'"patient_id","event","date"\n"A-1","care_completed","2024-06-10"\n',
    ],
)
def test_a_list_is_read_as_spreadsheets_write_it(content: bytes) -> None:
    assert read_lines(decode(content)) == [Line(2, "A-1", "care_completed", "2024-06-10")]


def test_a_line_keeps_its_number_and_may_be_short() -> None:
    lines = read_lines(f'{HEADING}"A\n1",death\n\n{GOOD}')
    assert [(line.number, line.patient_id, line.day) for line in lines] == [(3, "A\n1", ""), (5, "A-1", "2024-06-10")]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("patient_id,event,date\n山田,death,2024-06-10".encode("cp932"), "UTF-8"),
        ("patient_id,event,date\nMüller,death,2024-06-10".encode("latin-1"), "UTF-8"),
        (b"PK\x03\x04\x00\x00", "not text"),
        (b"\xff\xfea", "UTF-8"),
        (b"", "missing: patient_id, event, date"),
        (b"patient_id,when\nA-1,2024-06-10", "missing: event, date"),
        (HEADING.encode(), "no line below"),
        (f'{HEADING}"A-1,death,2024-06-10'.encode(), "Line 2 is not CSV"),
        ((HEADING + f"{GOOD}\n" * (MOST + 1)).encode(), "more than 2000 lines"),
        (b"x" * (MOST_BYTES + 1), "a million bytes"),
    ],
)
def test_what_is_no_list_is_refused_as_a_whole(content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableList, match=reason):
        read_lines(decode(content))


def patient(facility: Facility, patient_id: str, issuer: str = "", **more: Any) -> Patient:
    return Patient.objects.create(
        facility=facility, patient_id=patient_id, issuer_of_patient_id=issuer, created_at=timezone.now(), **more
    )


@pytest.fixture
def patients(committed_db: None, sakura: Facility, lindenhof: Facility) -> None:
    with as_facility(sakura):
        patient(sakura, "A-1", birth_date=date(1950, 1, 1))
        patient(sakura, "B-2")
        for issuer in ("North", "South"):
            patient(sakura, "C-3", issuer)
    with as_facility(lindenhof):
        patient(lindenhof, "elsewhere")


def told(facility: Facility, *lines: Line) -> list[Checked]:
    """What becomes of the lines; the preview has said the same before."""
    with as_facility(facility):
        previewed = check_list(facility, lines, now=timezone.now())
        reported = report_list(facility, lines, actor=SYSTEM, now=timezone.now())
    assert [each.is_new for each in previewed] == [each.is_new for each in reported]
    return reported


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (Line(1, "", "death", "2024-06-10"), "No patient here"),
        (Line(1, "A-1 ", "death", "2024-06-10"), "No patient here"),
        (Line(1, "a-1", "death", "2024-06-10"), "No patient here"),
        (Line(1, "elsewhere", "death", "2024-06-10"), "No patient here"),
        (Line(1, "C-3", "death", "2024-06-10"), "add the issuer"),
        (Line(1, "C-3", "death", "2024-06-10", "West"), "No patient here"),
        (Line(1, '=HYPERLINK("http://evil.example","A-1")', "death", "2024-06-10"), "a formula"),
        (Line(1, "@SUM(1)", "death", "2024-06-10"), "a formula"),
        (Line(1, "A-1", "party", "2024-06-10"), "no such event"),
        (Line(1, "A-1", "", "2024-06-10"), "no such event"),
        (Line(1, "A-1", "death", ""), "Write the date"),
        (Line(1, "A-1", "death", "10/06/2024"), "Write the date"),
        (Line(1, "A-1", "death", "45453"), "Write the date"),
        (Line(1, "A-1", "death", "=TODAY()"), "Write the date"),
        (Line(1, "A-1", "death", "２０２４-06-10"), "Write the date"),
        (Line(1, "A-1", "death", "2023-02-29"), "no such day"),
        (Line(1, "A-1", "death", "2999-01-01"), "in the future"),
        (Line(1, "A-1", "death", "1949-12-31"), "before the patient's birth"),
        (Line(1, "A-1", "birth_date", "1951-01-01"), "Another birth date"),
    ],
)
def test_a_wrong_line_says_why_and_holds_up_no_other(patients: None, sakura: Facility, line: Line, reason: str) -> None:
    refused, taken = told(sakura, line, Line(2, "A-1", "death", "2024-06-10"))
    assert refused.refusal
    assert reason in refused.refusal.message
    assert taken.is_new
    with as_facility(sakura):
        assert CareEvent.objects.count() == 1


def test_what_was_told_before_is_known(patients: None, sakura: Facility) -> None:
    lines = (
        Line(1, "A-1", "Care completed", "2024/6/10"),
        Line(2, "C-3", "last_visit", "20240610", "South"),
        Line(3, "B-2", "birth_date", "2000-02-29"),
        Line(4, "A-1", "birth_date", "1950-01-01"),
    )
    assert [each.is_new for each in told(sakura, *lines)] == [True, True, True, False]
    again = told(sakura, *lines)
    assert [(each.is_known, each.refusal) for each in again] == [(True, None)] * 4
    with as_facility(sakura):
        assert CareEvent.objects.count() == 2
        assert Patient.objects.get(patient_id="B-2").birth_date == date(2000, 2, 29)


def test_a_list_that_contradicts_itself_is_taken_once(patients: None, sakura: Facility) -> None:
    with as_facility(sakura):
        lines = [Line(1, "B-2", "birth_date", "2000-02-29"), Line(2, "B-2", "birth_date", "2001-02-28"),
                 Line(3, "A-1", "death", "2024-06-10"), Line(4, "A-1", "death", "2024-06-10")]  # fmt: skip
        first, second, third, fourth = report_list(sakura, lines, actor=SYSTEM, now=timezone.now())
    assert (first.is_new, third.is_new, fourth.is_known) == (True, True, True)
    assert second.refusal
