"""Assessing: the floors of studies are computed and written down. What was kept stays kept."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from apps.catalog.models import Patient
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.facts import PatientFacts, StudyFacts, believed_exam
from apps.retention.floors import Assessment, Floor, assess
from apps.retention.law import Law, law_of, rules_in_force
from apps.retention.models import Unassessed
from apps.vault.object_lock import any_lock

AT_ONCE = 1000  # studies that one transaction looks at, and others of their patients
MAMMOGRAPHY = "MG"


@dataclass(slots=True)
class Known:
    """What is on record of one patient."""

    birth_date: date | None
    studies: list[tuple[int, StudyFacts]] = field(default_factory=list)
    events: dict[str, tuple[date, ...]] = field(default_factory=dict)

    @property
    def facts(self) -> PatientFacts:
        exams = [study.exam_on for _, study in self.studies]
        mammograms = [study.exam_on for _, study in self.studies if MAMMOGRAPHY in study.modalities]
        return PatientFacts(self.birth_date, max(exams, default=None), max(mammograms, default=None), self.events)


def assess_pending() -> int:
    """Assess every study that is to be; returns how many. Any number of workers may run this."""
    done = 0
    while found := _assess_some():
        done += found
    return done


def _assess_some() -> int:
    with as_center():
        # Another worker takes the next ones; those whose patient it holds wait for the call after this.
        queue = Unassessed.objects.order_by("pk").select_for_update(of=("self",), skip_locked=True)
        by_facility = defaultdict[int, set[int]](set)
        for facility_id, patient_id in queue.values_list("facility_id", "study__patient_id")[:AT_ONCE]:
            by_facility[facility_id].add(patient_id)
        return sum(assess_patients(facility_id, patients) for facility_id, patients in sorted(by_facility.items()))


def assess_patients(facility_id: int, patient_ids: Iterable[int], *, wait: bool = False) -> int:
    """Assess all studies of these patients, within the caller's transaction; returns how many.

    Patients that another process holds are passed over, unless `wait`.
    """
    held = (
        Patient.objects.filter(facility_id=facility_id, pk__in=list(patient_ids))
        .order_by("pk")
        .select_for_update(no_key=True, skip_locked=not wait)
    )
    facility = Facility.objects.get(pk=facility_id)
    known = {pk: Known(birth_date) for pk, birth_date in held.values_list("pk", "birth_date")}
    law, now = law_of(facility, rules_in_force()), database_now()
    read_known(facility, known, hold=True)
    extensions = extensions_of(facility_id, known)
    assessed = [
        (key, assess_study(study, each.facts, law, extensions.get(key, ())))
        for each in known.values()
        for key, study in each.studies
    ]
    _write(facility_id, assessed, now)
    return len(assessed)


def assess_study(study: StudyFacts, patient: PatientFacts, law: Law, extensions: Iterable[date]) -> Assessment:
    """The floors of one study under the law of its facility."""
    return assess(study, patient, law.facility, law.rules, extensions, has_law_of_subdivisions=law.has_subdivisions)


def read_known(facility: Facility, known: dict[int, Known], *, hold: bool = False) -> None:
    """Add studies and care events to the patients with these keys.

    `hold`: the studies are held until the transaction ends: what is being filed into one is waited for, and seen.
    """
    given: list[Any] = [facility.pk, list(known)]
    with connection.cursor() as cursor:
        cursor.execute(_HELD_STUDIES if hold else _STUDIES, [facility.time_zone, *given])
        for key, patient_id, study_date, received_on, modalities, body_parts, purposes, until, periods in cursor:
            patient = known[patient_id]
            exam_on, is_believed = believed_exam(study_date, received_on, patient.birth_date)
            facts = StudyFacts(exam_on, received_on, is_believed, frozenset(modalities), frozenset(body_parts),
                               frozenset(purposes), until, frozenset(periods))  # fmt: skip
            patient.studies.append((key, facts))
        cursor.execute(_EVENTS, given)
        for patient_id, kind, happened_on in cursor:
            told = known[patient_id].events
            told[kind] = (*told.get(kind, ()), happened_on)


def extensions_of(facility_id: int, known: dict[int, Known]) -> dict[int, tuple[date, ...]]:
    """Until when the facility extended studies of these patients, by the study's key."""
    studies = [key for each in known.values() for key, _ in each.studies]
    found: dict[int, tuple[date, ...]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_EXTENSIONS, [facility_id, studies])
        for study_id, until in cursor:
            found[study_id] = (*found.get(study_id, ()), until)
    return found


def _write(facility_id: int, assessed: Sequence[tuple[int, Assessment]], now: datetime) -> None:
    """Rows that say something new are written; a date only moves on."""
    rows = ",".join(_encoded(key, each) for key, each in assessed)
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, [facility_id, now, f"[{rows}]"])
        changed = [key for (key,) in cursor]
        if any_lock():
            cursor.execute(_TO_BE_LOCKED, [facility_id, changed])
        cursor.execute(_DONE, [facility_id, [key for key, _ in assessed]])


def _encoded(key: int, found: Assessment) -> str:
    until = f'"{found.certain_until}"' if found.certain_until else "null"
    floors = ",".join(map(_floor_encoded, found.floors))
    return f'{{"study_id":{key},"computed_until":{until},"missing":{json.dumps(found.missing)},"floors":[{floors}]}}'


@lru_cache(maxsize=20_000)
def _floor_encoded(floor: Floor) -> str:
    """Many studies have a floor in common: the same rule, from the same day."""
    return json.dumps(floor.as_json(), ensure_ascii=False)


_STUDIES = """
    SELECT id, patient_id, study_date, (created_at AT TIME ZONE %s)::date, modalities_in_study, body_parts, purposes,
        recorded_until, recorded_periods
    FROM catalog_study WHERE facility_id = %s AND patient_id = ANY(%s) ORDER BY id
"""
_HELD_STUDIES = f"{_STUDIES} FOR NO KEY UPDATE"
_EVENTS = """
    SELECT patient_id, kind, happened_on FROM retention_careevent
    WHERE facility_id = %s AND patient_id = ANY(%s) ORDER BY happened_on
"""
_EXTENSIONS = "SELECT study_id, until FROM retention_extension WHERE facility_id = %s AND study_id = ANY(%s)"
_UPSERT = """
    INSERT INTO retention_retention AS known
        (facility_id, study_id, certain_until, computed_until, missing, floors, assessed_at)
    SELECT %s, study_id, computed_until, computed_until, missing, floors, %s
    FROM json_to_recordset(%s::json)
        AS new (study_id bigint, computed_until date, missing varchar[], floors jsonb)
    ON CONFLICT (facility_id, study_id) DO UPDATE SET
        certain_until = GREATEST(known.certain_until, excluded.certain_until),
        computed_until = excluded.computed_until, missing = excluded.missing, floors = excluded.floors,
        assessed_at = excluded.assessed_at
    WHERE (known.computed_until, known.missing, known.floors)
        IS DISTINCT FROM (excluded.computed_until, excluded.missing, excluded.floors)
    RETURNING study_id
"""
_TO_BE_LOCKED = """
    UPDATE vault_pack SET locked_until = NULL FROM catalog_instance i
        JOIN catalog_series s ON s.facility_id = i.facility_id AND s.id = i.series_id
    WHERE i.facility_id = %s AND s.study_id = ANY(%s) AND i.pack_id = vault_pack.id
        AND i.facility_id = vault_pack.facility_id AND vault_pack.locked_until IS NOT NULL
"""
_DONE = "DELETE FROM retention_unassessed WHERE facility_id = %s AND study_id = ANY(%s)"
