"""Pages of a clinic with 100,000 studies, and the workplace's: how often each asks the database, how long it takes.

Every page is made in this process: what is measured is the page and not the network. Rows alone, made by the server:
pictures have no bytes and are left out.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from rich.console import Console
from rich.table import Table

from tests.benchmarks import database
from tests.benchmarks.search_at_a_million import fill_facility

STUDIES, INSTANCES_EACH, COLLECTIONS, ROUNDS = 100_000, 4, 2_000, 5
console = Console(width=120)
_FILL = [
    b"""INSERT INTO collection_collection (facility_id, uid, method, state, opened_at, received_at, stored_at,
        stored_count, duplicate_count, conflict_count, quarantined_count, skipped_count, size_bytes)
    SELECT %(facility)s, gen_random_uuid(), 'media', 'stored', at, at, at, 50, 0, 0, 0, 0, 25000000
    FROM (SELECT now() - n * interval '1 hour' AS at FROM generate_series(1, %(collections)s) n) as times""",
    b"""INSERT INTO collection_receptionrecord
        (facility_id, collection_id, received_at, method, operator, medium_serial)
    SELECT facility_id, id, received_at, 'media', 'K. Endo', 'CD-' || id FROM collection_collection""",
    b"""INSERT INTO retention_retention (facility_id, study_id, certain_until, floors, missing, assessed_at)
    SELECT facility_id, id, current_date + (id %% 3650)::int, '[]', '{}', now()
    FROM catalog_study WHERE facility_id = %(facility)s""",
]


def main() -> None:
    with database.started() as superuser, _redis():
        logging.disable()
        started = time.perf_counter()
        fill(superuser)
        console.print(f"{STUDIES:,} studies filed in {time.perf_counter() - started:,.0f} s")
        measure()


@contextmanager
def _redis() -> Iterator[None]:
    from django.conf import settings

    from medvault.embedded.redis import EmbeddedRedis

    redis = EmbeddedRedis(settings.ENV.medvault_home)
    redis.start()
    try:
        yield
    finally:
        redis.stop()


def fill(superuser: psycopg.Connection) -> None:
    superuser.execute("SET session_replication_role = replica")
    facility_id = database.new_facility("bench", "JP", "Asia/Tokyo")
    fill_facility(superuser, facility_id, studies=STUDIES, each=INSTANCES_EACH)
    for statement in _FILL:
        superuser.execute(statement, {"facility": facility_id, "collections": COLLECTIONS})
    superuser.execute("VACUUM ANALYZE")


def measure() -> None:
    from django.conf import settings
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext
    from django.urls import reverse

    from apps.accounts.models import User
    from apps.facilities.models import Facility, Membership, Role
    from apps.facilities.tenancy import as_center
    from tests.crawling import crawl

    settings.STAFF_SECOND_FACTOR = False
    settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    user = User.objects.create_superuser("bench@example.org", "x")
    with as_center():
        Membership.objects.create(facility=Facility.objects.get(), user=user, role=Role.OWNER)
    client = Client(HTTP_HOST="localhost", raise_request_exception=False)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    table = Table("Page", "queries", "ms in the database", "ms", title=f"Pages with {STUDIES:,} studies")
    for view, address, answer in crawl(client, "/f/bench/", reverse("admin:index"), most_of_a_kind=1):
        if answer.status_code != 200 or not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        figures = []
        for _ in range(ROUNDS):
            with CaptureQueriesContext(connection) as asked:
                started = time.perf_counter()
                client.get(address)
                spent = (time.perf_counter() - started) * 1000
            figures.append((spent, sum(float(each["time"]) for each in asked) * 1000, len(asked)))
        spent, in_database, queries = sorted(figures)[ROUNDS // 2]
        table.add_row(view, f"{queries}", f"{in_database:.1f}", f"{spent:.1f}")
    console.print(table)
