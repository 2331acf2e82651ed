"""What holds for every rule, study and patient there may be (property-based)."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from apps.core.periods import FOREVER, Period, age_on, birthday, parse_period
from apps.retention.facts import FacilityFacts, PatientFacts, StudyFacts, believed_exam
from apps.retention.floors import assess, floor_of
from apps.retention.rules import RuleTerms
from tests.retention.test_presets import RULES

DAYS = st.dates(date(1950, 1, 1), date(2060, 12, 31))
PERIODS = st.builds(Period, st.integers(0, 99), st.integers(0, 11), st.integers(0, 400))
LAW = st.sampled_from(sorted(RULES)).map(RULES.__getitem__)
EVENTS = st.dictionaries(
    st.sampled_from([
        "last_visit", "last_record_change", "care_completed", "discharge", "treatment_start", "treatment_end",
        "diagnosis", "employment_end", "exposure_work_end", "death",
    ]),
    DAYS.map(lambda day: (day,)),
)  # fmt: skip
PATIENTS = st.builds(PatientFacts, st.none() | DAYS, st.none() | DAYS, st.none() | DAYS, EVENTS)
PURPOSES = st.frozensets(st.sampled_from(["screening", "occupational", "oncology", "trial", "inpatient", "outpatient"]))
STUDIES = st.builds(
    StudyFacts, DAYS, DAYS, modalities=st.frozensets(st.sampled_from(["CT", "MG", "US", "OT"])), purposes=PURPOSES
)
ANYWHERE = FacilityFacts("hospital", "JP")


@given(DAYS, PERIODS)
def test_a_period_never_ends_before_its_months_have_passed(start: date, period: Period) -> None:
    end = period.after(start)
    months = (end.year - start.year) * 12 + end.month - start.month
    assert months >= 12 * period.years + period.months
    assert end >= start
    assert parse_period(str(period)) == period


@given(DAYS, DAYS, PERIODS)
def test_a_later_start_never_ends_earlier(one: date, other: date, period: Period) -> None:
    first, second = sorted([one, other])
    assert period.after(first) <= period.after(second)


@given(DAYS, st.integers(0, 110))
def test_who_has_a_birthday_is_that_old_and_was_not_the_day_before(born: date, age: int) -> None:
    day = birthday(born, age)
    assert age_on(born, day) == age
    assert age == 0 or age_on(born, day - timedelta(days=1)) == age - 1


@given(LAW, STUDIES, PATIENTS)
def test_a_floor_is_a_date_or_says_what_is_missing(rule: RuleTerms, study: StudyFacts, patient: PatientFacts) -> None:
    floor = floor_of(rule, study, patient)
    assert floor.until or floor.missing
    assert floor.until is None or floor.clause
    assert set(floor.as_json()) >= {"rule", "version"}


@given(LAW, STUDIES, PATIENTS, DAYS)
def test_what_is_told_later_never_shortens(
    rule: RuleTerms, study: StudyFacts, patient: PatientFacts, day: date
) -> None:
    """A later visit, discharge, end, exam, or a death; mammograms alone may: that is the rule's own condition.

    A death stands in for an end that was not told; where that is told after it, it counts instead.
    """
    patient = replace(patient, events={kind: days for kind, days in patient.events.items() if kind != "death"})
    before = floor_of(rule, study, patient).until
    for kind in ("last_visit", "last_record_change", "care_completed", "discharge", "treatment_end", "death"):
        told = patient.events.get(kind, ())
        later = replace(patient, events=patient.events | {kind: tuple(sorted((*told, day)))})
        after = floor_of(rule, study, later).until
        assert before is None or (after is not None and after >= before)
    exam = max(day, patient.last_exam_on or day)
    after = floor_of(rule, study, replace(patient, last_exam_on=exam)).until
    assert before is None or (after is not None and after >= before)


@given(st.lists(LAW, max_size=5), STUDIES, PATIENTS, st.lists(DAYS, max_size=2))
def test_the_latest_floor_governs_and_the_missing_is_never_forgotten(
    law: list[RuleTerms], study: StudyFacts, patient: PatientFacts, extensions: list[date]
) -> None:
    found = assess(study, patient, ANYWHERE, law, extensions)
    dates = [floor.until for floor in found.floors if floor.until]
    assert found.certain_until == max(dates, default=None)
    assert found.governing is None or found.governing.until == found.certain_until
    assert set(found.missing) >= {name for floor in found.floors for name in floor.missing}
    assert found.missing or any(rule.binds_study(study) for rule in law)
    more = assess(study, patient, ANYWHERE, law, [*extensions, FOREVER])
    assert more.certain_until == FOREVER


@given(STUDIES, PATIENTS, PERIODS)
def test_a_contract_lengthens_or_changes_nothing(study: StudyFacts, patient: PatientFacts, period: Period) -> None:
    law = [RULES["de-diag"]]
    without = assess(study, patient, ANYWHERE, law).certain_until
    agreed = assess(study, patient, replace(ANYWHERE, minimum_period=str(period)), law).certain_until
    assert without is None or (agreed is not None and agreed >= without)


@given(st.none() | DAYS, DAYS, st.none() | DAYS)
def test_the_exam_is_never_believed_to_be_later_than_it_can_have_been(
    study_date: date | None, received_on: date, birth_date: date | None
) -> None:
    exam_on, is_believed = believed_exam(study_date, received_on, birth_date)
    assert exam_on <= received_on + timedelta(days=1)
    assert is_believed == (exam_on == study_date) or exam_on == received_on
