"""The sweep: policies, notices, silence, races, death at any step, clocks."""

import signal
import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM, record
from apps.catalog.holds import place_hold
from apps.catalog.models import Conflict, HoldKind, Instance, Patient, Study
from apps.core.locks import lock_names
from apps.core.periods import FOREVER
from apps.facilities.models import Facility, Role
from apps.facilities.tenancy import as_center, as_facility
from apps.notifications.fan_out import fan_out
from apps.notifications.mailing import mail_letters
from apps.retention import clocks, deletion, notices, sweep
from apps.retention.assessing import assess_pending
from apps.retention.care_events import report_care_event
from apps.retention.deciding import approve, decide_all, extend, object_to
from apps.retention.errors import BeyondMaximum, ClocksDiffer, IllegalTransition
from apps.retention.law import enable, new_version
from apps.retention.models import CareEventKind, Extension, OnExpiry, OnSilence, Rule, State
from apps.vault.errors import VaultUnavailable
from apps.vault.models import Pack
from tests.forked import Forked
from tests.retention.stories import agreed, dispositions, image, in_force, overdue, retention_of, store, stored
from tests.retention.sweeping_process import STEPS

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


@pytest.fixture
def expired(lindenhof: Facility) -> Study:
    in_force("de-diag")
    return stored(lindenhof, **BORN)


def mailed() -> None:
    """Letters go out, and it is noted whom they reached."""
    fan_out(now=timezone.now())
    mail_letters(now=timezone.now())
    notices.note_told()


def packs_on_disk() -> int:
    return len(list((settings.HOME / "vault").rglob("*.zip")))


def states() -> list[str]:
    return [each.state for each in dispositions()]


def decide(act: Any, **given: Any) -> None:
    [disposition] = dispositions()
    with as_facility(disposition.facility_id):
        act(disposition, actor=SYSTEM, now=timezone.now(), **given)


@pytest.fixture
def owner(person: Any) -> User:
    made: User = person("owner@lindenhof.example", lindenhof=Role.OWNER)
    return made


def test_without_a_policy_the_facility_is_notified_and_silence_keeps(expired: Study) -> None:
    sweep.sweep()
    [notified] = dispositions()
    assert notified.state == State.NOTIFIED
    assert notified.decide_by
    assert timedelta(days=59) < notified.decide_by - timezone.now() <= timedelta(days=60)
    overdue(notified)
    sweep.sweep()
    assert states() == [State.WITHDRAWN]
    with as_center():
        assert Extension.objects.get().reason == "silence"
    kept = retention_of(expired).kept_until
    assert kept
    assert kept >= timezone.now().date() + timedelta(days=365)
    sweep.sweep()
    assert states() == [State.WITHDRAWN]


def test_silence_deletes_where_the_contract_says_so(lindenhof: Facility, expired: Study) -> None:
    agreed(lindenhof, on_silence=OnSilence.DELETE, notice_days=30)
    sweep.sweep()
    overdue(dispositions()[0])
    sweep.sweep()
    [gone] = dispositions()
    assert (gone.state, gone.decision) == (State.DELETED, "silence")


def test_what_the_facility_approves_is_deleted_and_not_before(expired: Study, owner: User) -> None:
    sweep.sweep()
    assert packs_on_disk() == 2
    decide(approve, by=owner)
    assert packs_on_disk() == 2
    sweep.carry_out_approved()
    assert (states(), packs_on_disk()) == ([State.DELETED], 0)
    with pytest.raises(IllegalTransition):
        decide(approve, by=owner)


def test_an_objection_holds_the_study(expired: Study, owner: User) -> None:
    sweep.sweep()
    decide(object_to, by=owner, reason="a complaint is pending")
    sweep.sweep()
    assert states() == [State.WITHDRAWN]
    assert packs_on_disk() == 2


@pytest.mark.parametrize(("period", "until"), [("P5Y", None), ("forever", FOREVER)])
def test_an_extension_keeps_the_study(expired: Study, owner: User, period: str, until: date | None) -> None:
    sweep.sweep()
    with as_facility(expired.facility_id):
        made = extend(expired, period=period, reason="", actor=SYSTEM, now=timezone.now(), by=owner)
    assert until in {None, made.until}
    assert states() == [State.WITHDRAWN]
    sweep.sweep()
    assert states() == [State.WITHDRAWN]
    assess_pending()
    assert retention_of(expired).kept_until == made.until


def test_the_law_may_say_how_long_at_most(sakura: Facility) -> None:
    with as_center():
        Facility.objects.update(country="BE")
    in_force("be")
    study = stored(sakura, date(2020, 1, 1))

    with as_center():
        report_care_event(study.patient, kind=CareEventKind.LAST_VISIT, happened_on=date(2020, 1, 1), actor=SYSTEM,
                          now=timezone.now())  # fmt: skip
    assess_pending()
    with as_center(), pytest.raises(BeyondMaximum, match="2070-01-01"):
        extend(study, period="forever", reason="", actor=SYSTEM, now=timezone.now())


