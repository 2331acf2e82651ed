"""A database of its own for a benchmark, migrated and empty."""

import atexit
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.environment import HOME

atexit.register(shutil.rmtree, HOME, ignore_errors=True)


def new_facility(slug: str, country: str, time_zone: str) -> int:
    """The key of a facility that is made for a benchmark."""
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center

    with as_center():
        return Facility.objects.create(slug=slug, name=slug.title(), country=country, time_zone=time_zone).pk


@contextmanager
def started() -> Iterator[psycopg.Connection]:
    """A connection that no rule binds. Apps are loaded and their database is there meanwhile. May be started again."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    import django
    from django.conf import settings
    from django.db import connections

    django.setup()
    from medvault.bootstrap import bootstrap_roles, migrate
    from medvault.embedded.services import embedded_postgresql

    postgresql = embedded_postgresql(settings.ENV)
    try:
        postgresql.start()
        bootstrap_roles(settings.ENV)
        migrate(verbosity=0)
        conninfo = postgresql.admin_conninfo(settings.DATABASES["default"]["NAME"])
        with psycopg.connect(conninfo, autocommit=True) as superuser:
            yield superuser
    finally:
        connections.close_all()
        postgresql.stop()
        for folder in filter(Path.is_dir, HOME.iterdir()):  # the settings remember the secrets: the next one needs them
            shutil.rmtree(folder, ignore_errors=True)
