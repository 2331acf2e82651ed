"""Pages of a search: complete, without repetition, and by cursors that say nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from apps.catalog.cursor import read_cursor, write_cursor
from apps.catalog.models import Study
from apps.catalog.search import InvalidCriteria, StudyCriteria, search_studies
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_facility
from tests.catalog.search_rows import NOW, make_study


def pages(facility: Facility, limit: int, **criteria: Any) -> list[list[Study]]:
    found, after = [], ""
    with as_facility(facility):
        while True:
            page = search_studies(facility.pk, StudyCriteria(**criteria), after=after, limit=limit)
            found.append(page.studies)
            if not (after := page.next):
                return found


@pytest.fixture
def studies(sakura: Facility, lindenhof: Facility) -> list[Study]:
    """Newest first: equal dates, and studies without a date on and around the day they were received."""
    days = [date(2026, 5, 5), None, None, date(2026, 5, 4), date(2026, 5, 4), None, date(2026, 5, 3), date(1999, 1, 1)]
    made = [make_study(sakura, study_date=day, now=NOW) for day in reversed(days)]
    make_study(lindenhof, study_date=date(2026, 5, 4))
    return sorted(made, key=lambda study: (study.study_date or NOW.date(), study.pk), reverse=True)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 50])
def test_pages_hold_every_study_once_newest_first(sakura: Facility, studies: list[Study], limit: int) -> None:
    found = pages(sakura, limit)
    assert [study for page in found for study in page] == studies
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1]


def test_pages_of_a_narrower_search_are_complete_too(sakura: Facility, studies: list[Study]) -> None:
    found = pages(sakura, 2, study_date_from=date(2026, 5, 3), study_date_to=date(2026, 5, 5))
    assert [study for page in found for study in page] == [
        study for study in studies if study.study_date and study.study_date.year == 2026
    ]


def test_a_study_that_arrives_meanwhile_moves_nothing(sakura: Facility, studies: list[Study]) -> None:
    with as_facility(sakura):
        first = search_studies(sakura.pk, StudyCriteria(), limit=3)
    make_study(sakura, study_date=date(2026, 6, 1))
    with as_facility(sakura):
        rest = search_studies(sakura.pk, StudyCriteria(), after=first.next)
    assert first.studies + rest.studies == studies


def test_the_date_of_reception_stands_in_for_a_missing_study_date(sakura: Facility) -> None:
    late = datetime(2026, 5, 4, 23, 59, tzinfo=UTC)
    assert make_study(sakura, now=late).sort_date == late.date()
    assert make_study(sakura, now=late, study_date=date(2001, 2, 3)).sort_date == date(2001, 2, 3)
    assert make_study(sakura, now=late + timedelta(minutes=2)).sort_date == date(2026, 5, 5)


def test_a_page_takes_one_query_and_a_setting(
    sakura: Facility, studies: list[Study], django_assert_num_queries: Any
) -> None:
    with as_facility(sakura), django_assert_num_queries(2):
        page = search_studies(sakura.pk, StudyCriteria(text="P", modalities=("CT",), image_number=1))
        assert [study.patient.patient_id for study in page.studies] == []
    with as_facility(sakura), django_assert_num_queries(2):
        assert all(study.patient.patient_id for study in search_studies(sakura.pk, StudyCriteria()).studies)


@pytest.mark.parametrize(
    "cursor", ["x", "AAAAAAAAAA", "AAAAAAAAAAAA", "_" * 11, "AAAAAAAAAA!", "é", "\0", "1", "A" * 4000, "AAAAAAAAAAB"]
)
def test_a_cursor_that_is_none_is_refused(sakura: Facility, cursor: str) -> None:
    with as_facility(sakura), pytest.raises(InvalidCriteria) as refused:
        search_studies(sakura.pk, StudyCriteria(), after=cursor)
    assert refused.value.field == "after"


def test_another_facilitys_cursor_is_refused(sakura: Facility, lindenhof: Facility) -> None:
    foreign = make_study(lindenhof)
    with as_facility(sakura), pytest.raises(InvalidCriteria):
        search_studies(sakura.pk, StudyCriteria(), after=write_cursor(foreign.pk))


def test_queries_are_planned_for_their_values(sakura: Facility) -> None:
    """The driver prepares what it repeats; a plan for any modality is a bad one for a rare one."""
    with as_facility(sakura), connection.cursor() as cursor:
        search_studies(sakura.pk, StudyCriteria())
        cursor.execute("SHOW plan_cache_mode")
        assert cursor.fetchone() == ("force_custom_plan",)


def test_a_cursor_names_a_row_and_nothing_else() -> None:
    assert [read_cursor(write_cursor(key)) for key in (1, 2**40, 2**63 - 1)] == [1, 2**40, 2**63 - 1]


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_a_size(sakura: Facility, limit: int) -> None:
    with as_facility(sakura), pytest.raises(InvalidCriteria):
        search_studies(sakura.pk, StudyCriteria(), limit=limit)
