"""Worked cases: each date was worked out by hand from the rule's text, one or more for every preset."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from apps.core.periods import FOREVER
from apps.retention.facts import FacilityFacts, PatientFacts, StudyFacts, believed_exam
from apps.retention.floors import floor_of
from apps.retention.presets import presets
from apps.retention.rules import RuleTerms, terms_of

RULES: dict[str, RuleTerms] = {
    preset["key"]: terms_of({name: preset[name] for name in RuleTerms.__slots__ if name in preset})
    for preset in presets()
}

# rule, modality, date of the exam, what else is known, kept until (None: unknown) or the names of what is missing
CASES: list[tuple[str, str, str, dict[str, str], str]] = [
    # 療担規則9条: three years from the completion of care
    ("jp-ins-image", "CR", "2024-05-01", {"care_completed": "2024-06-10"}, "2027-06-10"),
    ("jp-ins-image", "CR", "2024-02-29", {"care_completed": "2024-02-29"}, "2027-03-01"),
    ("jp-ins-image", "CR", "2024-05-01", {}, "care_completed"),
    ("jp-ins-image", "CR", "2024-05-01", {"care_completed": "2023-12-31"}, "care_completed"),
    ("jp-ins-image", "CR", "2024-05-01", {"death": "2024-07-01"}, "2027-07-01"),
    # 医療法施行規則20条10号: two years
    ("jp-hosp-xray", "DX", "2023-01-31", {"care_completed": "2023-02-28"}, "2025-02-28"),
    ("jp-chart", "CR", "2020-03-01", {"care_completed": "2020-12-31"}, "2025-12-31"),
    # 石綿則: forty years from the end of work with exposure
    ("jp-asbestos", "CR", "2010-04-01", {"purpose": "occupational", "exposure_work_end": "2015-03-31"}, "2055-03-31"),
    ("jp-asbestos", "CR", "2010-04-01", {"purpose": "occupational"}, "exposure_work_end"),
    ("jp-pneumoconiosis", "DX", "2019-07-15", {"purpose": "occupational", "body_part": "CHEST"}, "2026-07-15"),
    # 21 CFR 900.12(c)(4)(i): five years, ten without a later mammogram at the facility
    ("us-mqsa", "MG", "2024-05-01", {}, "2034-05-01"),
    ("us-mqsa", "MG", "2024-05-01", {"mammogram": "2025-05-02"}, "2029-05-01"),
    ("us-mqsa", "MG", "2024-05-01", {"mammogram": "2024-05-01"}, "2034-05-01"),
    ("us-mqsa", "MG", "2024-02-29", {"mammogram": "2026-01-01"}, "2029-03-01"),
    ("us-mqsa", "MG", "2024-02-29", {}, "2034-03-01"),
    # 42 CFR 482.26(d)(2)
    ("us-cms-hosp", "CT", "2021-08-09", {}, "2026-08-09"),
    # 29 CFR 1910.1020(d)(1)(i): thirty years from the end of employment
    ("us-osha", "CR", "2001-01-01", {"purpose": "occupational", "employment_end": "2020-06-30"}, "2050-06-30"),
    ("us-osha", "CR", "2001-01-01", {"purpose": "occupational"}, "employment_end"),
    ("us-ma", "CT", "2022-11-11", {}, "2027-11-11"),
    ("us-il", "DX", "2022-12-31", {}, "2027-12-31"),
    # 420 ILCS 40/28(b): sixty months
    ("us-il-mammo", "MG", "2024-03-31", {}, "2029-03-31"),
    # 22 CCR 70751: seven years from discharge, and until nineteen
    ("us-ca", "CT", "2024-01-10", {"born": "1980-01-01", "discharge": "2024-01-15"}, "2031-01-15"),
    ("us-ca", "CT", "2024-01-10", {"born": "2020-03-05", "discharge": "2024-01-15"}, "2039-03-05"),
    ("us-ca", "CT", "2024-01-10", {"discharge": "2024-01-15"}, "birth_date"),
    # TMB 165.1(b): seven years from the last visit, and until twenty-one
    ("us-tx-phys", "CR", "2024-01-10", {"born": "2016-09-30", "last_visit": "2024-02-01"}, "2037-09-30"),
    ("us-tx-phys", "CR", "2024-01-10", {"born": "1960-09-30", "last_visit": "2024-02-01"}, "2031-02-01"),
    ("us-tx-phys", "CR", "2024-01-10", {"born": "1960-09-30"}, "last_visit"),
    ("us-tx-phys", "CR", "2024-01-10", {"born": "1960-09-30", "last_visit": "2020-02-01"}, "2031-01-10"),
    ("us-tx-hosp", "CR", "2024-01-10", {"born": "2008-02-29", "last_visit": "2024-02-01"}, "2034-02-01"),
    ("us-tx-hosp", "CR", "2024-01-10", {"born": "2018-02-28", "last_visit": "2024-02-01"}, "2038-02-28"),
    # 8 NYCRR 29.2(a)(3): six years, and until twenty-two
    ("us-ny", "MR", "2024-01-10", {"born": "2004-02-29", "last_visit": "2024-01-10"}, "2030-01-10"),
    ("us-ny", "MR", "2020-01-10", {"born": "2004-02-29", "last_visit": "2020-01-10"}, "2026-03-01"),
    # 10 NYCRR 405.10: six years from discharge, until twenty-one, six years after death
    ("us-ny-hosp", "CT", "2020-01-10", {"born": "1950-01-01", "discharge": "2020-01-20"}, "2026-01-20"),
    ("us-ny-hosp", "CT", "2020-01-10", {"born": "1950-01-01", "discharge": "2020-01-20", "death": "2021-05-05"},
     "2027-05-05"),
    # Idaho Code 39-1394: five years, and until twenty-three
    ("us-id", "DX", "2023-06-01", {"born": "2010-07-04"}, "2033-07-04"),
    ("us-id", "DX", "2023-06-01", {"born": "1990-07-04"}, "2028-06-01"),
    ("us-az", "MR", "2022-02-02", {"born": "1999-01-01", "last_visit": "2022-02-02"}, "2028-02-02"),
    ("us-nc-hosp", "CT", "2022-02-02", {"born": "2015-05-05", "discharge": "2022-02-03"}, "2045-05-05"),
    ("us-pa-hosp", "CT", "2022-02-02", {"born": "2015-05-05", "discharge": "2022-02-03"}, "2040-05-05"),
    # NHS Records Management Code 2021: eight years, until twenty-five, or twenty-six if last seen at seventeen
    ("uk-eng", "CT", "2020-04-04", {"born": "1970-01-01", "last_visit": "2020-05-05"}, "2028-05-05"),
    ("uk-eng", "CT", "2020-04-04", {"born": "2005-06-06", "last_visit": "2020-05-05"}, "2030-06-06"),
    ("uk-eng", "CT", "2020-04-04", {"born": "2003-01-01", "last_visit": "2020-05-05"}, "2029-01-01"),
    ("uk-eng-screen", "MG", "2020-04-04", {"purpose": "screening"}, "2030-04-04"),
    ("uk-eng-cancer", "CT", "2020-04-04", {"purpose": "oncology", "diagnosis": "2020-03-01"}, "2050-03-01"),
    ("uk-eng-cancer", "CT", "2020-04-04", {"purpose": "oncology", "diagnosis": "1995-03-01", "death": "2022-02-02"},
     "2030-02-02"),
    ("ie-hse", "CT", "2020-04-04", {"born": "2010-10-10", "last_visit": "2020-05-05"}, "2035-10-10"),
    # StrlSchG 85(2): ten years, and until twenty-eight; thirty years for treatment
    ("de-diag", "CT", "2020-04-04", {"born": "1970-01-01"}, "2030-04-04"),
    ("de-diag", "CT", "2020-04-04", {"born": "1970-01-01", "exam": "2022-08-01"}, "2032-08-01"),
    ("de-diag", "DX", "2020-04-04", {"born": "2012-02-29"}, "2040-02-29"),
    ("de-diag", "DX", "2020-04-04", {"born": "2011-02-28"}, "2039-02-28"),
    ("de-diag", "DX", "2020-04-04", {}, "birth_date"),
    ("de-therapy", "RTPLAN", "2020-04-04", {"treatment_end": "2020-07-31"}, "2050-07-31"),
    # CSP R.1112-7: twenty years from the last visit, and until twenty-eight
    ("fr", "MR", "2020-04-04", {"born": "1970-01-01", "last_visit": "2020-04-20"}, "2040-04-20"),
    ("fr", "MR", "2020-04-04", {"born": "2019-06-01", "last_visit": "2020-04-20"}, "2047-06-01"),
    ("be", "CT", "2020-04-04", {"last_visit": "2020-04-20"}, "2050-04-20"),
    ("nl", "US", "2020-04-04", {"last_record_change": "2021-01-31"}, "2041-01-31"),
    ("it", "DX", "2016-02-29", {}, "2026-03-01"),
    ("es", "CT", "2020-04-04", {"discharge": "2020-04-10"}, "2025-04-10"),
    # ustawa o prawach pacjenta art. 29: twenty years from the end of the year; twenty-two for children under two
    ("pl", "CT", "2020-04-04", {"born": "1970-01-01", "last_record_change": "2020-04-05"}, "2040-12-31"),
    ("pl", "CT", "2020-04-04", {"born": "2018-04-05", "last_record_change": "2020-04-05"}, "2042-12-31"),
    ("pl", "CT", "2020-04-04", {"born": "2018-04-04", "last_record_change": "2020-04-05"}, "2040-12-31"),
    ("at", "US", "2020-04-04", {}, "2030-04-04"),
    ("ch", "MR", "2020-04-04", {"last_record_change": "2020-06-01"}, "2040-06-01"),
    ("no", "MR", "2020-04-04", {"last_record_change": "2020-06-01"}, "2030-06-01"),
    ("se", "MR", "2020-04-04", {"last_record_change": "2020-06-01"}, "2030-06-01"),
    ("fi", "MR", "2020-04-04", {}, "2032-04-04"),
    ("kr-xray", "CT", "2021-12-25", {}, "2026-12-25"),
    # 醫療法70: seven years, and seven after majority; trials for ever
    ("tw", "CT", "2020-04-04", {"born": "1980-01-01", "last_visit": "2020-04-04"}, "2027-04-04"),
    ("tw", "CT", "2020-04-04", {"born": "2010-01-01", "last_visit": "2020-04-04"}, "2037-01-01"),
    ("tw-trial", "CT", "2020-04-04", {"purpose": "trial"}, FOREVER.isoformat()),
    ("cn-out", "CT", "2020-04-04", {"purpose": "outpatient", "last_visit": "2020-04-04"}, "2035-04-04"),
    ("cn-out", "CT", "2020-04-04", {"last_visit": "2020-04-04"}, "patient_class"),
    ("cn-in", "CT", "2020-04-04", {"purpose": "inpatient", "discharge": "2020-04-30"}, "2050-04-30"),
    ("in", "CT", "2020-04-04", {"purpose": "inpatient", "treatment_start": "2020-04-01"}, "2023-04-01"),
    ("au-nsw-vic-act", "CT", "2020-04-04", {"born": "2000-01-01", "last_record_change": "2020-04-04"}, "2027-04-04"),
    ("au-nsw-vic-act", "CT", "2020-04-04", {"born": "2004-12-24", "last_record_change": "2020-04-04"}, "2029-12-24"),
    ("nz", "CT", "2020-04-04", {"last_visit": "2020-04-04"}, "2030-04-04"),
    # CPSBC bylaw 3-6(2): sixteen years, and sixteen after majority at nineteen
    ("ca-bc", "CT", "2020-04-04", {"born": "2010-01-01", "last_record_change": "2020-04-04"}, "2045-01-01"),
    ("ca-bc", "CT", "2020-04-04", {"born": "1990-01-01", "last_record_change": "2020-04-04"}, "2036-04-04"),
    ("ca-on", "CT", "2020-04-04", {"born": "2010-01-01", "last_record_change": "2020-04-04"}, "2038-01-01"),
    ("ca-ab", "CT", "2020-04-04", {"born": "2015-01-01", "last_record_change": "2020-04-04"}, "2035-01-01"),
    ("br", "CT", "2020-04-04", {"last_record_change": "2020-04-04"}, "2040-04-04"),
]  # fmt: skip


def facts(modality: str, exam: str, told: dict[str, str]) -> tuple[StudyFacts, PatientFacts]:
    told, exam_on = dict(told), date.fromisoformat(exam)
    purposes = frozenset({told.pop("purpose")} if "purpose" in told else ())
    body_parts = frozenset({told.pop("body_part")} if "body_part" in told else ())
    study = StudyFacts(exam_on, exam_on, modalities=frozenset({modality}), purposes=purposes, body_parts=body_parts)
    dates = {name: date.fromisoformat(value) for name, value in told.items()}
    patient = PatientFacts(
        birth_date=dates.pop("born", None),
        last_mammogram_on=dates.pop("mammogram", exam_on if modality == "MG" else None),
        last_exam_on=dates.pop("exam", exam_on),
    )
    return study, replace(patient, events={name: (day,) for name, day in dates.items()})


@pytest.mark.parametrize(("key", "modality", "exam", "told", "expected"), CASES)
def test_worked_case(key: str, modality: str, exam: str, told: dict[str, str], expected: str) -> None:
    study, patient = facts(modality, exam, told)
    assert RULES[key].binds_study(study)
    floor = floor_of(RULES[key], study, patient)
    if expected[0].isdigit():
        assert (floor.until, floor.missing) == (date.fromisoformat(expected), ())
    else:
        assert floor.missing == (expected,)


def test_every_preset_has_a_worked_case() -> None:
    assert {case[0] for case in CASES} == set(RULES)


@pytest.mark.parametrize("preset", list(presets()), ids=lambda each: each["key"])
def test_a_preset_says_where_it_comes_from(preset: dict[str, Any]) -> None:
    assert preset["source"]
    assert preset["confidence"] in "ABCU"


@pytest.mark.parametrize(
    ("key", "modality", "exam", "binds"),
    [
        ("us-mqsa", "CT", "2024-05-01", False),
        ("us-mqsa", "OT", "2024-05-01", True),
        ("jp-hosp-xray", "US", "2024-05-01", False),
        ("kr-xray", "US", "2024-05-01", False),
        ("at", "US", "2024-05-01", True),
        ("us-osha", "CR", "2024-05-01", False),
        ("us-il-mammo", "MG", "2026-12-31", True),
        ("us-il-mammo", "MG", "2027-01-01", False),
        ("uk-eng-screen", "MG", "2024-05-01", False),
        ("de-therapy", "CT", "2024-05-01", False),
        ("de-therapy", "OT", "2024-05-01", False),
        ("de-therapy", "RTPLAN", "2024-05-01", True),
    ],
)
def test_a_rule_binds_its_kind_of_image(key: str, modality: str, exam: str, *, binds: bool) -> None:
    study, _ = facts(modality, exam, {})
    assert RULES[key].binds_study(study) is binds


@pytest.mark.parametrize(
    ("key", "facility", "binds"),
    [
        ("jp-hosp-xray", FacilityFacts("hospital", "JP"), True),
        ("jp-hosp-xray", FacilityFacts("clinic", "JP"), False),
        ("us-mqsa", FacilityFacts("clinic", "US", "TX"), True),
        ("us-ma", FacilityFacts("hospital", "US", "TX"), False),
        ("us-ma", FacilityFacts("hospital", "US", "MA"), True),
        ("au-nsw-vic-act", FacilityFacts("clinic", "AU", "VIC"), True),
        ("au-nsw-vic-act", FacilityFacts("clinic", "AU", "QLD"), False),
        ("no", FacilityFacts("clinic", "NO"), True),
    ],
)
def test_a_rule_binds_its_facilities(key: str, facility: FacilityFacts, *, binds: bool) -> None:
    assert RULES[key].binds_facility(facility) is binds


@pytest.mark.parametrize(
    ("study_date", "birth_date", "believed"),
    [
        (date(2024, 5, 1), None, date(2024, 5, 1)),
        (None, None, date(2024, 6, 1)),
        (date(2024, 6, 2), None, date(2024, 6, 2)),  # it was tomorrow there already
        (date(2924, 5, 1), None, date(2024, 6, 1)),
        (date(1800, 1, 1), None, date(2024, 6, 1)),
        (date(1970, 1, 1), date(1980, 1, 1), date(2024, 6, 1)),
    ],
)
def test_a_date_that_cannot_be_counts_from_reception(
    study_date: date | None, birth_date: date | None, believed: date
) -> None:
    assert believed_exam(study_date, date(2024, 6, 1), birth_date)[0] == believed
