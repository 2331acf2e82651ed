"""Staff and the storage periods of studies: what pages say, holds, corrections, policies."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.holds import place_hold
from apps.catalog.models import Hold, HoldKind, Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.models import Correction, DeletionPolicy, OnExpiry, OnSilence, Retention
from apps.retention.models.policies import policy_of
from tests.retention.stories import agreed, in_force, retention_of, stored
from tests.retention.workplace import act_address, events, in_group, list_address, page_address, shown, told

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


@pytest.fixture(autouse=True)
def workplace(settings: Any) -> None:
    settings.STAFF_SECOND_FACTOR = False


@pytest.fixture
def archivist(committed_db: None, signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "archivist")


@pytest.fixture
def second(committed_db: None, signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "administrator", "second")


@pytest.fixture
def operator(committed_db: None, signed_in: Callable[..., Client]) -> Client:
    return in_group(signed_in, "operator")


def the(model: Any) -> Any:
    with as_center():
        return model.objects.get()


def found(client: Client, model: Any, **query: str) -> int:
    answer = client.get(list_address(model), query)
    assert answer.status_code == 200
    return int(answer.context["cl"].result_count)


def test_floors_are_told_in_words(archivist: Client, lindenhof: Facility) -> None:
    in_force("de-diag")
    page = page_address(retention_of(stored(lindenhof, date(2020, 1, 1), PatientBirthDate="20100101")))
    content = shown(archivist, page)
    for fact in ("until the patient&#x27;s birthday at 28", "StrlSchG 85(2)", "2038-01-01"):
        assert fact in content, fact
    assert [event.object_type for event in events("retention.viewed")] == ["retention"]
    unknown = stored(lindenhof, date(2020, 1, 1), PatientID="untold", PatientBirthDate="")
    assert "the patient&#x27;s birth date" in shown(archivist, page_address(retention_of(unknown)))


def test_periods_are_found_by_end_and_by_study(archivist: Client, lindenhof: Facility) -> None:
    in_force("de-diag")
    today = timezone.now().date()
    for number, ends_in in enumerate((-10, 20, 80, 300, 700)):
        ends = today + timedelta(days=ends_in)
        stored(lindenhof, ends.replace(year=ends.year - 10), PatientID=f"{number}", **BORN)
    unknown = stored(lindenhof, PatientID="untold", PatientBirthDate="")
    counts = {name: found(archivist, Retention, ends=name) for name in ("unknown", "over", "30", "90", "365")}
    assert counts == {"unknown": 1, "over": 1, "30": 1, "90": 2, "365": 3}
    assert found(archivist, Retention, rules="shorter") == 0
    answer = archivist.post(list_address(Retention), {"q": unknown.study_instance_uid}, follow=True)
    assert [row.study_id for row in answer.context["cl"].result_list] == [unknown.pk]


def test_a_clinical_hold_is_placed_and_released(archivist: Client, operator: Client, lindenhof: Facility) -> None:
    retention = retention_of(stored(lindenhof, **BORN))
    address = act_address(retention, "place_hold")
    facts = {"kind": "clinical", "reason": "a course of treatment"}
    assert operator.post(address, facts).status_code == 403
    assert "place_hold" not in shown(operator, page_address(retention))
    assert told(archivist, address, **facts) == ["The study is held."]
    assert told(archivist, address, **facts) == ["The study is held for this reason already"]
    assert "a course of treatment" in shown(archivist, page_address(retention))
    hold = the(Hold)
    assert found(archivist, Hold, released="no", kind__exact="clinical") == 1
    assert operator.post(act_address(hold, "release"), {"_form_submitted": "True"}).status_code == 403
    assert "/ask_release/" not in shown(archivist, page_address(hold))
    assert told(archivist, act_address(hold, "release")) == ["The hold is released."]
    assert told(archivist, act_address(hold, "release")) == ["The hold was released already"]
    assert "/release/" not in shown(archivist, page_address(hold))
    assert len(events("hold.released")) == len(events("hold.placed")) == 1


def test_a_legal_hold_names_its_authority_and_is_released_by_two(
    archivist: Client, second: Client, lindenhof: Facility
) -> None:
    retention = retention_of(stored(lindenhof, **BORN))
    address = act_address(retention, "place_hold")
    facts = {"_form_submitted": "True", "kind": "legal", "reason": "a trial"}
    assert "Which court" in archivist.post(address, facts).content.decode()
    told(archivist, address, **facts, authority="LG Berlin 7 O 12/26")
    hold = the(Hold)
    assert hold.authority == "LG Berlin 7 O 12/26"
    refused = ["A legal hold is released by another person than the one who asked for it"]
    assert told(archivist, act_address(hold, "release")) == refused
    assert told(archivist, act_address(hold, "ask_release")) == ["The release is asked for."]
    assert told(archivist, act_address(hold, "ask_release")) == [
        "The hold is released, or its release was asked for already"
    ]
    assert told(archivist, act_address(hold, "release")) == refused
    assert the(Hold).released_at is None
    assert told(second, act_address(hold, "release")) == ["The hold is released."]


@pytest.mark.parametrize("kind", [HoldKind.FACILITY, HoldKind.ORDER])
def test_what_others_hold_is_theirs_to_release(archivist: Client, lindenhof: Facility, kind: HoldKind) -> None:
    study = stored(lindenhof, **BORN)
    with as_center():
        hold = place_hold(study, kind=kind, reason="a complaint", actor=SYSTEM, now=timezone.now())
    assert "/release/" not in shown(archivist, page_address(hold))
    assert archivist.post(act_address(hold, "release"), {"_form_submitted": "True"}).status_code == 403
    assert the(Hold).released_at is None
    address = act_address(retention_of(study), "place_hold")
    assert archivist.post(address, {"_form_submitted": "True", "kind": kind, "reason": "x"}).status_code == 200
    assert the(Hold)


@pytest.fixture
def too_long(sakura: Facility) -> Study:
    """A mammogram that is kept until 2030, of which the rules would let go in 2025."""
    with as_center():
        Facility.objects.update(country="US")
    in_force("us-mqsa")
    first = stored(sakura, date(2020, 5, 1), Modality="MG")
    stored(sakura, date(2022, 5, 1), Modality="MG")
    return first


def test_a_period_is_corrected_by_two(archivist: Client, second: Client, operator: Client, too_long: Study) -> None:
    retention = retention_of(too_long)
    address = act_address(retention, "propose_correction")
    facts = {"until": "2025-05-01", "reason": "a later mammogram is known"}
    assert operator.post(address, facts).status_code == 403
    assert found(archivist, Retention, rules="shorter") == 1
    assert "propose_correction" in shown(archivist, page_address(retention))
    assert told(archivist, address, **facts | {"until": "2025-04-30"}) == ["By the rules it is kept until 2025-05-01"]
    assert told(archivist, address, **facts) == ["The correction is proposed. Another person decides."]
    assert told(archivist, address, **facts) == ["A correction of this study waits for its decision already"]
    correction = the(Correction)
    approve = act_address(correction, "approve")
    assert operator.post(approve, {"_form_submitted": "True"}).status_code == 403
    alone = "A correction is decided once, by another person than the one who proposed it"
    assert told(archivist, approve) == [alone]
    assert retention_of(too_long).kept_until == date(2030, 5, 1)
    assert told(second, approve) == ["The storage period is corrected."]
    assert retention_of(too_long).kept_until == date(2025, 5, 1)
    assert told(second, approve) == [alone]
    assert "/approve/" not in shown(second, page_address(correction))
    assert len(events("correction.approved")) == 1


def test_a_refused_correction_changes_nothing_and_open_ones_come_first(
    archivist: Client, second: Client, too_long: Study
) -> None:
    address = act_address(retention_of(too_long), "propose_correction")
    told(archivist, address, until="2025-05-01", reason="a later mammogram is known")
    assert told(second, act_address(the(Correction), "refuse")) == ["The correction is refused."]
    assert retention_of(too_long).kept_until == date(2030, 5, 1)
    told(archivist, address, until="2025-06-01", reason="a later mammogram is known")
    rows = archivist.get(list_address(Correction)).context["cl"].result_list
    assert [row.decided_at is None for row in rows] == [True, False]
    assert found(archivist, Correction, decided="no") == 1


TERMS = {"on_expiry": "delete", "notice_days": "30", "reminder_days": "7, 1", "on_silence": "keep",
         "minimum_period": "P15Y"}  # fmt: skip


def test_another_policy_is_agreed_on_and_the_latest_governs(
    second: Client, archivist: Client, lindenhof: Facility, sakura: Facility
) -> None:
    in_force("de-diag")
    study = stored(lindenhof, date(2020, 1, 1), **BORN)
    agreed(lindenhof, on_silence=OnSilence.DELETE)
    agreed(sakura)
    assert archivist.get(act_address(lindenhof, "agree")).status_code == 403
    address = second.get(act_address(lindenhof, "agree"))["Location"]
    assert archivist.get(address).status_code == archivist.post(address).status_code == 403
    form = second.get(address).context["adminform"].form
    assert (form["facility"].value(), form["on_silence"].value()) == (lindenhof.pk, "delete")
    facts = TERMS | {"facility": str(lindenhof.pk)}
    for wrong in ({"notice_days": "0"}, {"reminder_days": "30"}, {"minimum_period": "15 years"}, {"facility": ""}):
        assert second.post(address, facts | wrong).status_code == 200, wrong
    assert second.post(address, facts).status_code == 302
    assert b"agreed on with the facility already" in second.post(address, facts).content
    with as_center():
        governing = policy_of(lindenhof.pk)
        assert DeletionPolicy.objects.filter(facility=lindenhof).count() == 2
    assert (governing.on_expiry, governing.reminder_days) == (OnExpiry.DELETE, [7, 1])
    assert [event.facility_id for event in events("deletion_policy.agreed")] == [lindenhof.pk]
    assert events("deletion_policy.created") == []
    assess_pending()
    assert retention_of(study).kept_until == date(2035, 1, 1)
    assert found(second, DeletionPolicy) == 2
    assert page_address(governing) in shown(second, page_address(lindenhof))


def test_a_policy_is_not_changed(second: Client, lindenhof: Facility) -> None:
    policy = agreed(lindenhof)
    assert second.post(page_address(policy), TERMS | {"facility": str(lindenhof.pk)}).status_code == 403


@pytest.mark.parametrize(
    ("change", "again"), [({"kind": "hospital"}, 1), ({"subdivision": "BE"}, 1), ({"time_zone": "Asia/Tokyo"}, 1),
                          ({"name": "Another"}, 0), ({}, 0)],
)  # fmt: skip
def test_studies_are_assessed_again_when_the_law_of_their_facility_changes(
    second: Client, lindenhof: Facility, sakura: Facility, change: dict[str, str], again: int
) -> None:
    stored(lindenhof, **BORN)
    stored(sakura, **BORN)
    facts = {"name": lindenhof.name, "kind": lindenhof.kind, "subdivision": "", "time_zone": "UTC", "language": "en"}
    assert second.post(page_address(lindenhof), facts | change).status_code == 302
    assert assess_pending() == again


@pytest.mark.usefixtures("no_badges")
def test_lists_ask_as_often_for_many_rows_as_for_few(archivist: Client, lindenhof: Facility) -> None:
    in_force("de-diag")

    def asked() -> list[int]:
        counts = []
        for address in (list_address(Retention), list_address(Hold), reverse("admin:retention_ending")):
            with CaptureQueriesContext(connection) as queries:
                assert archivist.get(address).status_code == 200
            counts.append(len(queries))
        return counts

    def fill(number: int) -> None:
        study = stored(lindenhof, PatientID=f"{number}", **BORN)
        with as_center():
            place_hold(study, kind=HoldKind.CLINICAL, reason="x", actor=SYSTEM, now=timezone.now())

    fill(0)
    asked()
    once = asked()
    for number in range(1, 4):
        fill(number)
    assert asked() == once
    assert User.objects.exists()
