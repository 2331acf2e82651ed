"""Storage periods in the portal: seen, decided with a preview, told, kept; by those who may."""

from collections.abc import Callable
from datetime import date
from typing import Any

import jwt
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.holds import place_hold
from apps.catalog.models import Hold, HoldKind, Study
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center
from apps.retention.assessing import assess_pending
from apps.retention.models import CareEvent, Extension, State
from apps.retention.sweep import carry_out_approved, sweep
from tests.facilities.test_members import at_the_same_time
from tests.retention.stories import dispositions, in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101", "PatientName": "Invented^Person"}
Enter = Callable[..., Client]


@pytest.fixture
def expired(lindenhof: Facility) -> Study:
    in_force("de-diag")
    study = stored(lindenhof, **BORN)
    sweep()
    return study


def url(name: str, slug: str = "lindenhof", **arguments: Any) -> str:
    return reverse(f"portal:{name}", kwargs={"facility_slug": slug} | arguments)


def decide(client: Client, decision: str, *, slug: str = "lindenhof", **given: str) -> Any:
    chosen = [each.pk for each in dispositions()]
    return client.post(url("decide", slug), {"decision": decision, "chosen": chosen} | given)


def states() -> list[str]:
    return [each.state for each in dispositions()]


def test_a_decision_says_first_what_it_would_do(expired: Study, signed_in: Enter) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    assert b"10 years from the last exam" in owner.get(url("expiring")).content
    preview = decide(owner, "approve")
    assert preview.status_code == 200
    assert b"This cannot be undone" in preview.content
    assert states() == [State.NOTIFIED]
    assert decide(owner, "approve", confirmed="yes").status_code == 302
    assert states() == [State.APPROVED]
    assert decide(owner, "approve", confirmed="yes").status_code == 302
    assert states() == [State.APPROVED]


def test_that_keeping_longer_is_charged_is_said_before(expired: Study, signed_in: Enter) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    told = {each: b"is charged as your contract says" in decide(owner, each).content for each in ("P1Y", "object")}
    assert told == {"P1Y": True, "object": False}
    study = owner.get(f"/f/lindenhof/studies/{expired.pk}/").content
    assert b"is charged as your contract says" in study


def test_what_is_no_number_is_not_decided_on(expired: Study, signed_in: Enter) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    chosen = ["\N{SUPERSCRIPT TWO}", "9" * 30, "-1"]
    assert owner.post(url("decide"), {"decision": "approve", "chosen": chosen, "confirmed": "yes"}).status_code == 302
    assert states() == [State.NOTIFIED]


