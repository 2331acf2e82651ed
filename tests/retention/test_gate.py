"""Deleting early: by raw SQL, by the ORM, by forged dispositions, as every role. All are refused, and say why."""

from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import psycopg
import pytest
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.catalog.holds import HoldRefused, ask_release, place_hold, release_hold
from apps.catalog.models import Hold, HoldKind, Instance, Patient, Series, Study
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center, as_facility
from apps.retention.assessing import assess_pending
from apps.retention.deletion import carry_out
from apps.retention.models import Disposition, Extension, Retention, State
from apps.vault.models import Pack
from apps.vault.places import place
from tests.retention.stories import dispositions, in_force, retention_of, stored

pytestmark = pytest.mark.usefixtures("committed_db")
TABLES = [
    "catalog_instance", "catalog_series", "catalog_study", "catalog_patient", "catalog_namepart", "catalog_hold",
    "vault_pack", "retention_retention", "retention_disposition", "collection_receivedfile",
]  # fmt: skip


@pytest.fixture
def recent(lindenhof: Facility) -> Study:
    """A study that is retained for years, and held."""
    in_force("de-diag")
    study = stored(lindenhof, timezone.now().date() - timedelta(days=30), PatientBirthDate="19500101")
    with as_center():
        place_hold(study, kind=HoldKind.CLINICAL, reason="a trial", actor=SYSTEM, now=timezone.now())
        a_disposition(study)
    return study


def a_disposition(study: Study) -> Disposition:
    return Disposition.objects.create(
        facility_id=study.facility_id, study=study, study_instance_uid=study.study_instance_uid,
        kept_until=date(2000, 1, 1), created_at=timezone.now(),
    )  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_nobody_deletes_rows_by_sql_not_even_a_superuser(
    recent: Study, superuser_sql: psycopg.Connection, table: str
) -> None:
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            superuser_sql.execute(statement.encode())
    assert superuser_sql.execute(f"SELECT count(*) > 0 FROM {table}".encode()).fetchone() == (True,)


@pytest.mark.parametrize("role", ["medvault_owner", "medvault_center", "medvault_facility"])
@pytest.mark.parametrize("table", TABLES)
def test_no_role_deletes_rows(recent: Study, superuser_sql: psycopg.Connection, role: str, table: str) -> None:
    superuser_sql.execute(f"SET ROLE {role}".encode())
    superuser_sql.execute("SELECT set_config('medvault.facility', %s, false)", [str(recent.facility_id)])
    with suppress(psycopg.errors.InsufficientPrivilege):  # the owner is not refused: it sees no rows
        superuser_sql.execute(f"DELETE FROM {table}".encode())
    superuser_sql.execute("RESET ROLE")
    assert superuser_sql.execute(f"SELECT count(*) > 0 FROM {table}".encode()).fetchone() == (True,)


@pytest.mark.parametrize("model", [Instance, Study, Patient, Pack, Retention, Hold, Disposition])
def test_the_orm_deletes_nothing(recent: Study, model: type[Study]) -> None:
    rows = model.objects.all()
    for scope in (as_center, lambda: as_facility(recent.facility_id)):
        with scope(), pytest.raises(ProgrammingError), transaction.atomic():
            rows._raw_delete("default")
    with as_center():
        assert model.objects.exists()


def force(disposition: Disposition, *states: State) -> None:
    """Write the states as somebody does who knows the tables and not the rules."""
    for state in states:
        stamps = {"approved_at": timezone.now()} if state == State.APPROVED else {}
        Disposition.objects.filter(pk=disposition.pk).update(state=state, **stamps)


def test_a_disposition_cannot_be_forged_into_a_deletion(recent: Study) -> None:
    [disposition] = dispositions()
    with as_center(), pytest.raises(ProgrammingError, match="still retained"):
        force(disposition, State.APPROVED, State.DELETING)
    with as_center(), pytest.raises(ProgrammingError, match="cannot go from"):
        force(disposition, State.DELETING)
    with as_center(), pytest.raises(ProgrammingError, match="begins as expired"):
        Disposition.objects.create(
            facility_id=recent.facility_id, study=recent, study_instance_uid="1.2", state=State.DELETING,
            kept_until=date(2000, 1, 1), created_at=timezone.now(), deleting_at=timezone.now(),
        )  # fmt: skip


def test_a_hold_an_unknown_or_an_unassessed_exam_stops_a_forged_deletion_too(lindenhof: Facility) -> None:
    in_force("de-diag")
    study = stored(lindenhof, PatientBirthDate="19500101")
    with as_center():
        disposition = a_disposition(study)
        force(disposition, State.APPROVED)
        hold = place_hold(study, kind=HoldKind.CLINICAL, reason="a trial", actor=SYSTEM, now=timezone.now())
    with as_center(), pytest.raises(ProgrammingError, match="held"):
        force(disposition, State.DELETING)
    with as_center():
        release_hold(hold, by=None, actor=SYSTEM, now=timezone.now())
        Study.objects.update(study_date=date(2024, 1, 1))
    with as_center(), pytest.raises(ProgrammingError, match="assessed again"):
        force(disposition, State.DELETING)
    assess_pending()
    with as_center():
        Retention.objects.update(missing=["birth_date"])
    with as_center(), pytest.raises(ProgrammingError, match="still retained"):
        force(disposition, State.DELETING)


def passed_and_approved(facility: Facility) -> tuple[Study, Disposition]:
    """A study that may be deleted now, and its disposition."""
    study = stored(facility, PatientBirthDate="19500101", PatientID="passed")
    with as_center():
        disposition = a_disposition(study)
        force(disposition, State.APPROVED)
    return study, disposition


