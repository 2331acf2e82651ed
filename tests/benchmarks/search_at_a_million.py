"""Searching one facility of a million instances, beside a second one, through `search_studies` as the facility."""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console
from rich.table import Table

from tests.benchmarks import database

if TYPE_CHECKING:
    from apps.catalog.search import StudyCriteria

STUDIES, PATIENTS, INSTANCES_EACH = 20_000, 12_000, 50
NOISE = 20_000
QUERIES, WARM_UP, PLANS = 300, 20, 5
LATER_PAGE, PAGE = 200, 50
TARGET_MS = 20
FIRST_DAY, DAYS = date(2016, 1, 1), 3_650
FAMILIES = [
    *("Sato=佐藤=さとう", "Suzuki=鈴木=すずき", "Takahashi=高橋=たかはし", "Tanaka=田中=たなか", "Ito=伊藤=いとう"),
    *("Watanabe=渡辺=わたなべ", "Yamamoto=山本=やまもと", "Nakamura=中村=なかむら", "Kobayashi=小林=こばやし"),
    *("Kato=加藤=かとう", "Yoshida=吉田=よしだ", "Yamada=山田=やまだ", "Sasaki=佐々木=ささき", "Hoshino=星野=ほしの"),
    *("Müller", "Schmidt", "Schneider", "Fischer", "Weber", "Wagner", "Becker", "Schäfer", "Koch", "Leutheusser"),
]
GIVEN = [
    *("Haruto=陽翔=はると", "Yuto=悠斗=ゆうと", "Hina=陽菜=ひな", "Sakura=桜=さくら", "Ken=健=けん", "Aoi=葵=あおい"),
    *("Anna Maria", "Jörg", "Käthe", "Wolfgang", "Ursula", "Heinz", "Sabine", "Uwe"),
]
MODALITIES = ["CT", "MR", "CR", "DX", "US", "MG", "XA", "PT"]
WEIGHTS = [30, 25, 20, 12, 8, 3, 1.5, 0.5]
console = Console(width=120)
Kind = Callable[[random.Random], "tuple[StudyCriteria, int]"]


def main() -> None:
    with database.started() as superuser:
        started = time.perf_counter()
        facility_id = fill(superuser)
        console.print(f"{STUDIES * INSTANCES_EACH:,} instances filed in {time.perf_counter() - started:,.0f} s")
        measure(facility_id)


def fill(superuser: psycopg.Connection) -> int:
    """Rows alone, made by the server: the measured facility, and a second one as large."""
    superuser.execute("SET session_replication_role = replica")  # no foreign keys are checked
    facilities = {
        "bench": database.new_facility("bench", "JP", "Asia/Tokyo"),
        "noise": database.new_facility("noise", "DE", "Europe/Berlin"),
    }
    for slug, studies in (("noise", NOISE), ("bench", STUDIES)):
        fill_facility(superuser, facilities[slug], studies=studies, each=INSTANCES_EACH)
    superuser.execute("VACUUM ANALYZE")
    return facilities["bench"]


