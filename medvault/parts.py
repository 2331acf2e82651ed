"""The parts of an installation as this host sees them, each looked at for two seconds at most."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import redis
from botocore.config import Config
from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone
from redis.backoff import NoBackoff
from redis.retry import Retry

from apps.core.clock import database_now
from apps.core.errors import DomainError
from apps.facilities.tenancy import as_center
from apps.retention.clocks import MOST_APART
from apps.vault.spool import RESERVE, spool_folder
from medvault.heard import seconds_since
from medvault.logs.errors import described
from medvault.outward import held_since

PATIENCE_S = 2.0
FRESH_S = 2.0
SILENT_AFTER_S = 120
QUEUES = ("ingest", "default", "hosts")


class Ailing(DomainError):
    """A part is not as it should be."""

    code = "ailing"


@dataclass(frozen=True, slots=True)
class Part:
    """`is_needed`: without it this host cannot answer requests. `problem` is empty where all is well."""

    name: str
    is_needed: bool
    problem: str = ""

    @property
    def is_well(self) -> bool:
        return not self.problem


def looked_at() -> list[Part]:
    """Every part now, or as it was a moment ago: who asks often costs no more."""
    with _lock:
        if time.monotonic() - _seen.at > FRESH_S:
            running = {name: _looking(name) for name in CHECKS}
            deadline = time.monotonic() + PATIENCE_S
            _seen.parts = [Part(name, CHECKS[name][1], _result(each, deadline)) for name, each in running.items()]
            _seen.at = time.monotonic()
        return _seen.parts


def _looking(name: str) -> "Future[str]":
    """A part that still does not answer is not asked another time."""
    if name not in _seen.looking or _seen.looking[name].done():
        _seen.looking[name] = _pool.submit(_look, CHECKS[name][0])
    return _seen.looking[name]


def _result(looking: "Future[str]", deadline: float) -> str:
    try:
        return looking.result(max(0.0, deadline - time.monotonic()))
    except NoAnswer:
        return f"No answer within {PATIENCE_S:.0f} s"


def _look(check: Callable[[], None]) -> str:
    """What is wrong; empty where nothing is."""
    try:
        check()
    except Ailing as error:
        return error.message
    except Exception as error:  # noqa: BLE001 whatever a part does, it is told of it
        return described(error)
    finally:
        connection.close()
    return ""


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")
        cursor.execute("SELECT pg_is_in_recovery()")
        if cursor.fetchone()[0]:
            raise Ailing("It is a standby, which takes no writes")


def _roles() -> None:
    """The login must be no superuser, and may become the center."""
    with as_center(), connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = session_user")
        if cursor.fetchone()[0]:
            raise Ailing("The login may pass by row-level security: name medvault_facility in DATABASE_URL")


def _migrations() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    if pending := _migrations_of_the_code() - applied:
        raise Ailing(f"{len(pending)} are pending: run manage.py bootstrap")


@cache
def _migrations_of_the_code() -> set[tuple[str, str]]:
    return set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _redis() -> None:
    for url in {settings.CELERY_BROKER_URL, settings.CACHES["default"]["LOCATION"]}:
        with redis_client(url) as client:
            client.ping()


def redis_client(url: str) -> redis.Redis:
    """A client of the broker or the cache, which waits for a second at most."""
    parts = urlsplit(url)
    address = f"unix://{parts.path}" if parts.scheme == "redis+socket" else url
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(address, socket_timeout=1, socket_connect_timeout=1, retry=once)


def _place(alias: str) -> Callable[[], None]:
    def check() -> None:
        where: Any = storages[alias]
        if isinstance(where, FileSystemStorage):
            _require_writable(str(where.location))
        else:
            patience = Config(connect_timeout=1, read_timeout=1, retries={"max_attempts": 0})
            session = where._create_session()  # noqa: SLF001 the only way to its credentials
            address = {"endpoint_url": where.endpoint_url, "region_name": where.region_name}
            client = session.client("s3", config=patience, **address)
            client.head_bucket(Bucket=where.bucket_name)

    return check


def _spool() -> None:
    _require_writable(str(spool_folder()))


def free_bytes() -> Iterator[tuple[str, int]]:
    """What is free in the spool, and in those places of the vault that are folders."""
    folders = {"spool": str(spool_folder())}
    for alias in ("primary", "replica"):
        where: Any = storages[alias]
        if isinstance(where, FileSystemStorage):
            folders[alias] = str(where.location)
    for name, folder in folders.items():
        yield name, shutil.disk_usage(_existing(folder)).free


def _existing(folder: str) -> str:
    """`folder`, or the one in which it will be made."""
    while not os.path.isdir(folder):  # noqa: PTH112
        folder = os.path.dirname(folder)  # noqa: PTH120
    return folder


def _require_writable(folder: str) -> None:
    folder = _existing(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Ailing("It cannot be written")
    free = shutil.disk_usage(folder).free
    if free < RESERVE * 2:
        raise Ailing(f"{free // 2**20} MiB are free; below {RESERVE // 2**20} nothing is received")


def _workers() -> None:
    silent = [name for name in QUEUES if _is_silent(f"queue:{name}")]
    if silent:
        raise Ailing(f"No worker of {', '.join(silent)} was heard from in {SILENT_AFTER_S} s")


def _beat() -> None:
    if _is_silent("beat"):
        raise Ailing(f"It was not heard from in {SILENT_AFTER_S} s")


def _is_silent(name: str) -> bool:
    since = seconds_since(name)
    return since is None or since > SILENT_AFTER_S


def _clock() -> None:
    apart = abs(database_now() - timezone.now())
    if apart > MOST_APART:
        raise Ailing(f"It differs from the database's by {int(apart.total_seconds())} s; nothing is deleted meanwhile")


def _outward() -> None:
    if since := held_since():
        raise Ailing(f"Mails, charges and deletions are held since the restore of {since}: manage.py resume")


CHECKS: dict[str, tuple[Callable[[], None], bool]] = {
    "database": (_database, True),
    "roles": (_roles, True),
    "migrations": (_migrations, True),
    "redis": (_redis, False),
    "primary": (_place("primary"), True),
    "replica": (_place("replica"), False),
    "spool": (_spool, True),
    "worker": (_workers, False),
    "beat": (_beat, False),
    "clock": (_clock, False),
    "outward": (_outward, False),
}


@dataclass(slots=True)
class _Seen:
    parts: list[Part] = field(default_factory=list)
    looking: "dict[str, Future[str]]" = field(default_factory=dict)
    at: float = -FRESH_S - 1


_seen, _lock = _Seen(), Lock()
_pool = ThreadPoolExecutor(max_workers=len(CHECKS), thread_name_prefix="part")
