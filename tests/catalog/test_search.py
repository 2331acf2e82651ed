"""Searching one facility's studies by every criterion there is."""

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from apps.catalog.search import InvalidCriteria, StudyCriteria, matching_instances, matching_series, search_studies
from apps.catalog.text import PersonName
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from tests.catalog.search_rows import found, make_study

WANTED: dict[str, Any] = {
    "name": "Yamada^Tarou=山田^太郎",
    "patient_id": "SKR-0042",
    "patient_birth_date": date(1960, 2, 29),
    "patient_sex": "M",
    "accession_number": "A%100_7",
    "study_id": "S7",
    "study_description": "CT Thorax nativ (100%)",
    "referring_physician_name": PersonName("Weiß^Jörg", "白^"),
    "institution_name": "Sakura Clinic 桜",
    "study_date": date(2026, 4, 1),
    "study_time": time(10, 30),
    "modality": "CT",
    "body_part_examined": "CHEST",
    "station_name": "CT_ROOM1",
    "protocol_name": "Thorax\\nativ",
    "manufacturer": "Acme",
    "series_description": "Axial 1.0",
    "series_number": 3,
    "instance_number": 117,
}
OTHER: dict[str, Any] = {
    "name": "Suzuki^Hanako",
    "patient_id": "SKR-0043",
    "patient_birth_date": date(1961, 2, 28),
    "patient_sex": "F",
    "accession_number": "Ax100x8",
    "study_id": "S8",
    "study_description": "MR Knie",
    "referring_physician_name": PersonName("Schwarz^Eva"),
    "institution_name": "Elsewhere",
    "study_date": date(2026, 4, 9),
    "study_time": time(22, 0),
    "modality": "MR",
    "body_part_examined": "KNEE",
    "station_name": "CTxROOM1",
    "protocol_name": "Knie",
    "manufacturer": "Other",
    "series_description": "Sagittal",
    "series_number": 4,
    "instance_number": 118,
}
MATCHING: list[dict[str, Any]] = [
    {"text": "skr-0042".upper()},
    {"text": "A%100"},
    {"text": "SKR-0042 "},
    {"text": "*0042"},
    {"patient_id": "SKR-0042"},
    {"patient_id": "SKR-004?", "patient_sex": "M"},
    {"patient_id": "*42"},
    {"patient_id": "S*42"},
    {"patient_birth_date": date(1960, 2, 29)},
    {"patient_sex": "m"},
    {"accession_number": "A%100_7"},
    {"accession_number": "A%*"},
    {"accession_number": "A%100_?"},
    {"study_id": "s7"},
    {"study_description": "*thorax*"},
    {"study_description": "ct thorax nativ (100%)"},
    {"referring_physician_name": "weiß*"},
    {"referring_physician_name": "白"},
    {"institution_name": "*桜"},
    {"study_date_from": date(2026, 4, 1), "study_date_to": date(2026, 4, 1)},
    {"study_date_to": date(2026, 4, 8)},
    {"study_time_from": time(10), "study_time_to": time(10, 30)},
    {"modalities": ("ct", "XA")},
    {"modalities_in_study": ("CT",)},
    {"body_part": "chest"},
    {"station_name": "CT_*"},
    {"protocol_name": "thorax\\*"},
    {"manufacturer": "AC?E"},
    {"series_description": "axial 1.0"},
    {"series_number": 3},
    {"image_number": 117},
    {"modalities": ("CT",), "image_number": 117, "patient_name": "yamada", "text": "山田"},
]


@pytest.mark.parametrize("criteria", MATCHING, ids="+".join)
def test_each_criterion_finds_the_study_that_matches(sakura: Facility, criteria: dict[str, Any]) -> None:
    study = make_study(sakura, **WANTED)
    make_study(sakura, **OTHER)
    assert found(sakura, **criteria) == [study]
    with as_facility(sakura):
        series = matching_series(sakura.pk, StudyCriteria(**criteria))
        assert [each.study for each in series] == [study]
        instances = matching_instances(sakura.pk, StudyCriteria(**criteria))
        assert [each.series.study for each in instances] == [study]


def test_uids_find_what_they_name(sakura: Facility) -> None:
    study, other = make_study(sakura), make_study(sakura)
    uid = study.study_instance_uid
    assert found(sakura, study_instance_uids=(uid,)) == [study]
    assert found(sakura, series_instance_uids=(f"{uid}.2",)) == [study]
    assert found(sakura, sop_instance_uids=(f"{uid}.3",)) == [study]
    assert found(sakura, study_instance_uids=(uid, other.study_instance_uid)) == [other, study]
    assert found(sakura, sop_class_uids=("1.2.3",)) == []


