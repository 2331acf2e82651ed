"""A database of its own for a benchmark, migrated and empty."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.environment import HOME


@contextmanager
def started() -> Iterator[psycopg.Connection]:
    """A connection that no rule binds. Apps are loaded and their database is there meanwhile."""
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
        shutil.rmtree(HOME, ignore_errors=True)
