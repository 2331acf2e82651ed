"""Storage periods at scale: assessing after a change of the law, and a sweep whose cost follows what is due."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from tests.benchmarks.images import Slices

SIZES = [100_000, 1_000_000]
LARGE = 5_000_000
DUE = 1_000
CHANGES = ((1, "P11Y"), (2, "P12Y"))
"""So many workers assess after the law has changed to such a period."""
console = Console(width=110)

_PATIENTS = """
    INSERT INTO catalog_patient (facility_id, patient_id, issuer_of_patient_id, name_alphabetic, name_ideographic,
        name_phonetic, folded_name, birth_date, sex, other_patient_ids, created_at)
    SELECT %(facility)s, 'P' || n, '', '', '', '', '', date '1930-01-01' + n %% 33000, '', '{}', now()
    FROM generate_series(%(first)s, %(last)s) n WHERE n %% 2 = 0
"""
_STUDIES = """
    INSERT INTO catalog_study (facility_id, patient_id, study_instance_uid, study_date, accession_number, study_id,
        study_description, referring_physician_name, institution_name, modalities_in_study, body_parts, series_count,
        instance_count, size_bytes, created_at, updated_at, purposes, recorded_periods)
    SELECT %(facility)s, %(patients)s + (n - %(first)s) / 2, '2.25.' || n, date '2018-01-01' + n %% 2900, '', '', '',
        '', '', '{CT}', '{}', 0, 0, 0, now(), now(), '{}', '{}'
    FROM generate_series(%(first)s, %(last)s) n
"""


def main(*, large: bool) -> None:
    from tests.benchmarks import database  # a worker has the home of the process that started it

    with database.started() as superuser:
        console.print(_beside_ingest(_facility(superuser)))
    with database.started() as superuser:
        console.print(_measured(superuser, [*SIZES, *([LARGE] if large else [])]))


def _beside_ingest(facility_id: int) -> Table:
    """What the floors cost beside receiving the images, in one process after the other."""
    from apps.facilities.models import Facility
    from apps.facilities.tenancy import as_center
    from apps.retention.assessing import assess_pending
    from tests.portal.pages import store

    with as_center():
        facility = Facility.objects.get(pk=facility_id)
    table = Table("Images of 512x512 in a study", "received", "floors assigned", "added", title="Floors beside ingest")
    for per_study in (1, 10, 100):
        slices = Slices(512, per_study)
        started = time.perf_counter()
        for _ in range(1000 // 100):
            store(facility, *slices.take(100))
        received = time.perf_counter() - started
        started = time.perf_counter()
        assess_pending()
        assessed = time.perf_counter() - started
        speed = f"{1000 / per_study / assessed:,.0f} studies/s"
        table.add_row(f"{per_study}", f"{1000 / received:,.0f} images/s", speed, f"{assessed / received:.1%}")
    return table


def _measured(superuser: psycopg.Connection, sizes: list[int]) -> Table:
    table = Table(
        "Studies stored", "assessed, the first time", "after a change of the law", "by two workers",
        f"sweep, {DUE:,} due", "sweep, nothing due", title="Storage periods",
    )  # fmt: skip
    facility_id, stored = _facility(superuser), 0
    for size in sizes:
        _fill(superuser, facility_id, stored + 1, size)
        speeds = [_assessed_per_second(1, size - stored)]
        stored = size
        for workers, period in CHANGES if size < LARGE else ():
            _change_the_law(superuser, period)
            speeds.append(_assessed_per_second(workers, size))
        superuser.execute("VACUUM ANALYZE")
        _make_due(superuser, facility_id)
        due, nothing = _swept(), _swept()
        table.add_row(f"{size:,}", *(f"{speed:,.0f}/s" for speed in speeds), *[""] * (1 + len(CHANGES) - len(speeds)),
                      f"{due:.2f} s", f"{nothing:.3f} s")  # fmt: skip
    return table


def _facility(superuser: psycopg.Connection) -> int:
    row = superuser.execute(
        "INSERT INTO facilities_facility (slug, name, kind, country, subdivision, address, receipts_to, time_zone,"
        " language, created_at)"
        " VALUES ('bench', 'Bench', 'hospital', 'DE', '', '', '', 'Europe/Berlin', 'en', now()) RETURNING id"
    ).fetchone()
    assert row
    superuser.execute("UPDATE retention_rule SET enabled_at = now() WHERE key = 'de-diag'")
    return int(row[0])


def _fill(superuser: psycopg.Connection, facility_id: int, first: int, last: int) -> None:
    """Rows alone: two studies a patient."""
    given: dict[str, Any] = {"facility": facility_id, "first": first, "last": last}
    before = superuser.execute("SELECT coalesce(max(id), 0) + 1 FROM catalog_patient").fetchone()
    assert before
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(_PATIENTS, given)
    superuser.execute(_STUDIES, given | {"patients": before[0]})
    superuser.execute("SET session_replication_role = origin")
    superuser.execute(
        "INSERT INTO retention_unassessed (facility_id, study_id) SELECT facility_id, id FROM catalog_study"
        " WHERE id > %s - %s",
        [last, last - first + 1],
    )
    superuser.execute("ANALYZE")


def _change_the_law(superuser: psycopg.Connection, period: str) -> None:
    """Every floor becomes another one, and every study is to be assessed."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("UPDATE retention_rule SET period = %s WHERE key = 'de-diag'", [period])
    superuser.execute("SET session_replication_role = origin")
    superuser.execute(
        "INSERT INTO retention_unassessed (facility_id, study_id) SELECT facility_id, id FROM catalog_study ORDER BY id"
    )
    superuser.execute("ANALYZE retention_unassessed")


def _assessed_per_second(workers: int, count: int) -> float:
    """Studies, read, computed and written, by processes that begin at the same time."""
    command = [sys.executable, "-m", "tests.benchmarks.retention"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(workers)
    ]
    for each in processes:
        assert each.stdout
        each.stdout.readline()
    started = time.perf_counter()
    for each in processes:
        assert each.stdin
        each.stdin.write("\n")
        each.stdin.flush()
    done = sum(int(each.communicate()[0]) for each in processes)
    assert done == count, (done, count)
    return count / (time.perf_counter() - started)


def work() -> None:
    """Be a worker: tell that the program is loaded, wait for the start, assess, tell how many."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "medvault.settings")
    import django

    django.setup()
    from apps.retention.assessing import assess_pending

    print("ready", flush=True)
    sys.stdin.readline()
    print(assess_pending())


def _make_due(superuser: psycopg.Connection, facility_id: int) -> None:
    """As if the periods of so many studies had ended yesterday."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(
        "UPDATE retention_retention SET certain_until = %s WHERE id IN (SELECT id FROM retention_retention"
        " WHERE facility_id = %s AND kept_until > now() ORDER BY id LIMIT %s)",
        [datetime.now(UTC).date() - timedelta(days=3), facility_id, DUE],
    )
    superuser.execute("SET session_replication_role = origin")


def _swept() -> float:
    from apps.retention.sweep import sweep

    started = time.perf_counter()
    sweep(trusts_clock=True)
    return time.perf_counter() - started


if __name__ == "__main__":
    work()