def test_all_that_waits_is_counted_where_it_is_not_all_shown(
    lindenhof: Facility, expired: Study, signed_in: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(lindenhof, PatientID="another", **BORN)
    sweep()
    monkeypatch.setattr("apps.portal.storage_periods.MOST_AT_ONCE", 1)
    answer = signed_in("owner@example.org", lindenhof=Role.OWNER).get(url("expiring"))
    assert (answer.context["waiting_count"], len(answer.context["waiting"])) == (2, 1)
    assert b"The first 1 are shown" in answer.content


def test_only_an_owner_lets_images_be_deleted(expired: Study, signed_in: Enter) -> None:
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    assert b'value="approve"' not in member.get(url("expiring")).content
    assert decide(member, "approve", confirmed="yes").status_code == 422
    viewer = signed_in("viewer@example.org", lindenhof=Role.VIEWER)
    assert decide(viewer, "P1Y", confirmed="yes", reason="x").status_code == 403
    assert states() == [State.NOTIFIED]


@pytest.mark.parametrize("period", ["P1Y", "P5Y", "forever"])
def test_a_member_keeps_it_longer(expired: Study, signed_in: Enter, period: str) -> None:
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    decide(member, period, confirmed="yes")
    assert states() == [State.WITHDRAWN]
    with as_center():
        assert Extension.objects.get().period == period


@pytest.mark.parametrize("second", ["approve", "P5Y", "object"])
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told(
    expired: Study, signed_in: Enter, second: str
) -> None:
    people = [signed_in(f"{name}@example.org", lindenhof=Role.OWNER) for name in ("mori", "abe")]
    chosen = [each.pk for each in dispositions()]
    told = ["", ""]

    def deciding(number: int, decision: str) -> Callable[[], None]:
        given = {"decision": decision, "chosen": chosen, "reason": "study", "confirmed": "1"}

        def act() -> None:
            told[number] = people[number].post(url("decide"), given, follow=True).content.decode()

        return act

    assert at_the_same_time(deciding(0, "P1Y"), deciding(1, second)) == ["done", "done"]
    [won] = [number for number in (0, 1) if "Decided on 1 study." in told[number]]
    refusals = ("Not decided on 1 study: This has been decided already", "Nothing that still waits was chosen.")
    assert any(refusal in told[1 - won] for refusal in refusals)
    with as_center():
        extended, held = Extension.objects.count(), Hold.objects.count()
    assert (extended, held, states()) == {
        "P1Y": (1, 0, ["withdrawn"]), "P5Y": (1, 0, ["withdrawn"]), "object": (0, 1, ["withdrawn"]),
        "approve": (0, 0, ["approved"]),
    }["P1Y" if won == 0 else second]  # fmt: skip


def test_a_hold_needs_a_reason(expired: Study, signed_in: Enter) -> None:
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    asked = decide(member, "object")
    assert (asked.status_code, b"Say why" in asked.content) == (200, False)
    refused = decide(member, "object", confirmed="yes")
    assert (refused.status_code, b"Say why" in refused.content) == (422, True)
    decide(member, "object", confirmed="yes", reason="the insurer asks")
    with as_center():
        assert Hold.objects.get().reason == "the insurer asks"


def test_a_stranger_decides_on_nothing_of_anothers(expired: Study, sakura: Facility, signed_in: Enter) -> None:
    stranger = signed_in("stranger@example.org", sakura=Role.OWNER)
    assert decide(stranger, "approve", confirmed="yes").status_code == 404
    assert decide(stranger, "approve", slug="sakura", confirmed="yes").status_code == 302
    assert states() == [State.NOTIFIED]


def test_the_certificate_is_for_the_facility_alone(expired: Study, sakura: Facility, signed_in: Enter) -> None:
    owner = signed_in("owner@example.org", lindenhof=Role.OWNER)
    stranger = signed_in("stranger@example.org", sakura=Role.OWNER)
    decide(owner, "approve", confirmed="yes")
    [approved] = dispositions()
    assert owner.get(url("certificate", disposition_id=approved.pk)).status_code == 404
    carry_out_approved()
    for name, kind in (("certificate", "application/jose"), ("certificate_document", "application/pdf")):
        answer = owner.get(url(name, disposition_id=approved.pk))
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
        assert stranger.get(url(name, "sakura", disposition_id=approved.pk)).status_code == 404
        assert stranger.get(url(name, disposition_id=approved.pk)).status_code == 404
    token = owner.get(url("certificate", disposition_id=approved.pk)).content.decode()
    assert jwt.decode(token, options={"verify_signature": False})["study_instance_uid"] == expired.study_instance_uid
    assert b"Deleted, with certificate" in owner.get(url("expiring")).content


def test_what_is_missing_is_told_and_the_period_follows(sakura: Facility, signed_in: Enter) -> None:
    in_force("jp-ins-image")
    study = stored(sakura, date(2024, 5, 1), **BORN)
    member = signed_in("member@example.org", sakura=Role.MEMBER)
    page = member.get(url("expiring", "sakura")).content
    assert b"Care completed" in page
    assert b"Invented" in page
    tell = url("tell_care_event", "sakura", patient_id=study.patient_id)
    for wrong in ({"happened_on": "2999-01-01"}, {"happened_on": "1900-01-01"}, {"kind": "party"}, {}):
        given = {"kind": "care_completed", "happened_on": "2024-06-10"} | wrong if wrong else {}
        assert member.post(tell, given).status_code == 422
    assert member.post(tell, {"kind": "care_completed", "happened_on": "2024-06-10"}).status_code == 302
    assess_pending()
    assert retention_of(study).kept_until == date(2027, 6, 10)
    shown = member.get(url("study", "sakura", study_id=study.pk)).content
    assert b"2027-06-10" in shown
    assert "療担規則9条".encode() in shown
    viewer = signed_in("viewer@example.org", sakura=Role.VIEWER)
    assert viewer.post(tell, {"kind": "death", "happened_on": "2024-06-10"}).status_code == 403
    with as_center():
        assert CareEvent.objects.count() == 1


def test_a_birth_date_is_told_once_where_the_images_lack_it(lindenhof: Facility, signed_in: Enter) -> None:
    in_force("de-diag")
    study = stored(lindenhof, date(2024, 5, 1), PatientBirthDate="")
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    tell = url("tell_care_event", patient_id=study.patient_id)
    assert member.post(tell, {"kind": "birth_date", "happened_on": "2020-02-29"}).status_code == 302
    assert member.post(tell, {"kind": "birth_date", "happened_on": "1960-01-01"}).status_code == 422
    assess_pending()
    assert retention_of(study).kept_until == date(2048, 2, 29)


def test_a_study_is_held_and_released_by_the_facility(expired: Study, signed_in: Enter) -> None:
    member = signed_in("member@example.org", lindenhof=Role.MEMBER)
    member.post(url("keep_study", study_id=expired.pk), {"period": "hold", "reason": "a complaint"})
    with as_center():
        hold = Hold.objects.get()
    assert b"a complaint" in member.get(url("study", study_id=expired.pk)).content
    assert member.post(url("release_hold", hold_id=hold.pk)).status_code == 302
    with as_center():
        hold.refresh_from_db()
    assert hold.released_at


def test_a_legal_hold_is_released_by_two_owners_and_no_member(expired: Study, signed_in: Enter) -> None:
    with as_center():
        hold = place_hold(
            expired, kind=HoldKind.LEGAL, reason="a lawsuit", authority="Court", actor=SYSTEM, now=timezone.now()
        )
    release = url("release_hold", hold_id=hold.pk)
    assert signed_in("member@example.org", lindenhof=Role.MEMBER).post(release).status_code == 404
    one = signed_in("one@example.org", lindenhof=Role.OWNER)
    other = signed_in("other@example.org", lindenhof=Role.OWNER)
    for client, is_released in ((one, False), (one, False), (other, True)):
        client.post(release)
        with as_center():
            hold.refresh_from_db()
        assert (hold.released_at is not None) is is_released
    assert User.objects.count() == 4
