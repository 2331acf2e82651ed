"""The first page of a facility."""

from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.catalog.models import Study
from apps.collection.models import Collection
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.portal.chart import stacked_bars
from apps.portal.dashboard import _last_months
from tests.portal.pages import dicom, queries_of, store, url


def page_of(client: Client) -> str:
    return client.get(url("dashboard")).content.decode()


def test_an_empty_facility_is_told_how_images_come(viewer: Client) -> None:
    page = page_of(viewer)
    assert "Nothing is stored yet" in page
    assert "No collections yet" in page


def test_what_is_stored_is_counted(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1), dicom(1, 2), dicom(2))
    totals = viewer.get(url("dashboard")).context["totals"]
    assert (totals["studies"], totals["images"], totals["patients"]) == (2, 3, 2)
    with as_facility(sakura):
        assert totals["size_bytes"] == sum(Study.objects.values_list("size_bytes", flat=True))


def test_images_of_another_facility_are_not_counted(sakura: Facility, lindenhof: Facility, viewer: Client) -> None:
    store(lindenhof, dicom())
    assert "Nothing is stored yet" in page_of(viewer)


def test_the_second_place_is_waited_for_and_then_reported(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    with as_center():
        Collection.objects.update(received_at=timezone.now())
    assert "being copied to the second place" in page_of(viewer)
    replicate_pending()
    assert "verified in two places" in page_of(viewer)


def test_a_late_second_copy_needs_attention(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    assert "Second copy is late" in page_of(viewer)  # received in May, as the clock of these tests has it


def test_quarantined_files_and_conflicts_need_attention(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(), dicom(StudyDescription="other bytes"), dicom()[:-200])
    titles = {notice.title for notice in viewer.get(url("dashboard")).context["notices"]}
    assert {"In quarantine", "Images in conflict"} <= titles


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_the_chart_counts_images_by_month_and_modality(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom(1), dicom(1, 2), dicom(2, Modality="MR"))
    with as_center():
        Study.objects.update(created_at=timezone.now() - timedelta(hours=1))
    chart = viewer.get(url("dashboard")).context["chart"]
    assert dict(chart.legend) == {1: "CT", 2: "MR"}
    assert sum(sum(values) for _, values in chart.rows) == 3


def test_studies_without_a_modality_join_the_rarer_ones(sakura: Facility, viewer: Client) -> None:
    names = ["CT", "MR", "US", "CR", "MG", "XA", "NM", ""]
    store(sakura, *(dicom(number, Modality=name) for number, name in enumerate(names, 1)))
    with as_center():
        Study.objects.update(created_at=timezone.now())
    chart = viewer.get(url("dashboard")).context["chart"]
    assert (len(chart.legend), chart.legend[-1]) == (6, (6, "Other"))
    assert chart.rows[-1][1] == [1, 1, 1, 1, 1, 3]


def test_the_chart_is_a_table_for_those_who_do_not_see_it(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    with as_center():
        Study.objects.update(created_at=timezone.now())
    assert "<caption>Images received, by month</caption>" in page_of(viewer)


def test_twelve_months_end_with_this_one() -> None:
    months = _last_months(date(2026, 3, 31))
    assert (len(months), months[0].isoformat(), months[-1].isoformat()) == (12, "2025-04-01", "2026-03-01")


def test_bars_stand_on_one_another_and_fill_the_height() -> None:
    months = _last_months(date(2026, 3, 31))
    chart = stacked_bars(months, {"CT": [0] * 11 + [30], "MR": [0] * 11 + [10]})
    lower, upper = chart.bars
    assert (upper.y, upper.y + upper.height, lower.y + lower.height) == (0, lower.y, chart.height)


def test_it_asks_as_often_for_many_studies_as_for_one(sakura: Facility, viewer: Client) -> None:
    store(sakura, dicom())
    page_of(viewer)
    once = queries_of(viewer, url("dashboard"))
    for number in range(2, 6):
        store(sakura, dicom(number))
    assert queries_of(viewer, url("dashboard")) == once