def test_one_refused_decision_stops_no_other(lindenhof: Facility, expired: Study, owner: User) -> None:
    stored(lindenhof, PatientID="another", **BORN)
    sweep.sweep()
    first, second = dispositions()
    with as_facility(lindenhof):
        approve(first, by=owner, actor=SYSTEM, now=timezone.now())
        decided = decide_all([first, second], lambda each: approve(each, by=owner, actor=SYSTEM, now=timezone.now()))
    assert (decided.done, list(decided.refused)) == (1, [first.pk])


def test_owners_are_told_once_and_reminded(lindenhof: Facility, expired: Study, owner: User) -> None:
    agreed(lindenhof, notice_days=30, reminder_days=[7, 1])
    sweep.sweep()
    assert notices.give_notice(now=timezone.now()) == 1
    assert notices.give_notice(now=timezone.now()) == 0
    notices.note_told()
    assert dispositions()[0].told_at is None
    mailed()
    [told] = mail.outbox
    assert told.to == ["owner@lindenhof.example"]
    assert "one study" in told.body
    assert dispositions()[0].told_at
    assert str(expired.patient.patient_id) not in told.body
    [disposition] = dispositions()
    assert disposition.decide_by
    with as_center():
        type(disposition).objects.update(
            decide_by=timezone.now() + timedelta(days=6), next_at=timezone.now() - timedelta(minutes=1)
        )
    sweep.sweep()
    assert notices.give_notice(now=timezone.now()) == 1
    mailed()
    assert len(mail.outbox) == 2
    [after] = dispositions()
    assert after.next_at
    assert timedelta(days=4) < after.next_at - timezone.now() < timedelta(days=6)


def test_a_notice_that_can_reach_nobody_is_given_anew(
    lindenhof: Facility, expired: Study, owner: User, person: Any
) -> None:
    sweep.sweep()
    notices.give_notice(now=timezone.now())
    User.objects.filter(pk=owner.pk).update(is_active=False)
    mailed()
    assert mail.outbox == []
    person("second@lindenhof.example", lindenhof=Role.OWNER)
    assert notices.give_notice(now=timezone.now()) == 1
    mailed()
    assert [told.to for told in mail.outbox] == [["second@lindenhof.example"]]
    assert dispositions()[0].told_at


@pytest.fixture
def approved(expired: Study, lindenhof: Facility) -> Study:
    """An expired study whose deletion nobody has carried out yet."""
    sweep.sweep()
    with as_center():
        Disposition = type(dispositions()[0])  # noqa: N806
        Disposition.objects.update(state=State.APPROVED, approved_at=timezone.now())
    return expired


def assert_kept(reason: str) -> None:
    sweep.carry_out_approved()
    [kept] = dispositions()
    assert (kept.state, kept.decision) == (State.WITHDRAWN, reason)
    assert packs_on_disk() >= 2


def test_a_hold_placed_after_the_approval_keeps_the_study(approved: Study) -> None:
    with as_center():
        place_hold(approved, kind=HoldKind.CLINICAL, reason="a trial", actor=SYSTEM, now=timezone.now())
    assert_kept("held")


def test_a_new_exam_after_the_approval_keeps_the_study(lindenhof: Facility, approved: Study) -> None:
    stored(lindenhof, timezone.now().date(), **BORN)
    assert_kept("still_retained")


def test_images_that_come_after_the_approval_keep_the_study(lindenhof: Facility, approved: Study) -> None:
    store(lindenhof, image(StudyInstanceUID=approved.study_instance_uid, StudyDate="20040119", **BORN))
    assert_kept("new_images")


def test_a_file_that_contradicts_the_study_after_the_approval_keeps_it(lindenhof: Facility, approved: Study) -> None:
    store(lindenhof, image(StudyInstanceUID=approved.study_instance_uid, PatientID="somebody else", **BORN))
    with as_center():
        assert Conflict.objects.get().study == approved
    assert_kept("new_images")


def test_a_rule_that_changes_after_the_approval_keeps_the_study(approved: Study) -> None:
    with as_center():
        made = new_version(Rule.objects.get(key="de-diag"), period="P50Y")
    with as_center():
        enable(made, by=User.objects.get(), actor=SYSTEM, now=timezone.now())
    assert_kept("still_retained")


def test_a_birth_date_that_is_lost_makes_it_unknown(approved: Study) -> None:
    with as_center():
        Patient.objects.update(birth_date=None)
    assert_kept("unknown_period")