def fill_facility(superuser: psycopg.Connection, facility_id: int, *, studies: int, each: int) -> None:
    """Patients and so many studies with `each` instances in two series."""
    _fill_patients(superuser, facility_id, studies * PATIENTS // STUDIES)
    for statement in _FILL:
        superuser.execute(statement, {"facility": facility_id, "studies": studies, "each": each,
                          "first": FIRST_DAY, "days": DAYS, "modalities": _modalities()})  # fmt: skip


def _fill_patients(superuser: psycopg.Connection, facility_id: int, count: int) -> None:
    from apps.catalog.names import folded_name, name_parts

    draw = random.Random(facility_id)
    first = superuser.execute("SELECT coalesce(max(id), 0) + 1 FROM catalog_patient").fetchone()
    assert first
    parts = []
    with superuser.cursor() as cursor:
        with cursor.copy(_COPY_PATIENTS) as copy:
            for number in range(count):
                name = _name(draw, number)
                folded = folded_name(name)
                key = first[0] + number
                birth = date(1930, 1, 1) + timedelta(days=draw.randrange(33_000))
                copy.write_row((key, facility_id, _patient_id(number), "", name.alphabetic, name.ideographic,
                                name.phonetic, folded, birth, draw.choice("FM"), "{}", FIRST_DAY))  # fmt: skip
                parts += [(facility_id, key, part) for part in name_parts(folded)]
        with cursor.copy("COPY catalog_namepart (facility_id, patient_id, part) FROM STDIN") as copy:
            for row in parts:
                copy.write_row(row)
        cursor.execute("SELECT setval('catalog_patient_id_seq', (SELECT max(id) FROM catalog_patient))")


def _name(draw: random.Random, number: int) -> Any:
    """Two names of lists, and in every third a family name that few have."""
    from apps.catalog.text import PersonName

    family, given = draw.choice(FAMILIES).split("="), draw.choice(GIVEN).split("=")
    if number % 3 == 0:
        family = ["".join(draw.choice("aeiou") + draw.choice("bdgklmnrst") for _ in range(4)).title()]
    groups = [f"{family[at]}^{given[at]}" if at < min(len(family), len(given)) else "" for at in range(3)]
    return PersonName(*groups)


def _patient_id(number: int) -> str:
    return f"BEN-{number:06}"


def _modalities() -> list[str]:
    return random.Random(1).choices(MODALITIES, WEIGHTS, k=997)


_COPY_PATIENTS = b"""COPY catalog_patient (id, facility_id, patient_id, issuer_of_patient_id, name_alphabetic,
    name_ideographic, name_phonetic, folded_name, birth_date, sex, other_patient_ids, created_at) FROM STDIN"""
_FILL = [
    b"""INSERT INTO vault_pack (facility_id, name, kind, size_bytes, sha256, file_count, created_at)
    VALUES (%(facility)s, 'bench.zip', 'study', 1, '\\x00', 1, now())""",
    b"""INSERT INTO catalog_study (facility_id, patient_id, study_instance_uid, study_date, study_time,
        accession_number, study_id, study_description, referring_physician_name, institution_name,
        modalities_in_study, body_parts, purposes, recorded_periods, series_count, instance_count, size_bytes,
        created_at, updated_at)
    SELECT %(facility)s, p.first + (n * 7919) %% p.count, '2.25.' || %(facility)s || '.' || n,
        nullif(%(first)s::date + (n * 104729::bigint %% %(days)s)::int, %(first)s::date + 1000), '10:00',
        'A' || lpad(n::text, 7, '0'), 'S' || n, 'Routine ' || n %% 40, 'Doc' || n %% 30 || '^A', 'Bench', '{}', '{}',
        '{}', '{}', 2, %(each)s, 25000000,
        %(first)s::timestamptz + (n * 104729::bigint %% %(days)s)::int * interval '1 day', now()
    FROM generate_series(0, %(studies)s - 1) n,
        (SELECT min(id) AS first, count(*) FROM catalog_patient WHERE facility_id = %(facility)s) p""",
    b"""INSERT INTO catalog_series (facility_id, study_id, series_instance_uid, modality, series_number,
        series_description, body_part_examined, laterality, protocol_name, manufacturer, manufacturer_model_name,
        station_name, performing_physician_name, operators_name, instance_count)
    SELECT facility_id, id, study_instance_uid || '.' || s, (%(modalities)s::text[])[1 + id %% 997], s, 'Axial',
        'CHEST', '', 'Protocol ' || id %% 20, 'Acme', 'One', 'ROOM' || id %% 9, '', '', %(each)s / 2
    FROM catalog_study, generate_series(1, 2) s WHERE facility_id = %(facility)s ORDER BY id""",
    b"""UPDATE catalog_study SET modalities_in_study = ARRAY[(%(modalities)s::text[])[1 + id %% 997]]
    WHERE facility_id = %(facility)s""",
    b"""INSERT INTO catalog_instance (facility_id, series_id, pack_id, pack_offset, length_bytes, sha256,
        sop_instance_uid, sop_class_uid, transfer_syntax_uid, instance_number, image_type, rows, columns,
        bits_allocated, photometric_interpretation, has_pixel_data, document_title, warnings)
    SELECT s.facility_id, s.id, (SELECT max(id) FROM vault_pack), i * 500000, 500000, sha256((s.id || '.' || i)::bytea),
        s.series_instance_uid || '.' || i, '1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.1.2.1',
        i + CASE WHEN s.id %% 500 = 0 THEN 1000 ELSE 0 END, '{}', 512, 512, 16, 'MONOCHROME2', true, '', '{}'
    FROM catalog_series s, generate_series(1, %(each)s / 2) i WHERE s.facility_id = %(facility)s ORDER BY s.id""",
]


def kinds() -> dict[str, Kind]:
    """A random query of each kind: criteria, and the number of the page."""
    from apps.catalog.search import StudyCriteria as Ask

    def day(draw: random.Random) -> date:
        return FIRST_DAY + timedelta(days=draw.randrange(DAYS))

    def family(draw: random.Random) -> str:
        return draw.choice(draw.choice(FAMILIES).split("="))

    def days(draw: random.Random) -> Ask:
        begin = day(draw)
        return Ask(study_date_from=begin, study_date_to=begin + timedelta(days=draw.choice([0, 6, 30, 365])))

    def received(draw: random.Random) -> Ask:
        begin = day(draw)
        return Ask(received_from=begin, received_to=begin + timedelta(days=draw.choice([0, 6, 30, 365])))

    return {
        "first page": lambda draw: (Ask(), 1),
        f"page {LATER_PAGE}": lambda draw: (Ask(), LATER_PAGE),
        "name, common prefix": lambda draw: (Ask(patient_name=f"{family(draw)}*"), 1),
        "name, rare prefix": lambda draw: (Ask(patient_name=f"{_rare(draw)[:5]}*"), 1),
        "name, in the middle": lambda draw: (Ask(patient_name=f"*{family(draw)[1:4]}*"), 1),
        "name, family and given": lambda draw: (Ask(patient_name=f"{family(draw)[:2]}*^*a*"), 1),
        "name, one letter": lambda draw: (Ask(patient_name=f"{draw.choice('abehksuwy')}*"), 1),
        "patient ID": lambda draw: (Ask(patient_id=_patient_id(draw.randrange(PATIENTS))), 1),
        "patient ID, prefix": lambda draw: (Ask(patient_id=f"BEN-{draw.randrange(120):04}*"), 1),
        "accession number": lambda draw: (Ask(accession_number=f"A{draw.randrange(STUDIES):07}"), 1),
        "date range": lambda draw: (days(draw), 1),
        "received": lambda draw: (received(draw), 1),
        "modality": lambda draw: (Ask(modalities=(draw.choice(MODALITIES),)), 1),
        "image number": lambda draw: (Ask(image_number=draw.choice([1, 7, 25, 1003, 99999])), 1),
        "text: name": lambda draw: (Ask(text=family(draw)), 1),
        "text: patient ID": lambda draw: (Ask(text=_patient_id(draw.randrange(PATIENTS))), 1),
        "text: accession number": lambda draw: (Ask(text=f"A{draw.randrange(STUDIES):07}"), 1),
        "name, modality and dates": lambda draw: (
            Ask(patient_name=f"{family(draw)}*", modalities=("CT", "MR"), study_date_from=day(draw)), 1,
        ),
        "description": lambda draw: (Ask(study_description=f"*{draw.randrange(40)}"), 1),
        "description of none": lambda draw: (Ask(study_description=f"none {draw.random()}"), 1),
        "station": lambda draw: (Ask(station_name=f"room{draw.randrange(9)}"), 1),
    }  # fmt: skip


def _rare(draw: random.Random) -> str:
    return "".join(draw.choice("aeiou") + draw.choice("bdgklmnrst") for _ in range(4)).title()


def measure(facility_id: int) -> None:
    table = Table("Query", "found", "p50 ms", "p95 ms", f"target {TARGET_MS} ms", "sequential scans", title="Search")
    plans = {}
    for name, kind in kinds().items():
        draw = random.Random(name)
        found, figures = [], []
        for number in range(QUERIES + WARM_UP):
            criteria, page = kind(draw)
            count, spent = _ask(facility_id, criteria, page)
            if number >= WARM_UP:
                found.append(count)
                figures.append(spent)
        plans[name] = "\n\n".join(_plan(facility_id, *kind(draw)) for _ in range(PLANS))
        figures.sort()
        p95 = figures[int(len(figures) * 0.95)]
        scans = sorted(set(re.findall(r"Seq Scan on (\w+)", plans[name])))
        table.add_row(name, f"{sum(found) / len(found):.1f}", f"{figures[len(figures) // 2]:.1f}", f"{p95:.1f}",
                      "met" if p95 < TARGET_MS else "MISSED", ", ".join(scans) or "none")  # fmt: skip
    for name, text in plans.items():
        print(f"\n{name}\n{text}")
    console.print(table)


def _ask(facility_id: int, criteria: "StudyCriteria", page: int) -> tuple[int, float]:
    """How many a page holds, and how long that took as the facility; the pages before it are not counted."""
    from apps.catalog.search import search_studies
    from apps.facilities.tenancy import as_facility

    with as_facility(facility_id):
        after = _cursor_of(facility_id, page) if page > 1 else ""
        started = time.perf_counter()
        found = search_studies(facility_id, criteria, after=after, limit=PAGE)
        return len(found.studies), 1000 * (time.perf_counter() - started)


def _cursor_of(facility_id: int, page: int) -> str:
    """The end of the page before."""
    from apps.catalog.cursor import write_cursor
    from apps.catalog.search import StudyCriteria, matching_studies

    studies = matching_studies(facility_id, StudyCriteria())
    return write_cursor(studies[(page - 1) * PAGE - 1].pk)


def _plan(facility_id: int, criteria: "StudyCriteria", page: int) -> str:
    from django.db import connection

    from apps.facilities.tenancy import as_facility

    with as_facility(facility_id), connected_log() as statements, connection.cursor() as cursor:
        _ask(facility_id, criteria, page)  # in this transaction, in which it is planned
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {statements[-1]}")
        return "\n".join(line for (line,) in cursor.fetchall())


@contextmanager
def connected_log() -> Iterator[list[str]]:
    """The text of every SELECT, parameters in place, that runs meanwhile."""
    from django.db import connection

    found: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        answer = execute(sql, params, many, context)
        if sql.startswith("SELECT") and "set_config" not in sql:
            found.append(str(connection.ops.last_executed_query(context["cursor"], sql, params)))
        return answer

    with connection.execute_wrapper(note):
        yield found


if __name__ == "__main__":
    main()
