"""Quarantined files that staff file by hand: once, with the study's end, and with the quarantine's copy."""

import json
import signal
from collections.abc import Callable
from datetime import date
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import Event
from apps.audit.record import SYSTEM
from apps.catalog.models import Conflict, ConflictKind, Study
from apps.collection import by_hand
from apps.collection.by_hand import UnknownStudy
from apps.collection.errors import IllegalTransition
from apps.collection.manifest import manifest
from apps.collection.models import Basis, Outcome, QuarantineAct, QuarantineDecision, ReceivedFile
from apps.collection.quarantine import file_by_hand, set_aside, undecided
from apps.collection.replication import replicate_pending
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention import deletion, sweep
from apps.retention.assessing import assess_pending
from apps.retention.models import OnExpiry, State
from apps.vault.models import Pack, PackKind
from apps.vault.packs import sweep_dead_batches
from tests.collection.filing_process import STEPS
from tests.conftest import empty_tables
from tests.forked import Forked
from tests.retention.stories import agreed, dispositions, image, in_force, retention_of, store, stored

pytestmark = pytest.mark.usefixtures("committed_db")
BORN: dict[str, Any] = {"PatientBirthDate": "19500101"}


@pytest.fixture
def study(lindenhof: Facility, person: Callable[..., User]) -> Study:
    """One that is over, and is deleted as soon as it may be."""
    in_force("de-diag", by=person("worker@center.example", is_staff=True))
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    return stored(lindenhof, **BORN)


def quarantined() -> list[ReceivedFile]:
    with as_center():
        found = ReceivedFile.objects.filter(outcome=Outcome.QUARANTINED).select_related("facility", "pack")
        return list(found.order_by("pk"))


def filed(file: ReceivedFile, study: Study) -> None:
    """Filed by hand, copied and assessed."""
    by = User.objects.get(is_staff=True)
    file_by_hand(
        file, study_instance_uid=study.study_instance_uid, reason="The label", by=by, actor=SYSTEM, now=timezone.now()
    )
    replicate_pending()
    assess_pending()


def packs_on_disk() -> int:
    return len(list((settings.HOME / "vault").rglob("*.zip")))


def named_packs(number: int) -> set[str]:
    """The packs that a certificate's disposition names."""
    return {pack["name"] for pack in dispositions()[number].contents["packs"]}


