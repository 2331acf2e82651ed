"""Assessing: what is on record becomes floors; nothing that was kept is shortened by itself."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import ProgrammingError
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Patient, Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.care_events import ImplausibleDate, report_care_event, set_birth_date
from apps.retention.corrections import decide_correction, propose_correction
from apps.retention.errors import NeedsReason, NeedsSecondPerson, StillRetained
from apps.retention.explaining import explained
from apps.retention.law import enable, new_version
from apps.retention.models import CareEventKind, Correction, Retention, Rule
from tests.retention.stories import agreed, in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


def told(study: Study, kind: str, day: date) -> None:
    with as_center():
        report_care_event(study.patient, kind=CareEventKind(kind), happened_on=day, actor=SYSTEM, now=timezone.now())
    assess_pending()


def test_presets_are_recorded_and_none_governs(sakura: Facility) -> None:
    study = stored(sakura)
    with as_center():
        assert Rule.objects.count() > 40
        assert not Rule.objects.exclude(enabled_at=None).exists()
    assert retention_of(study).missing == ["rule"]
    assert retention_of(study).kept_until is None


def test_a_period_is_unknown_until_the_facility_tells_what_is_missing(sakura: Facility) -> None:
    in_force("jp-ins-image")
    study = stored(sakura, date(2024, 5, 1))
    assert (retention_of(study).kept_until, retention_of(study).missing) == (None, ["care_completed"])
    told(study, "care_completed", date(2024, 6, 10))
    assert retention_of(study).kept_until == date(2027, 6, 10)
    assert explained(retention_of(study))[0].because == "3 years from the completion of care (2024-06-10)"


def test_a_birth_date_that_the_images_lack_is_told(lindenhof: Facility) -> None:
    in_force("de-diag")
    study = stored(lindenhof, date(2024, 5, 1), PatientBirthDate="")
    assert retention_of(study).missing == ["birth_date"]
    with as_center():
        set_birth_date(study.patient, date(2020, 2, 29), actor=SYSTEM, now=timezone.now())
    assess_pending()
    assert retention_of(study).kept_until == date(2048, 2, 29)
    with as_center(), pytest.raises(ImplausibleDate):
        set_birth_date(Patient.objects.get(), date(1960, 1, 1), actor=SYSTEM, now=timezone.now())


def test_a_later_exam_lengthens_the_earlier_ones(lindenhof: Facility) -> None:
    in_force("de-diag")
    first = stored(lindenhof, date(2010, 1, 1), **BORN)
    assert retention_of(first).kept_until == date(2020, 1, 1)
    stored(lindenhof, date(2024, 8, 8), **BORN)
    assert retention_of(first).kept_until == date(2034, 8, 8)


def test_the_contract_lengthens_and_never_shortens(lindenhof: Facility) -> None:
    in_force("de-diag")
    agreed(lindenhof, minimum_period="P30Y")
    assert retention_of(stored(lindenhof, date(2010, 1, 1), **BORN)).kept_until == date(2040, 1, 1)
    agreed(lindenhof, minimum_period="P1Y")
    later = stored(lindenhof, date(2011, 1, 1), PatientID="another", **BORN)
    assert retention_of(later).kept_until == date(2021, 1, 1)


def test_a_state_that_is_not_told_is_missing_where_states_have_law(sakura: Facility) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(country="US")
    in_force("us-mqsa", "us-ma")
    assert "subdivision" in retention_of(stored(sakura, date(2024, 5, 1), Modality="MG")).missing


def test_a_later_mammogram_shortens_nothing_by_itself(sakura: Facility) -> None:
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(country="US")
    in_force("us-mqsa")
    first = stored(sakura, date(2020, 5, 1), Modality="MG")
    assert retention_of(first).kept_until == date(2030, 5, 1)
    stored(sakura, date(2022, 5, 1), Modality="MG")
    now = retention_of(first)
    assert (now.kept_until, now.computed_until) == (date(2030, 5, 1), date(2025, 5, 1))


def test_a_shorter_rule_shortens_nothing_and_a_longer_one_lengthens(lindenhof: Facility) -> None:
    in_force("it")
    with as_center():
        Facility.objects.filter(pk=lindenhof.pk).update(country="IT")
    study = stored(lindenhof, date(2020, 1, 1))
    assert retention_of(study).kept_until == date(2030, 1, 1)
    staff = User.objects.get()
    for period, expected in (("P3Y", date(2030, 1, 1)), ("P15Y", date(2035, 1, 1))):
        with as_center():
            made = new_version(Rule.objects.filter(key="it").latest("version"), period=period)
        with as_center():
            enable(made, by=staff, actor=SYSTEM, now=timezone.now())
        assess_pending()
        assert retention_of(study).kept_until == expected


@pytest.fixture
def too_long(sakura: Facility) -> Study:
    """A mammogram that the rules would now let go earlier than it is kept."""
    with as_center():
        Facility.objects.filter(pk=sakura.pk).update(country="US")
    in_force("us-mqsa")
    first = stored(sakura, date(2020, 5, 1), Modality="MG")
    stored(sakura, date(2022, 5, 1), Modality="MG")
    return first


def test_two_people_shorten_a_period_to_what_the_rules_give(too_long: Study) -> None:
    one, other = User.objects.get(), User.objects.create_user("second@center.example", is_staff=True)
    given: dict[str, Any] = {
        "study": too_long,
        "until": date(2025, 5, 1),
        "by": one,
        "actor": SYSTEM,
        "now": timezone.now(),
    }
    with as_center(), pytest.raises(NeedsReason):
        propose_correction(**given, reason=" ")
    with as_center(), pytest.raises(StillRetained):
        propose_correction(**given | {"until": date(2025, 4, 30)}, reason="A later mammogram")
    with as_center():
        correction = propose_correction(**given, reason="A later mammogram")
    with as_center(), pytest.raises(NeedsSecondPerson):
        decide_correction(correction, approves=True, by=one, actor=SYSTEM)
    assert retention_of(too_long).kept_until == date(2030, 5, 1)
    with as_center():
        decide_correction(correction, approves=True, by=other, actor=SYSTEM)
    assert retention_of(too_long).kept_until == date(2025, 5, 1)


def test_the_database_refuses_to_shorten_without_two_people(too_long: Study) -> None:
    with as_center(), pytest.raises(ProgrammingError, match="shortened by an approved correction"):
        Retention.objects.filter(study=too_long).update(certain_until=date(2021, 1, 1))
    one = User.objects.get()
    with as_center(), pytest.raises(ProgrammingError, match="proposed by one person"):
        Correction.objects.create(
            facility_id=too_long.facility_id, study=too_long, until=date(2021, 1, 1), reason="I say so",
            proposed_at=timezone.now(), proposed_by=one, decided_by=one, decided_at=timezone.now(), is_approved=True,
        )  # fmt: skip


@pytest.mark.parametrize("day", [date(1949, 12, 31), (timezone.now() + timedelta(days=3)).date()])
def test_an_event_that_cannot_have_been_is_refused(sakura: Facility, day: date) -> None:
    study = stored(sakura, **BORN)
    with as_center(), pytest.raises(ImplausibleDate):
        report_care_event(study.patient, kind=CareEventKind.DEATH, happened_on=day, actor=SYSTEM, now=timezone.now())
