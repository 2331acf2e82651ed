"""Real PostgreSQL and Redis for the tests, and the people and facilities that most of them need."""

import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.utils import timezone, translation

from apps.accounts.models import User
from apps.audit.record import SYSTEM
from apps.facilities.models import Facility, Membership, Role, Scope
from apps.facilities.tenancy import as_center
from apps.facilities.tokens import issue_token
from apps.retention.presets import record_presets
from medvault.bootstrap import bootstrap_roles, migrate
from medvault.embedded.services import embedded_postgresql, embedded_services
from medvault.env import PROJECT
from medvault.processes import programs
from medvault.workplace import badges
from tests import prepared
from tests.environment import HOME, IS_PREPARED
from tests.ports import free_port
from tests.waiting import until_answered

hypothesis.settings.register_profile("medvault", deadline=None)  # a busy machine is slow, not wrong
hypothesis.settings.load_profile("medvault")
PASSWORD = "correct horse battery staple"
EMPTY_TABLES = b"""
    DO $$ DECLARE name text; BEGIN
        FOR name IN
            SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT IN
                ('django_migrations', 'django_content_type', 'auth_permission', 'auth_group', 'auth_group_permissions')
        LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
    END $$
"""


@pytest.fixture(scope="session")
def services() -> Iterator[None]:
    if IS_PREPARED:
        prepared.take_database(HOME)
    running = embedded_services(settings.ENV)
    for service in running:
        service.start()
    yield
    for service in running:
        service.stop()
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(services: None, django_db_blocker: Any) -> None:
    if IS_PREPARED:
        return
    with django_db_blocker.unblock():
        bootstrap_roles(settings.ENV)
        migrate(verbosity=0)
        connections.close_all()
    postgresql = embedded_postgresql(settings.ENV)
    postgresql.stop()
    prepared.keep(HOME)
    postgresql.start()


@pytest.fixture(autouse=True)
def quick_settings(settings: Any) -> None:
    """Cheap password hashes, static files without the manifest that collectstatic makes, and no OHIF."""
    settings.OHIF = HOME / "no-ohif"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": plain}


@pytest.fixture(autouse=True)
def own_language() -> Iterator[None]:
    """No test speaks the language of the page that the one before it read last."""
    yield
    translation.deactivate()
    timezone.deactivate()


def superuser_connection() -> psycopg.Connection:
    conninfo = embedded_postgresql(settings.ENV).admin_conninfo(settings.DATABASES["default"]["NAME"])
    return psycopg.connect(conninfo, autocommit=True)


@pytest.fixture
def superuser_sql(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A connection that no rule binds, for what tests prove."""
    with superuser_connection() as connection:
        yield connection


@pytest.fixture(scope="session")
def web(django_db_setup: None) -> Iterator[str]:
    """The web server as an installation runs it, on a port of its own."""
    port = free_port()
    web = programs(settings.ENV.model_copy(update={"port": port, "web_workers": 1}))[0]
    process = subprocess.Popen([Path(sys.executable).parent / web.arguments[0], *web.arguments[1:]], cwd=PROJECT)
    url = f"http://127.0.0.1:{port}"
    until_answered(process, lambda: urllib.request.urlopen(f"{url}/readyz", timeout=5).close(), urllib.error.URLError)
    yield url
    process.terminate()
    process.wait(30)


@pytest.fixture
def address(web: str, committed_db: None) -> str:
    """The web server's address. It outlives its tests; what they leave behind does not."""
    return web


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database that other processes see, emptied afterwards. `django_db` rolls back instead."""
    empty_folders()  # tests that roll back leave their packs behind
    with django_db_blocker.unblock():
        yield
    with django_db_blocker.unblock():
        empty_tables()
    empty_folders()


def empty_tables() -> None:
    """As after the first migration: nothing but presets. Most tables are empty, and emptying one costs more."""
    with superuser_connection() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(EMPTY_TABLES)
    record_presets(using="owner")


def empty_folders() -> None:
    for folder in ("vault", "spool", "uploads", "cache", "outputs"):
        shutil.rmtree(HOME / folder, ignore_errors=True)


@pytest.fixture
def sakura(request: pytest.FixtureRequest) -> Facility:
    return make_facility(request, "sakura", "Sakura Clinic", "JP")


@pytest.fixture
def lindenhof(request: pytest.FixtureRequest) -> Facility:
    return make_facility(request, "lindenhof", "Radiologie Lindenhof", "DE")


def make_facility(request: pytest.FixtureRequest, slug: str, name: str, country: str) -> Facility:
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
    with as_center():
        return Facility.objects.create(slug=slug, name=name, country=country)


@pytest.fixture
def no_badges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The workplace's menu shows no numbers: it counts them once a minute, whichever page is asked for then."""
    monkeypatch.setattr(badges, "_counts", dict)


@pytest.fixture
def person() -> Callable[..., User]:
    """Make a person with roles: person("a@example.org", sakura=Role.OWNER) takes facilities by slug."""

    def make(email: str, *, is_staff: bool = False, **roles: Role) -> User:
        user = User.objects.create_user(email, PASSWORD, is_staff=is_staff)
        with as_center():
            for slug, role in roles.items():
                Membership.objects.create(facility=Facility.objects.get(slug=slug), user=user, role=role)
        return user

    return make


@pytest.fixture
def signed_in(person: Callable[..., User]) -> Callable[..., Client]:
    """A signed-in browser: signed_in("a@example.org", sakura=Role.VIEWER)."""

    def make(email: str, **roles: Any) -> Client:
        client = Client()
        client.force_login(person(email, **roles), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return make


@pytest.fixture
def token_for() -> Callable[..., str]:
    """The secret of a new device token: token_for(sakura, Scope.STORE)."""

    def make(facility: Facility, *scopes: Scope) -> str:
        return issue_token(facility, label="test", scopes=scopes or list(Scope), actor=SYSTEM)[1]

    return make
