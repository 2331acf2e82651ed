"""Studies and their storage periods by REST: found, explained, kept, held, decided on, and certified when gone."""

from collections.abc import Callable
from datetime import date
from typing import Any

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.conflicts import resolve_conflict
from apps.catalog.holds import place_hold
from apps.catalog.models import Conflict, ConflictDecision, HoldKind
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center
from apps.retention.models import Extension, State
from apps.retention.sweep import carry_out_approved, sweep
from tests.api.asking import Asking
from tests.portal.pages import dicom
from tests.portal.pages import store as receive
from tests.retention.stories import dispositions, in_force, stored

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101", "PatientName": "Invented^Person"}


@pytest.fixture
def ask(lindenhof: Facility, client: Client, token_for: Callable[..., str]) -> Asking:
    return Asking(client, "lindenhof", token_for(lindenhof, Scope.READ, Scope.PERIODS))


def found(ask: Asking, **criteria: Any) -> list[str]:
    answer = ask("studies/search/", {"criteria": criteria})
    assert answer.status_code == 200, answer.content
    return [each["study_instance_uid"] for each in answer.json()["studies"]]


def test_studies_are_found_by_what_only_the_body_names(ask: Asking, lindenhof: Facility, sakura: Facility) -> None:
    receive(lindenhof, dicom(1), dicom(2, PatientName="Sato^Ken", Modality="MR"), dicom(3, StudyDate="20250101"))
    receive(sakura, dicom(4))
    assert found(ask) == ["2.25.2", "2.25.1", "2.25.3"]
    assert found(ask, patient_name="Mori*") == ["2.25.1", "2.25.3"]
    assert found(ask, text="森", study_date_from="2026-01-01") == ["2.25.1"]
    assert found(ask, modalities=["MR"], patient_id="P2") == ["2.25.2"]
    assert found(ask, patient_id="P4") == []
    first = ask("studies/search/", {"limit": 2}).json()
    second = ask("studies/search/", {"limit": 2, "cursor": first["next"]}).json()
    assert [len(first["studies"]), [each["study_instance_uid"] for each in second["studies"]]] == [2, ["2.25.3"]]
    assert [each["study_instance_uid"] for each in ask.pages("studies/", "studies")] == found(ask)
    for wrong in ({"patient_name": "a\0"}, {"study_date_from": "2026-02-30"}, {"patient_sex": "?"}, {"limit": 1},
                  {"study_date_from": "2026-01-02", "study_date_to": "2026-01-01"}, {"text": "\ud800"}):  # fmt: skip
        answer = ask("studies/search/", {"criteria": wrong, "limit": 101 if "limit" in wrong else 5})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid"), wrong
    study = ask("studies/2.25.1/").json()
    assert study["patient"]["name_ideographic"] == "森^遥"
    assert [each["modality"] for each in study["series"]] == ["CT"]
    [copy] = study["copies"]
    assert (copy["files"], copy["is_damaged"], copy["in_both_places_since"]) == (1, False, None)
    [collection] = study["collections"]
    assert collection["method"] == "media"
    assert ask("studies/2.25.4/").status_code == 404
    with as_center():
        seen = Event.objects.filter(action="study.viewed", actor_kind="token").count()
        assert (seen, Event.objects.filter(action="studies.listed", actor_kind="token").exists()) == (1, True)


def test_a_study_is_kept_longer_and_held_and_only_its_own_hold_released(ask: Asking, lindenhof: Facility) -> None:
    in_force("de-diag")
    study = stored(lindenhof, date(2024, 5, 1), **BORN)
    address = f"studies/{study.study_instance_uid}/"
    told = ask(address).json()["period"]
    [floor] = [each for each in told["floors"] if each["governs"]]
    assert (told["missing"], floor["until"], floor["rule"]) == ([], told["kept_until"], "de-diag")
    assert "10 years" in floor["because"]
    kept = ask(f"{address}extensions/", {"period": "P1Y", "reason": "teaching"})
    assert (kept.status_code, kept.json()["until"] > told["kept_until"]) == (201, True)
    assert ask(f"{address}extensions/", {"period": "P9Y", "reason": "x"}).status_code == 400
    held = ask(f"{address}holds/", {"reason": "complaint"})
    assert (held.status_code, held.json()["kind"]) == (201, "facility")
    with as_center():
        legal = place_hold(study, kind=HoldKind.LEGAL, reason="court", actor=SYSTEM, now=timezone.now())
    assert [each["reason"] for each in ask(address).json()["holds"]] == ["complaint", "court"]
    assert ask(f"holds/{legal.pk}/release/", {}).status_code == 404
    assert ask(f"holds/{held.json()['id']}/release/", {}).status_code == 204
    again = ask(f"holds/{held.json()['id']}/release/", {})
    assert (again.status_code, again.json()["code"]) == (409, "hold_refused")
    assert [each["kind"] for each in ask(address).json()["holds"]] == ["legal"]
    ending = ask("storage-periods/?within=3660").json()["storage_periods"]
    assert [each["study_instance_uid"] for each in ending] == [study.study_instance_uid]
    assert ask("storage-periods/?within=0").status_code == 400


