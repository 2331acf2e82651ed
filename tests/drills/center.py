"""A center of many hosts: PostgreSQL with a synchronous standby, Redis, S3, two hosts each of web, worker, gateway."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from medvault.embedded.postgresql import EmbeddedPostgreSQL
from medvault.embedded.redis import server_program
from medvault.env import PROJECT
from tests.drills.hosts import HERE, Host
from tests.waiting import until

ADDRESSES = {
    "db1": 11, "db2": 12, "store": 13, "web1": 21, "web2": 22, "work1": 31, "work2": 32, "gate1": 41, "gate2": 42,
}  # fmt: skip
BUCKETS, PORT, DICOM_PORT = ("primary", "replica"), 8000, 11112
PATIENCE_S = 600
BINARIES = Path(sys.executable).parent


@dataclass
class Center:
    """`folder`: where each host has its home, and what they share."""

    hosts: dict[str, Host]
    folder: Path

    def start(self) -> None:
        """Everything, in order; returns when both web hosts are ready."""
        self._start_store()
        self._start_databases()
        self.manage("bootstrap", "-v0", DATABASE_ADMIN_URL=self._database("postgres:secret", "db1", "postgres"),
                    DATABASE_OWNER_URL=self._database("medvault_owner:owner", "db1", "medvault"))  # fmt: skip
        for name in ("web1", "web2"):
            self.run(name, "web")
        for name in ("work1", "work2"):
            self.run(name, "worker", "--", "-c", "1", "-n", f"{name}@drill")
        for name in ("gate1", "gate2"):
            self.run(name, "gateway")
        self.run("work2", "beat")
        for name in ("web1", "web2"):
            self.wait_for(name)

    def run(self, host: str, program: str, *arguments: str) -> None:
        """Start a process of MedVault on a host."""
        command = [sys.executable, PROJECT / "manage.py", "run", program, *arguments]
        self.hosts[host].start(*command, environment=self.environment(host))

    def manage(self, *arguments: str, **environment: str) -> str:
        """What a management command prints, run here with a home of its own."""
        command = [sys.executable, "manage.py", *arguments]
        settings = self.environment("here") | environment
        done = subprocess.run(command, env=settings, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def environment(self, host: str) -> dict[str, str]:
        """As an installation's: the same on all hosts but for the home."""
        s3 = f"?endpoint_url=http://{self.hosts['store'].address}:9000&region_name=us-east-1"
        return os.environ | {
            "MEDVAULT_HOME": str(self.folder / host), "MEDVAULT_SHARED": str(self.folder / "shared"),
            "SECRET_KEY": "drill" * 12, "BIND_ADDRESS": getattr(self.hosts.get(host), "address", HERE),
            "PORT": str(PORT), "DICOM_PORT": str(DICOM_PORT), "WEB_WORKERS": "1", "ALLOWED_HOSTS": "*",
            "DATABASE_URL": self._database("medvault_facility:facility", "db1,db2", "medvault"),
            "REDIS_URL": f"redis://:secret@{self.hosts['store'].address}:6379/0",
            "VAULT_PRIMARY": f"s3://primary/packs{s3}", "VAULT_REPLICA": f"s3://replica/packs{s3}",
            "AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "LOG_FORMAT": "json", "LOG_LEVEL": "INFO",
        }  # fmt: skip

    def url(self, host: str) -> str:
        """Where a web host answers."""
        return f"http://{self.hosts[host].address}:{PORT}"

    def wait_for(self, host: str) -> None:
        """Until a web host is ready."""
        until(lambda: _answers(f"{self.url(host)}/readyz"), f"{host} is not ready", PATIENCE_S)

    def sql(self, statement: str, *parameters: Any, at: str = "db1") -> list[tuple[Any, ...]]:
        """As a superuser."""
        with psycopg.connect(self._database("postgres:secret", at, "medvault"), autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def promote(self) -> None:
        """The standby takes over, alone for now."""
        address = self._database("postgres:secret", "db2", "postgres")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
            connection.execute("SELECT pg_reload_conf()")

    def back_up(self, recipient: str) -> str:
        """From the database that has taken over."""
        admin = self._database("postgres:secret", "db2", "postgres")
        return self.manage("backup", str(self.folder / "backup"), "--recipient", recipient, DATABASE_ADMIN_URL=admin)

    def _database(self, who: str, hosts: str, name: str) -> str:
        addresses = ",".join(self.hosts[host].address for host in hosts.split(","))
        return f"postgresql://{who}@{addresses}/{name}?connect_timeout=3"

    def _start_store(self) -> None:
        store = self.hosts["store"]
        redis = self.folder / "redis"
        redis.mkdir()
        store.start(server_program(), "--bind", store.address, "--requirepass", "secret", "--dir", redis,
                    "--appendonly", "yes", "--maxmemory-policy", "noeviction", environment=os.environ)  # fmt: skip
        store.start(BINARIES / "moto_server", "-H", store.address, "-p", 9000, environment=os.environ)
        until(lambda: _answers(f"http://{store.address}:9000/moto-api/"), "the S3 server did not start", PATIENCE_S)
        for bucket in BUCKETS:
            made = urllib.request.Request(f"http://{store.address}:9000/{bucket}", method="PUT")
            urllib.request.urlopen(made, timeout=30).close()

    def _start_databases(self) -> None:
        first = EmbeddedPostgreSQL(self.folder / "db1", "secret")
        first.start()
        with psycopg.connect(first.admin_conninfo(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET listen_addresses = '*'")
        first.stop()
        wheel: Any = first._wheel
        access = f"local all all scram-sha-256\nhost all,replication all {HERE}/24 scram-sha-256\n"
        (first.data / "pg_hba.conf").write_text(access)
        (first.data / "postgresql.auto.conf").write_text(
            "listen_addresses = '*'\nmax_connections = 150\nlog_min_messages = log\n"
            "tcp_keepalives_idle = 10\ntcp_keepalives_interval = 5\ntcp_keepalives_count = 3\n"
            "wal_sender_timeout = 10s\n"
        )
        self._start_database("db1", wheel, first.data)
        second = self.folder / "db2" / "postgresql"
        second.parent.mkdir()
        if user := wheel.system_user:
            subprocess.run(["chown", user, second.parent], check=True)
        copying = self.hosts["db2"].start(
            wheel.bin_path / "pg_basebackup", "-D", second, "-R", "-X", "stream", "-c", "fast", "-d",
            f"host={self.hosts['db1'].address} user=postgres password=secret application_name=db2",
            environment=os.environ, user=wheel.system_user or "",
        )  # fmt: skip
        if copying.wait(PATIENCE_S):
            raise RuntimeError("pg_basebackup failed; see db2.log")
        self._start_database("db2", wheel, second)
        with psycopg.connect(self._database("postgres:secret", "db1", "postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'db2'")
            connection.execute("SELECT pg_reload_conf()")
            until(lambda: _is_synchronous(connection), "the standby does not follow synchronously", PATIENCE_S)

    def _start_database(self, name: str, wheel: Any, data: Path) -> None:
        sockets = data.parent / "sockets"
        sockets.mkdir(mode=0o777)
        sockets.chmod(0o777)
        self.hosts[name].start(
            wheel.bin_path / "postgres", "-D", data, "-k", sockets, environment=os.environ, user=wheel.system_user or ""
        )
        until(
            lambda: _connects(self._database("postgres:secret", name, "postgres")), f"{name} did not start", PATIENCE_S
        )


def _answers(url: str) -> bool:
    with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5):
        return True
    return False


def _connects(address: str) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(address, connect_timeout=3).close()
        return True
    return False


def _is_synchronous(connection: psycopg.Connection) -> bool:
    found = connection.execute("SELECT sync_state FROM pg_stat_replication").fetchall()
    return found == [("sync",)]
