"""A PostgreSQL server that the environment names instead of the embedded one."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest

from medvault.embedded.postgresql import EmbeddedPostgreSQL
from tests.installation.conftest import Manage
from tests.waiting import until_answered

SHOW_ROLE = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_user, rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles"
                   " WHERE rolname = current_user")
    print(*cursor.fetchone())
"""


@pytest.fixture
def server(homes: Callable[[], Path]) -> Iterator[str]:
    """Host and port of a server on TCP, as an installation would have one."""
    embedded = EmbeddedPostgreSQL(homes(), "secret")
    embedded.start()
    embedded.stop()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    access = embedded.data / "tcp_hba.conf"
    access.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    access.chmod(0o644)
    wheel: Any = embedded._wheel
    options = ["listen_addresses=127.0.0.1", f"port={port}", f"hba_file={access}"]
    process = subprocess.Popen(
        [wheel.bin_path / "postgres", "-D", embedded.data, "-k", embedded.sockets]
        + [part for option in options for part in ("-c", option)],
        user=cast("str | None", wheel.system_user),
        cwd=embedded.data,
        stderr=subprocess.DEVNULL,
    )
    address = f"127.0.0.1:{port}"
    url = f"postgresql://postgres:secret@{address}/postgres"
    until_answered(process, lambda: psycopg.connect(url).close(), psycopg.OperationalError)
    yield address
    process.terminate()
    process.wait(30)


@pytest.fixture
def urls(server: str) -> dict[str, str]:
    return {
        "DATABASE_URL": f"postgresql://medvault_facility:p%40ss@{server}/archive",
        "DATABASE_OWNER_URL": f"postgresql://medvault_owner:0wner@{server}/archive",
        "DATABASE_ADMIN_URL": f"postgresql://postgres:secret@{server}/postgres",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }


def test_bootstrap_makes_it_fit_to_run_on_and_may_be_repeated(manage: Manage, urls: dict[str, str]) -> None:
    for _ in range(2):
        done = manage("bootstrap", "-v0", **urls)
        assert (done.returncode, done.stderr) == (0, "")
    del urls["DATABASE_ADMIN_URL"]
    assert manage("migrate", "--check", "--database", "owner", **urls).returncode == 0
    shown = manage("shell", "-v0", "-c", SHOW_ROLE, **urls).stdout
    assert shown.split() == ["medvault_facility", "False"], "the application is no superuser"


def test_without_the_right_to_make_roles_it_says_what_is_missing(manage: Manage, urls: dict[str, str]) -> None:
    del urls["DATABASE_ADMIN_URL"]
    done = manage("bootstrap", **urls)
    assert done.returncode == 1
    assert done.stderr == "CommandError: Set DATABASE_ADMIN_URL and DATABASE_OWNER_URL to make roles and database\n"
