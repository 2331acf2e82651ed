"""Quarantined files that staff set aside: never unseen for good, and on a day that comes after every floor."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import psycopg
import pytest
from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.models import Conflict
from apps.collection.errors import IllegalTransition
from apps.collection.models import Basis, Outcome, QuarantineAct, QuarantineDecision, ReceivedFile
from apps.collection.quarantine import file_by_hand, set_aside, undecided
from apps.collection.replication import replicate_pending
from apps.core.periods import FOREVER, parse_period
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.reviewing import review_day
from apps.vault.models import Pack
from medvault.workplace import waiting
from tests.forked import Forked
from tests.retention.stories import image, in_force, retention_of, store, stored

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def worker(person: Callable[..., User]) -> User:
    return person("worker@center.example", is_staff=True)


@pytest.fixture
def file(lindenhof: Facility) -> ReceivedFile:
    """One that was received just now and could not be read."""
    store(lindenhof, image()[:-1000])
    with as_center():
        found = ReceivedFile.objects.select_related("facility", "collection", "pack")
        return found.get(outcome=Outcome.QUARANTINED)


def aside(file: ReceivedFile, *, review_on: date, by: User, now: datetime | None = None) -> None:
    set_aside(file, basis=Basis.BEYOND_READING, review_on=review_on, reason="Half of it", by=by, actor=SYSTEM,
              now=now or timezone.now())  # fmt: skip


def day_of(file: ReceivedFile, *, as_of: date) -> date:
    with as_center():
        return review_day(file, as_of=as_of)


def waits(*, at: datetime) -> bool:
    with as_center():
        return waiting.quarantined(at).exists()


def test_a_file_comes_up_again_the_day_after_the_last_floor_that_an_image_received_with_it_has(
    lindenhof: Facility, file: ReceivedFile, worker: User
) -> None:
    in_force("de-diag", by=worker)
    today = timezone.now().date()
    until = retention_of(stored(lindenhof, today, PatientBirthDate="19500101")).kept_until
    assert until
    assert day_of(file, as_of=today) == until + timedelta(days=1)
    assert day_of(file, as_of=until) == until + timedelta(days=365)


def test_what_a_period_runs_from_counts_as_of_the_reception(file: ReceivedFile, worker: User) -> None:
    with as_center():
        Facility.objects.update(country="NO")  # ten years from the last change of the record
        file.facility.refresh_from_db()
    in_force("no", by=worker)
    today = timezone.now().date()
    assert day_of(file, as_of=today) == parse_period("P10Y").after(today) + timedelta(days=1)


def test_a_file_comes_up_again_in_a_year_where_no_rule_is_in_force(file: ReceivedFile) -> None:
    assert day_of(file, as_of=timezone.now().date()) == timezone.now().date() + timedelta(days=365)


def test_what_is_kept_for_ever_never_comes_up_again(file: ReceivedFile, worker: User) -> None:
    aside(file, review_on=FOREVER, by=worker)
    assert not waits(at=datetime(9000, 1, 1, tzinfo=timezone.get_current_timezone()))
    with as_center():
        assert not QuarantineDecision.objects.get().comes_up_again


def test_on_its_day_and_no_sooner_it_is_decided_on_again(lindenhof: Facility, file: ReceivedFile, worker: User) -> None:
    study = stored(lindenhof)
    now = timezone.now()
    day = now + timedelta(days=400)
    aside(file, review_on=day.date(), by=worker)
    assert not waits(at=day - timedelta(days=1))
    with pytest.raises(IllegalTransition):
        aside(file, review_on=day.date(), by=worker, now=day - timedelta(days=1))
    assert waits(at=day)
    later = day + timedelta(days=400)
    aside(file, review_on=later.date(), by=worker, now=day)
    assert not waits(at=day)
    file_by_hand(
        file, study_instance_uid=study.study_instance_uid, reason="The label", by=worker, actor=SYSTEM, now=later
    )
    with as_center():
        acts = list(QuarantineDecision.objects.order_by("round").values_list("act", flat=True))
        assert Conflict.objects.get().study == study
        assert not undecided(as_of=date.max).exists()
    assert acts == [QuarantineAct.SET_ASIDE, QuarantineAct.SET_ASIDE, QuarantineAct.BY_HAND]


def test_what_an_earlier_release_set_aside_without_a_day_waits_at_once(file: ReceivedFile, worker: User) -> None:
    with as_center():
        QuarantineDecision.objects.create(
            facility=file.facility, collection=file.collection, file_number=file.pk, act=QuarantineAct.SET_ASIDE,
            basis=Basis.NO_IMAGE, reason="A report", decided_at=timezone.now(), decided_by=worker,
        )  # fmt: skip
    assert waits(at=timezone.now())
    aside(file, review_on=FOREVER, by=worker)
    assert not waits(at=timezone.now())


def test_two_who_decide_on_a_file_at_once_decide_once_and_leave_nothing_behind(
    lindenhof: Facility, file: ReceivedFile, worker: User, superuser_sql: psycopg.Connection
) -> None:
    """Otherwise the filing would be undone with the decision that came too late, and its pack left in the vault."""
    study = stored(lindenhof)
    filing = Forked("tests.collection.filing_process", file.pk, study.study_instance_uid, "request")
    assert filing.stdout.readline() == "here\n"
    setting_aside = Forked("tests.collection.filing_process", file.pk, study.study_instance_uid, "aside")
    waits = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while setting_aside.returncode is None and not superuser_sql.execute(waits).fetchone():
        pass
    filing.communicate("\n")
    assert (filing.returncode, setting_aside.wait()) == (0, 1)
    replicate_pending()
    with as_center():
        assert [each.act for each in QuarantineDecision.objects.all()] == [QuarantineAct.BY_HAND]
        assert Pack.objects.count() * 2 == len(list((settings.HOME / "vault").rglob("*.zip")))
