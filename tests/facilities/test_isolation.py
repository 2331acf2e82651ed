"""The three belts of tenancy, each proven alone."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from apps.audit.models import Event
from apps.audit.record import SYSTEM, record
from apps.catalog.models import Patient, Study
from apps.facilities.models import Facility, Membership, Role
from apps.facilities.tenancy import as_center, as_facility
from medvault.roles import CENTER, FACILITY, OWNER

NOW = timezone.now()


def make_study(facility: Facility, uid: str = "1.2.3") -> Study:
    with as_facility(facility):
        patient = Patient.objects.create(facility=facility, patient_id="P1", created_at=NOW)
        return Study.objects.create(
            facility=facility, patient=patient, study_instance_uid=uid, created_at=NOW, updated_at=NOW
        )


def sql(statement: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else cursor.rowcount


@pytest.fixture
def both(sakura: Facility, lindenhof: Facility) -> tuple[Study, Study]:
    return make_study(sakura), make_study(lindenhof)


def test_a_query_without_a_filter_shows_only_the_entered_facility(
    sakura: Facility, lindenhof: Facility, both: tuple[Study, Study]
) -> None:
    with as_facility(sakura):
        assert list(Study.objects.all()) == [both[0]]
        assert list(Facility.objects.all()) == [sakura]
        with as_facility(lindenhof):
            assert list(Study.objects.all()) == [both[1]]
        assert list(Study.objects.all()) == [both[0]]


def test_outside_of_every_facility_nothing_is_visible(both: tuple[Study, Study]) -> None:
    assert not Study.objects.exists()
    assert not Facility.objects.exists()
    with as_center():
        assert Study.objects.count() == 2


def test_an_error_inside_leaves_nothing_entered(sakura: Facility, both: tuple[Study, Study]) -> None:
    with pytest.raises(ZeroDivisionError), as_facility(sakura):
        _ = 1 // 0
    assert not Study.objects.exists()
    with as_center():
        with pytest.raises(DatabaseError), as_facility(sakura):
            sql("SELECT 1/0")
        assert Study.objects.count() == 2


def test_raw_sql_can_neither_read_nor_write_across(
    sakura: Facility, lindenhof: Facility, both: tuple[Study, Study]
) -> None:
    foreign = both[1]
    with as_facility(sakura):
        assert sql("SELECT * FROM catalog_study WHERE id = %s", foreign.pk) == []
        assert sql("UPDATE catalog_study SET study_id = 'x' WHERE id = %s", foreign.pk) == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            sql("UPDATE catalog_study SET facility_id = %s", lindenhof.pk)
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Patient.objects.create(facility=lindenhof, patient_id="P2", created_at=NOW)


GATED = ["catalog_patient", "catalog_study", "catalog_series", "catalog_instance", "catalog_conflict", "vault_pack"]
"""The center deletes their rows through retention's gate alone, which tests/retention/test_gate.py tries to pass."""


@pytest.mark.parametrize(
    "table",
    [
        *GATED,
        *("audit_event", "collection_receptionrecord", "collection_receivedfile"),
        *("collection_collection", "facilities_facility", "facilities_devicetoken"),
    ],
)
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_neither_role_may_delete(sakura: Facility, table: str, statement: str) -> None:
    is_gated = table in GATED and statement.startswith("DELETE")
    for enter in (lambda: as_facility(sakura), *([] if is_gated else [as_center])):
        with enter(), pytest.raises(DatabaseError, match=r"permission denied|append-only"), transaction.atomic():
            sql(statement.format(table))


def test_the_database_refuses_a_child_under_another_facilitys_parent(
    sakura: Facility, lindenhof: Facility, both: tuple[Study, Study]
) -> None:
    foreign = both[1].patient_id
    child = Study(facility=sakura, patient_id=foreign, study_instance_uid="9", created_at=NOW, updated_at=NOW)
    with as_facility(sakura), pytest.raises(IntegrityError, match="same_facility"), transaction.atomic():
        child.save()


def test_two_facilities_may_use_the_same_identifiers(both: tuple[Study, Study]) -> None:
    assert both[0].study_instance_uid == both[1].study_instance_uid


def test_the_owner_of_the_tables_sees_no_rows_either(
    both: tuple[Study, Study], superuser_sql: psycopg.Connection
) -> None:
    with superuser_sql.transaction():
        superuser_sql.execute(f"SET LOCAL ROLE {OWNER}")
        assert superuser_sql.execute("SELECT count(*) FROM catalog_study").fetchone() == (0,)


def test_a_facility_cannot_become_the_owner_or_a_superuser(sakura: Facility) -> None:
    for role in (OWNER, "postgres"):
        with as_facility(sakura), pytest.raises(DatabaseError), transaction.atomic():
            sql(f"SET ROLE {role}")


def test_no_role_of_the_application_is_superuser_or_passes_policies_by(superuser_sql: psycopg.Connection) -> None:
    found = superuser_sql.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = ANY(%s)",
        [[OWNER, CENTER, FACILITY]],
    ).fetchall()
    assert len(found) == 3
    assert not any(any(flags) for _, *flags in found)


def test_audit_events_can_be_neither_changed_nor_deleted(sakura: Facility, superuser_sql: psycopg.Connection) -> None:
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event", "TRUNCATE audit_event"):
        with pytest.raises(psycopg.Error, match="append-only"):
            superuser_sql.execute(statement.encode())


def test_a_facility_reads_its_own_audit_events_alone(sakura: Facility, lindenhof: Facility) -> None:
    for facility in (sakura, lindenhof):
        with as_facility(facility):
            record("test.done", actor=SYSTEM, object_type="x", object_id=1, facility_id=facility.pk)
    with as_facility(sakura):
        assert [event.facility_id for event in Event.objects.all()] == [sakura.pk]
        with pytest.raises(DatabaseError), transaction.atomic():
            record("test.done", actor=SYSTEM, object_type="x", object_id=1, facility_id=lindenhof.pk)
        with pytest.raises(DatabaseError), transaction.atomic():
            record("test.done", actor=SYSTEM, object_type="x", object_id=1, facility_id=None)


def test_memberships_of_other_facilities_are_invisible(
    sakura: Facility, lindenhof: Facility, person: Callable[..., Any]
) -> None:
    person("both@example.org", sakura=Role.VIEWER, lindenhof=Role.OWNER)
    with as_facility(sakura):
        assert [membership.role for membership in Membership.objects.all()] == [Role.VIEWER]
