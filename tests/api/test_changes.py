"""The change feed: whoever follows it knows the catalog, whatever is committed when."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone

from apps.audit.record import SYSTEM
from apps.catalog.holds import place_hold, release_hold
from apps.catalog.models import Hold, HoldKind, Study
from apps.facilities.models import Facility, Scope
from apps.facilities.tenancy import as_center, as_facility
from apps.retention.models import OnExpiry
from apps.retention.sweep import sweep
from tests.api.asking import Asking
from tests.forked import Forked
from tests.portal.pages import dicom, store
from tests.retention.stories import agreed, in_force, stored
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def secret(sakura: Facility, token_for: Callable[..., str]) -> str:
    return token_for(sakura, Scope.READ, Scope.PERIODS)


@pytest.fixture
def ask(client: Client, secret: str) -> Asking:
    return Asking(client, "sakura", secret)


def followed(ask: Asking, after: str = "") -> tuple[list[tuple[str, str]], str]:
    """All changes after a cursor, two at a time, and the cursor at the end."""
    found: list[tuple[str, str]] = []
    while True:
        told = ask(f"changes/?limit=2&after={after}").json()
        after = told["next"]
        if not told["changes"]:
            return found, after
        found += [(each["kind"], each["study_instance_uid"]) for each in told["changes"]]


def test_it_tells_what_was_stored_changed_and_deleted(
    ask: Asking, sakura: Facility, lindenhof: Facility, client: Client, token_for: Callable[..., str]
) -> None:
    store(sakura, dicom(1), dicom(2))
    store(lindenhof, dicom(3))
    found, end = followed(ask)
    assert sorted(found) == [("stored", "2.25.1"), ("stored", "2.25.2")]
    assert ask("changes/?after=end").json() == {"changes": [], "next": end}
    assert followed(ask) == (found, end)
    store(sakura, dicom(1), dicom(1, number=2))
    store(sakura, dicom(1, WindowWidth=7))
    with as_facility(sakura):
        study = Study.objects.get(study_instance_uid="2.25.1")
        hold = place_hold(study, kind=HoldKind.FACILITY, reason="a complaint", actor=SYSTEM, now=timezone.now())
    with as_facility(sakura):
        release_hold(Hold.objects.get(pk=hold.pk), by=None, actor=SYSTEM, now=timezone.now())
    kinds, end = followed(ask, end)
    assert kinds == [(kind, "2.25.1") for kind in ("images_added", "conflict", "held", "released")]
    assert followed(ask, end) == ([], end)
    found, end = followed(Asking(client, "lindenhof", token_for(lindenhof)))
    assert (found, end) == ([("stored", "2.25.3")], "1")  # what others store does not count
    for wrong in ("99", "-1", "x", "9" * 19, "1.5", "%00"):
        assert ask(f"changes/?after={wrong}").status_code == 400


def test_a_study_that_is_gone_is_told_of(lindenhof: Facility, client: Client, token_for: Callable[..., str]) -> None:
    in_force("de-diag")
    agreed(lindenhof, on_expiry=OnExpiry.DELETE)
    study = stored(lindenhof, PatientBirthDate="19500101")
    sweep()
    found, _ = followed(Asking(client, "lindenhof", token_for(lindenhof, Scope.READ)))
    assert found == [(kind, study.study_instance_uid) for kind in ("stored", "period_changed", "deleted")]


def test_what_is_committed_late_is_not_missed(
    ask: Asking, sakura: Facility, tmp_path: Path, superuser_sql: psycopg.Connection
) -> None:
    image = tmp_path / "late.dcm"
    image.write_bytes(dicom(1))
    late = Forked("tests.collection.ingesting_process", "sakura", "uncommitted", image)
    assert late.stdout.readline() == "here\n"
    store(sakura, dicom(2))
    found, end = followed(ask)
    assert found == [("stored", "2.25.2")]
    late.communicate("go on\n")
    assert followed(ask, end)[0] == [("stored", "2.25.1")]
    written = superuser_sql.execute("SELECT study_instance_uid FROM catalog_studychange ORDER BY id").fetchall()
    assert written == [("2.25.1",), ("2.25.2",)]  # the lower id came later
    assert followed(ask)[0] == [("stored", "2.25.2"), ("stored", "2.25.1")]


def test_two_readers_at_once_see_one_order(
    ask: Asking, secret: str, sakura: Facility, superuser_sql: psycopg.Connection
) -> None:
    store(sakura, dicom(1), dicom(2))
    first = Forked("tests.api.reading_process", secret)
    assert first.stdout.readline() == "here\n"
    store(sakura, dicom(3))
    second = Forked("tests.api.reading_process", secret)
    until(lambda: superuser_sql.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())
    read, _ = first.communicate("go on\n")
    assert second.stdout.readline() == "here\n"
    more, _ = second.communicate("go on\n")
    assert len(read.split()) == 2
    assert more.split()[:2] == read.split()
    assert [each["study_instance_uid"] for each in ask("changes/").json()["changes"]][2:] == ["2.25.3"]


def test_what_was_noted_is_not_changed(ask: Asking, sakura: Facility) -> None:
    store(sakura, dicom(1))
    followed(ask)
    for act in ("UPDATE catalog_studychange SET number = 1", "UPDATE catalog_studychange SET kind = 'deleted'",
                "DELETE FROM catalog_studychange"):  # fmt: skip
        for entered in (as_facility(sakura), as_center()):
            with pytest.raises(DatabaseError), entered, connection.cursor() as cursor:
                cursor.execute(act)