def test_a_deletion_takes_along_nothing_else_by_naming_it(recent: Study, lindenhof: Facility) -> None:
    study, disposition = passed_and_approved(lindenhof)
    with as_center():
        mine = Pack.objects.get(pk__in=Instance.objects.filter(series__study=study).values("pack_id"))
        other = Pack.objects.get(pk__in=Instance.objects.filter(series__study=recent).values("pack_id"))
    for pack_ids, names in (
        ([mine.pk], [mine.name, other.name]), ([mine.pk], [other.name]), ([mine.pk], []),
        ([mine.pk, other.pk], [mine.name, other.name]), ([], [other.name]),
    ):  # fmt: skip
        contents = {"packs": [{"name": name} for name in names]}
        for scope, reason in ((as_center, "the packs of its study"), (lambda: as_facility(lindenhof), "denied")):
            with scope(), pytest.raises(ProgrammingError, match=reason):
                Disposition.objects.filter(pk=disposition.pk).update(
                    state=State.DELETING, pack_ids=pack_ids, contents=contents
                )


def test_nothing_is_moved_into_a_study_that_is_deleted(recent: Study, lindenhof: Facility) -> None:
    study, _ = passed_and_approved(lindenhof)
    for scope in (as_center, lambda: as_facility(lindenhof)):
        with scope(), pytest.raises(ProgrammingError, match="stays where it was filed"):
            Series.objects.filter(study=recent).update(study=study)
    with as_center(), pytest.raises(ProgrammingError, match="stays where it was filed"):
        Pack.objects.filter(facility=lindenhof).update(name="another's")


def test_a_pack_on_record_is_never_removed(
    recent: Study, lindenhof: Facility, superuser_sql: psycopg.Connection
) -> None:
    """Not even where somebody has written past the triggers what is to be removed."""
    _, disposition = passed_and_approved(lindenhof)
    superuser_sql.execute("SET session_replication_role = replica")
    superuser_sql.execute(
        "UPDATE retention_disposition SET state = 'deleting', contents = jsonb_build_object('instances', '[]'::jsonb,"
        " 'packs', (SELECT jsonb_agg(jsonb_build_object('name', name)) FROM vault_pack)) WHERE id = %s",
        [disposition.pk],
    )
    assert carry_out(disposition.pk, State.DELETING) is None
    with as_center():
        disposition.refresh_from_db()
        assert "on record" in disposition.problem
        for pack in Pack.objects.all():
            assert all(place(alias).names(pack.name) for alias in ("primary", "replica"))


def test_what_has_ended_does_not_change(lindenhof: Facility) -> None:
    in_force("de-diag")
    study = stored(lindenhof, PatientBirthDate="19500101")
    with as_center():
        disposition = a_disposition(study)
        force(disposition, State.WITHDRAWN)
    for change in ({"state": State.APPROVED}, {"decision": "forged"}):
        with as_center(), pytest.raises(ProgrammingError, match="does not change"):
            Disposition.objects.filter(pk=disposition.pk).update(**change)


@pytest.mark.parametrize("change", ["UPDATE retention_extension SET until = '2001-01-01'"])
def test_extensions_and_events_are_not_rewritten(recent: Study, superuser_sql: psycopg.Connection, change: str) -> None:
    with as_center():
        Extension.objects.create(
            facility_id=recent.facility_id, study=recent, period="P1Y", until=date(2050, 1, 1),
            extended_at=timezone.now(),
        )  # fmt: skip
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        superuser_sql.execute(change.encode())


def test_what_was_received_is_forgotten_only_with_its_study(recent: Study, superuser_sql: psycopg.Connection) -> None:
    for change in ("source_name = ''", "sha256 = 'x'", "pack_id = NULL"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            superuser_sql.execute(f"UPDATE collection_receivedfile SET {change}".encode())


def test_a_legal_hold_is_released_by_two(recent: Study) -> None:
    one, other = (User.objects.create_user(f"{name}@center.example", is_staff=True) for name in ("one", "other"))
    with as_center():
        hold = place_hold(
            recent, kind=HoldKind.LEGAL, reason="a lawsuit", authority="District Court", actor=SYSTEM,
            now=timezone.now(), by=one,
        )  # fmt: skip
    release: Callable[[User], None] = lambda by: release_hold(hold, by=by, actor=SYSTEM, now=timezone.now())  # noqa: E731
    with as_center(), pytest.raises(HoldRefused):
        release(other)
    with as_center():
        ask_release(hold, by=one, actor=SYSTEM, now=timezone.now())
    with as_center(), pytest.raises(HoldRefused):
        release(one)
    with pytest.raises(Exception, match="legal_hold_released_by_two"), as_center():
        Hold.objects.filter(pk=hold.pk).update(released_at=timezone.now(), released_by=one)
    with as_center():
        release(other)
    with as_center(), pytest.raises(HoldRefused):
        release(other)


def test_the_database_has_a_day_that_is_over_everywhere() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT retention_today(), (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date")
        ours, farthest = cursor.fetchone()
    assert ours == farthest


def test_a_period_that_is_told_wrong_in_the_database_is_refused(
    recent: Study, superuser_sql: psycopg.Connection
) -> None:
    for change in ("certain_until = '2001-01-01'", "certain_until = NULL", "study_id = study_id + 1"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            superuser_sql.execute(f"UPDATE retention_retention SET {change}".encode())
    assert retention_of(recent).kept_until
