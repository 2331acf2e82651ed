"""Migration operations for what Django's schema editor does not know: row-level security, append-only tables."""

from django.db.migrations.operations import RunSQL

FACILITY, CENTER = "medvault_facility", "medvault_center"
CURRENT_FACILITY = "nullif(current_setting('medvault.facility', true), '')::bigint"


def tenant_table(table: str, *, facility: str, center: str, column: str = "facility_id") -> RunSQL:
    """Row-level security on a facility's table, forced on its owner too, and the grants of the two roles.

    `facility` and `center` list the privileges, e.g. "SELECT, INSERT". The facility role sees the rows of
    `medvault.facility` and none while that is unset; the center role sees all.
    """
    own = f"{column} = {CURRENT_FACILITY}"
    return RunSQL(
        [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY facility_rows ON {table} TO {FACILITY} USING ({own}) WITH CHECK ({own})",
            f"CREATE POLICY center_rows ON {table} TO {CENTER} USING (true) WITH CHECK (true)",
            *_grants(table, facility, center),
            _one_facility_so_far(table, column),
        ],
        reverse_sql=[
            f"DROP POLICY facility_rows ON {table}",
            f"DROP POLICY center_rows ON {table}",
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        ],
    )


def center_table(table: str, *, center: str, facility: str = "") -> RunSQL:
    """A table of the center's own, with the privileges of the center role and, where facilities may read it, theirs."""
    return RunSQL([*_grants(table, facility, center)], reverse_sql=[])


def append_only(table: str) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE for every role, the owner included."""
    return RunSQL(
        [
            f"""
            CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '{table} is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
            END $$
            """,
            f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()
            """,
        ],
        reverse_sql=[f"DROP TRIGGER append_only ON {table}", f"DROP FUNCTION {table}_is_append_only()"],
    )


def same_facility(table: str, column: str, parent: str) -> RunSQL:
    """Foreign key (facility_id, column) to (facility_id, id): a child under another facility's parent is refused.

    Row-level security cannot do this: foreign-key checks are exempt from it (PostgreSQL manual, 5.9).
    """
    name = f"{table}_{column}_same_facility"
    return RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} "
        f"FOREIGN KEY (facility_id, {column}) REFERENCES {parent} (facility_id, id)",
        reverse_sql=f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )


def _one_facility_so_far(table: str, column: str) -> str:
    """Tell the planner what holds until the first ANALYZE: the facility alone narrows nothing down.

    Knowing nothing, it takes any index that begins with the facility for a row's own, and keeps that plan for foreign
    keys: each insert would read the whole table (PostgreSQL manual, 9.28.11).
    """
    return (
        f"SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', '{table}', 'attname', '{column}',"
        " 'inherited', false, 'null_frac', 0::real, 'avg_width', 8, 'n_distinct', 1::real)"
    )


def _grants(table: str, facility: str, center: str) -> list[str]:
    statements = [f"REVOKE ALL ON {table} FROM {FACILITY}, {CENTER}"]
    if facility:
        statements.append(f"GRANT {facility} ON {table} TO {FACILITY}")
    if center:
        statements.append(f"GRANT {center} ON {table} TO {CENTER}")
    return statements