def test_what_is_filed_by_hand_ends_with_its_study_and_the_quarantines_copy_with_the_last_of_them(
    lindenhof: Facility, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(lindenhof, image()[:-1000], image()[:-900])
    first, second = quarantined()
    assert first.pack == second.pack
    assert first.pack
    filed(first, study)
    with as_center():
        conflict = Conflict.objects.select_related("pack").get()
    assert (conflict.kind, conflict.pack.kind, bytes(conflict.sha256)) == (
        ConflictKind.UNREADABLE, PackKind.STUDY, bytes(first.sha256),
    )  # fmt: skip
    with monkeypatch.context() as patched:
        patched.setattr(deletion, "_quarantined", lambda _study: [first.pack_id])
        sweep.sweep()
        with pytest.raises(DatabaseError, match="the packs of its study"):
            deletion.delete_study(dispositions()[0].pk)
    sweep.sweep()
    assert named_packs(0) >= {conflict.pack.name}
    assert first.pack.name not in named_packs(0)
    assert packs_on_disk() == 2
    other = stored(lindenhof, PatientID="another", **BORN)
    filed(second, other)
    sweep.sweep()
    assert [each.state for each in dispositions()] == [State.DELETED] * 2
    assert first.pack.name in named_packs(1)
    with as_center():
        assert not Pack.objects.exists()
        assert QuarantineDecision.objects.filter(act=QuarantineAct.BY_HAND).count() == 2
    assert packs_on_disk() == 0


def test_a_file_that_was_set_aside_keeps_the_quarantines_pack(lindenhof: Facility, study: Study) -> None:
    store(lindenhof, image()[:-1000], image()[:-900])
    first, second = quarantined()
    by = User.objects.get(is_staff=True)
    set_aside(
        second, basis=Basis.NO_IMAGE, reason="A report", review_on=date.max, by=by, actor=SYSTEM, now=timezone.now()
    )
    filed(first, study)
    sweep.sweep()
    assert [each.state for each in dispositions()] == [State.DELETED]
    with as_center():
        assert [pack.pk for pack in Pack.objects.all()] == [first.pack_id]


def test_two_who_file_a_file_at_once_file_it_once(lindenhof: Facility, study: Study) -> None:
    store(lindenhof, image()[:-1000])
    [file] = quarantined()
    both = [start(file, study, "together"), start(file, study, "together")]
    for each in both:
        assert each.stdout.readline() == "here\n"
    for each in both:
        each.communicate("\n")
    assert sorted(each.returncode or 0 for each in both) == [0, 1]
    replicate_pending()
    assert_filed_once()


@pytest.mark.parametrize("step", STEPS)
def test_who_is_killed_while_filing_leaves_nothing_that_is_in_the_way(
    lindenhof: Facility, study: Study, step: str
) -> None:
    store(lindenhof, image()[:-1000])
    [file] = quarantined()
    assert start(file, study, step).wait() == -signal.SIGKILL
    sweep_dead_batches()
    filed(file, study)
    assert_filed_once()


def start(file: ReceivedFile, study: Study, step: str) -> Forked:
    return Forked("tests.collection.filing_process", file.pk, study.study_instance_uid, step)


def assert_filed_once() -> None:
    with as_center():
        assert Conflict.objects.count() == QuarantineDecision.objects.count() == 1
        assert Event.objects.filter(action="file.decided").count() == 1
        assert Pack.objects.count() == 3
    assert packs_on_disk() == 6


def test_a_file_is_filed_under_a_study_of_its_own_facility_and_under_one_alone(
    lindenhof: Facility, sakura: Facility, study: Study
) -> None:
    elsewhere, other = stored(sakura), stored(lindenhof, PatientID="another")
    store(lindenhof, image()[:-1000])
    [file] = quarantined()
    with pytest.raises(UnknownStudy):
        filed(file, elsewhere)
    assert packs_on_disk() == 8
    filed(file, study)
    for again in (partial(filed, file, study), partial(filed, file, other)):
        with pytest.raises(IllegalTransition):
            again()
    assert packs_on_disk() == 10


def manifest_of_an_earlier_release(**given: Any) -> bytes:
    content = json.loads(manifest(**given))
    del content["reception"]["reason"]
    return json.dumps(content).encode()


@pytest.mark.parametrize("is_earlier", [False, True], ids=["this_release", "earlier_release"])
def test_what_was_filed_by_hand_has_its_study_and_its_end_again_after_the_database_was_lost(
    lindenhof: Facility, study: Study, is_earlier: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(lindenhof, image()[:-1000])
    [file] = quarantined()
    if is_earlier:
        monkeypatch.setattr(by_hand, "manifest", manifest_of_an_earlier_release)
    filed(file, study)
    kept_until, reason = retention_of(study).kept_until, "" if is_earlier else "The label"
    empty_tables()
    for _ in range(2):
        call_command("rebuild_catalog", verbosity=0)
    with as_center():
        Facility.objects.update(country="DE")
        facility = Facility.objects.get()
        decision = QuarantineDecision.objects.select_related("filed_by__reception_record").get()
        conflict = Conflict.objects.select_related("study").get()
        found = conflict.study
        assert decision.filed_by
        assert ReceivedFile.objects.get(collection=decision.filed_by).conflict == conflict
        assert not undecided(as_of=timezone.now().date()).exists()
    assert (decision.act, decision.reason, decision.decider) == (QuarantineAct.BY_HAND, reason, "worker@center.example")
    assert (conflict.kind, conflict.reason, bytes(conflict.sha256)) == (
        ConflictKind.UNREADABLE, reason, bytes(file.sha256),
    )  # fmt: skip
    assert (found.study_instance_uid, conflict.resolved_at) == (study.study_instance_uid, decision.decided_at)
    in_force("de-diag")
    agreed(facility, on_expiry=OnExpiry.DELETE)
    assert retention_of(found).kept_until == kept_until
    sweep.sweep()
    [ended] = dispositions()
    assert (ended.state, bool(ended.certificate)) == (State.DELETED, True)
    assert bytes(file.sha256).hex() in json.dumps(ended.contents)
    assert packs_on_disk() == 0


def test_what_was_filed_by_hand_waits_for_a_study_that_no_pack_has(lindenhof: Facility, study: Study) -> None:
    store(lindenhof, image()[:-1000])
    [file] = quarantined()
    with as_center():
        name = Pack.objects.get(instances__series__study=study).name
    filed(file, study)
    away = settings.HOME / "away.zip"
    found = list((settings.HOME / "vault").rglob(name.rpartition("/")[2]))
    for path in found:
        away.write_bytes(path.read_bytes())
        path.unlink()
    empty_tables()
    said = StringIO()
    call_command("rebuild_catalog", verbosity=0, stderr=said)
    assert "1 packs were filed by hand under a study that no pack has" in said.getvalue()
    with as_center():
        assert undecided(as_of=timezone.now().date()).count() == 1
    found[0].write_bytes(away.read_bytes())
    call_command("rebuild_catalog", verbosity=0)
    with as_center():
        assert not undecided(as_of=timezone.now().date()).exists()
        assert Conflict.objects.get().study.study_instance_uid == study.study_instance_uid