def test_decisions_are_tried_out_then_made_and_what_goes_leaves_a_certificate(
    ask: Asking, lindenhof: Facility, client: Client, token_for: Callable[..., str]
) -> None:
    in_force("de-diag")
    studies = [stored(lindenhof, PatientID=f"P{number}", **BORN) for number in range(3)]
    sweep()
    due = ask.pages("decisions/", "dispositions")
    assert [each["study_instance_uid"] for each in due] == [each.study_instance_uid for each in studies]
    assert "10 years from the last exam" in due[0]["because"]
    keys = [each["id"] for each in due]
    wish = {"decision": "approve", "dispositions": [*keys[:2], keys[0], 10**9]}
    foreseen = ask("decisions/preview/", wish).json()
    unknown = {"disposition": 10**9, "detail": "This does not wait for a decision"}
    assert foreseen == {"decided": 2, "refused": [unknown]}
    assert len(dispositions(State.NOTIFIED)) == 3
    assert ask("decisions/", {"decision": "object", "dispositions": keys}).status_code == 400
    assert ask("decisions/", {"decision": "object", "dispositions": keys[2:], "reason": "trial"}).json()["decided"] == 1
    reader = Asking(client, "lindenhof", token_for(lindenhof, Scope.READ))
    assert reader("decisions/", wish).status_code == 403
    assert ask("decisions/", wish).json() == foreseen
    assert ask("decisions/", wish).json()["decided"] == 0
    assert ask("decisions/").json()["dispositions"] == []
    carry_out_approved()
    certificates = ask("certificates/").json()["certificates"]
    assert {each["study_instance_uid"] for each in certificates} == {each.study_instance_uid for each in studies[:2]}
    one = ask(f"certificates/{certificates[0]['id']}/").json()
    claims = jwt.decode(one["jws"], options={"verify_signature": False})
    assert one["study_instance_uid"] in str(claims)
    document = ask(f"certificates/{one['id']}/document/", accept="application/pdf")
    assert (document.headers["Content-Type"], document.content[:5]) == ("application/pdf", b"%PDF-")
    assert f"{one['number']}.pdf" in document.headers["Content-Disposition"]
    assert ask(f"studies/{studies[0].study_instance_uid}/").status_code == 404
    with as_center():
        assert not Extension.objects.exists()


def test_a_conflict_and_what_was_decided_of_it_is_told(
    ask: Asking, lindenhof: Facility, sakura: Facility, person: Callable[..., Any]
) -> None:
    receive(lindenhof, dicom(1))
    receive(lindenhof, dicom(1, WindowWidth=7))
    receive(lindenhof, dicom(1, WindowWidth=8))
    for window in (7, 8):
        receive(sakura, dicom(1, WindowWidth=window))
    told = ask.pages("conflicts/", "conflicts", limit=1)
    assert [(each["kind"], each["study_instance_uid"], each["decision"]) for each in told] == [
        ("other_bytes", "2.25.1", "")
    ] * 2
    with as_center():
        first = Conflict.objects.filter(facility=lindenhof).earliest("pk")
    staff = person("archivist@center.example", is_staff=True)
    resolve_conflict(first, decision=ConflictDecision.SAME, by=staff, actor=SYSTEM, now=timezone.now())
    assert len(ask("conflicts/?open=true").json()["conflicts"]) == 1
    decided = ask("studies/2.25.1/").json()["conflicts"][0]
    assert (decided["decision"], decided["sop_instance_uid"]) == ("same", "2.25.1.1.1")
    assert decided["resolved_at"]