@pytest.mark.parametrize(
    "criteria",
    [
        *({"accession_number": "a%*"}, {"accession_number": "A_*"}, {"patient_id": "%"}, {"patient_id": "SKR"}),
        *({"study_description": "%"}, {"study_description": "Thorax"}, {"institution_name": "' OR ''='"}),
        *({"patient_id": "'; DROP TABLE catalog_study; --"}, {"text": "' OR 1=1 --"}, {"text": "\\"}),
        *({"image_number": 117, "modalities": ("MR",)}, {"body_part": "CHEST", "station_name": "CTxROOM1"}),
        *({"study_date_from": date(2026, 4, 10)}, {"image_number": -1}),
    ],
    ids=str,
)
def test_what_does_not_match_finds_nothing(sakura: Facility, criteria: dict[str, Any]) -> None:
    make_study(sakura, **WANTED)
    make_study(sakura, **OTHER)
    assert found(sakura, **criteria) == []


def test_conditions_on_series_hold_for_one_series(sakura: Facility) -> None:
    same: dict[str, Any] = {"study_instance_uid": "2.25.9", "patient_id": "P"}
    study = make_study(sakura, modality="CT", body_part_examined="CHEST", **same)
    make_study(sakura, modality="SR", **same)
    assert found(sakura, modalities=("SR",)) == [study]
    assert found(sakura, modalities_in_study=("SR",), body_part="CHEST") == [study]
    assert found(sakura, modalities=("SR",), body_part="CHEST") == []


def test_wildcards_alone_ask_for_nothing(sakura: Facility) -> None:
    study = make_study(sakura)
    texts = ("patient_id", "patient_name", "accession_number", "study_description", "institution_name", "station_name")
    assert found(sakura, **dict.fromkeys(texts, "*")) == [study]


def test_reception_is_counted_in_the_days_of_the_facility(sakura: Facility) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(time_zone="Asia/Tokyo")
    study = make_study(sakura, now=datetime(2026, 5, 4, 15, 0, tzinfo=UTC))
    fifth, fourth = date(2026, 5, 5), date(2026, 5, 4)
    assert found(sakura, received_from=fifth, received_to=fifth) == [study]
    assert found(sakura, received_to=fourth) == []
    assert found(sakura, received_from=date.min, received_to=date.max) == [study]


@pytest.mark.parametrize("criteria", [{}, *MATCHING], ids=lambda criteria: "+".join(criteria) or "none")
def test_another_facilitys_studies_are_never_found(
    sakura: Facility, lindenhof: Facility, criteria: dict[str, Any]
) -> None:
    """By the query itself: the center's role is bound by no policy."""
    make_study(lindenhof, **WANTED)
    with as_center():
        assert search_studies(lindenhof.pk, StudyCriteria(**criteria)).studies
        assert search_studies(sakura.pk, StudyCriteria(**criteria)).studies == []
        assert not matching_series(sakura.pk, StudyCriteria(**criteria)).exists()
        assert not matching_instances(sakura.pk, StudyCriteria(**criteria)).exists()
        own = make_study(sakura, **WANTED)
    with as_center():
        assert search_studies(sakura.pk, StudyCriteria(**criteria)).studies == [own]
    with as_facility(sakura):
        assert search_studies(lindenhof.pk, StudyCriteria()).studies == []


@pytest.mark.parametrize(
    ("criteria", "field"),
    [
        ({"patient_name": "x" * 257}, "patient_name"),
        ({"text": "a\0b"}, "text"),
        ({"text": "\ud800"}, "text"),
        ({"image_number": 2**31}, "image_number"),
        ({"study_instance_uids": ("1.2.x",)}, "study_instance_uids"),
        ({"sop_instance_uids": ("1.2",) * 501}, "sop_instance_uids"),
        ({"modalities": ("C\0",)}, "modalities"),
        ({"study_date_from": date(2026, 1, 2), "study_date_to": date(2026, 1, 1)}, "study_date_to"),
        ({"received_from": date(2026, 1, 2), "received_to": date(2026, 1, 1)}, "received_to"),
    ],
)
def test_nonsense_is_refused_and_named(criteria: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidCriteria) as refused:
        StudyCriteria(**criteria)
    assert refused.value.field == field
