"""The three database roles and the database itself (docs/architecture.md, tenancy).

owner     owns the tables and migrates; nothing else.
facility  the application's login; sees the rows of one facility, and nothing while none is set.
center    staff, workers and fan-out; entered with SET ROLE for the length of one transaction.
"""

import psycopg
from psycopg import sql

OWNER, CENTER, FACILITY = "medvault_owner", "medvault_center", "medvault_facility"


def bootstrap_database(admin: str, *, database: str, owner_password: str, facility_password: str) -> None:
    """Make roles, passwords, database and default privileges; run again it changes nothing but the passwords.

    `admin` is the connection string of a role that may create roles and databases. The application never uses it.
    """
    with psycopg.connect(admin, autocommit=True) as connection:
        for role, password in ((OWNER, owner_password), (FACILITY, facility_password), (CENTER, None)):
            _make_role(connection, role, password)
        connection.execute(f"GRANT {CENTER} TO {FACILITY} WITH INHERIT FALSE, SET TRUE")
        connection.execute(f"GRANT {CENTER} TO {OWNER} WITH INHERIT FALSE, SET TRUE")
        connection.execute(f"GRANT {OWNER} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} ENCODING 'UTF8' TEMPLATE template0").format(
                    sql.Identifier(database), sql.Identifier(OWNER)
                )
            )
    with psycopg.connect(admin, dbname=database, autocommit=True) as connection:
        connection.execute(f"SET ROLE {OWNER}")
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(
                sql.Identifier(database), sql.Identifier(CENTER), sql.Identifier(FACILITY)
            )
        )
        both = f"{CENTER}, {FACILITY}"
        connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {both}")
        connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO {both}")
        connection.execute("RESET ROLE")
        connection.execute(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}")
        connection.execute(f"GRANT USAGE ON SCHEMA public TO {both}")


def _make_role(connection: psycopg.Connection, role: str, password: str | None) -> None:
    name = sql.Identifier(role)
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} NOINHERIT").format(name))
    if password is None:
        connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN").format(name))
    else:
        connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password)))