def test_a_hold_that_is_being_placed_is_waited_for(approved: Study) -> None:
    placed, go_on = threading.Event(), threading.Event()

    def place() -> None:
        with as_center():
            place_hold(approved, kind=HoldKind.CLINICAL, reason="a trial", actor=SYSTEM, now=timezone.now())
            placed.set()
            go_on.wait(30)

    holding = threading.Thread(target=place)
    holding.start()
    placed.wait(30)
    deleting = threading.Thread(target=sweep.carry_out_approved)
    deleting.start()
    deleting.join(0.3)
    assert deleting.is_alive()
    go_on.set()
    holding.join()
    deleting.join()
    assert_kept("held")


def test_an_exam_that_is_being_filed_is_waited_for(lindenhof: Facility, approved: Study) -> None:
    with as_center():
        patient = Patient.objects.get()
    filed, go_on = threading.Event(), threading.Event()

    def file() -> None:
        with as_facility(lindenhof):
            lock_names([f"{lindenhof.pk}/study/1.2.3"])
            Study.objects.create(
                facility=lindenhof, patient=patient, study_instance_uid="1.2.3", study_date=timezone.now().date(),
                created_at=timezone.now(), updated_at=timezone.now(),
            )  # fmt: skip
            filed.set()
            go_on.wait(30)

    filing = threading.Thread(target=file)
    filing.start()
    filed.wait(30)
    deleting = threading.Thread(target=sweep.carry_out_approved)
    deleting.start()
    deleting.join(0.3)
    assert deleting.is_alive()
    go_on.set()
    filing.join()
    deleting.join()
    assert_kept("still_retained")


def start(step: str) -> Forked:
    return Forked("tests.retention.sweeping_process", step)


@pytest.mark.parametrize("step", STEPS)
def test_a_sweep_killed_at_any_step_is_followed_by_one_that_finishes(
    lindenhof: Facility, expired: Study, step: str
) -> None:
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    assert start(step).wait(60) == -signal.SIGKILL
    with as_center():
        # Whole or gone: rows that are visible have their bytes.
        assert packs_on_disk() == 2 or not Instance.objects.exists()
    sweep.sweep()
    [gone] = dispositions()
    assert gone.state == State.DELETED
    assert gone.certificate
    assert packs_on_disk() == 0
    with as_center():
        assert Event.objects.filter(action="study.deleted").count() == 1
        assert not Study.objects.exists()


def test_two_sweeps_at_once_delete_each_study_once(lindenhof: Facility, expired: Study) -> None:
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    for number in range(4):
        stored(lindenhof, PatientID=f"another {number}", **BORN)
    both = [start("together"), start("together")]
    for each in both:
        assert each.stdout.readline() == "here\n"
    for each in both:
        each.communicate("\n" * 5, timeout=60)
    sweep.sweep()
    assert states() == [State.DELETED] * 5
    with as_center():
        assert Event.objects.filter(action="study.deleted").count() == 5
        assert not Pack.objects.exists()
    assert packs_on_disk() == 0


def test_a_vault_that_refuses_delays_the_certificate(
    lindenhof: Facility, expired: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)

    def refuse(_name: str) -> None:
        raise VaultUnavailable("The vault could not be written")

    with monkeypatch.context() as patched:
        patched.setattr(deletion, "erase_pack", refuse)
        sweep.sweep()
    [waiting] = dispositions()
    assert (waiting.state, waiting.certificate) == (State.DELETING, "")
    assert waiting.problem == "The vault could not be written"
    sweep.sweep()
    assert states() == [State.DELETED]


@pytest.mark.parametrize(
    "apart", [timedelta(days=1), timedelta(days=-1), timedelta(days=3650), timedelta(days=-3650), timedelta(minutes=6)]
)
def test_a_machine_whose_clock_is_wrong_deletes_nothing(
    approved: Study, monkeypatch: pytest.MonkeyPatch, apart: timedelta
) -> None:
    class Wrong:
        @staticmethod
        def now() -> datetime:
            return datetime.now(UTC) + apart

    monkeypatch.setattr(clocks, "timezone", Wrong)
    with pytest.raises(ClocksDiffer):
        sweep.sweep()
    sweep.carry_out_approved()
    [waiting] = dispositions()
    assert waiting.state == State.APPROVED
    assert "differ by" in waiting.problem


@pytest.mark.parametrize("apart", [timedelta(days=8), timedelta(days=3650), timedelta(days=-1), timedelta(days=-3650)])
def test_both_clocks_together_cannot_leap(expired: Study, apart: timedelta) -> None:
    with as_center():
        record(sweep.SWEPT, actor=SYSTEM, object_type="sweep", object_id="", facility_id=None)
        Event.objects.bulk_create([Event(
            at=timezone.now() - apart, actor_kind="process", actor_id="medvault", action=sweep.SWEPT,
            object_type="sweep", object_id="",
        )])  # fmt: skip
    with pytest.raises(ClocksDiffer, match="last sweep"):
        sweep.sweep()
    assert dispositions() == []
    assert sweep.sweep(trusts_clock=True).expired == 1
    assert sweep.sweep().failed == 0
