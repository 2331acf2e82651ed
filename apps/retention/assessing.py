"""Assessing: the floors of studies are computed and written down. What was kept stays kept."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import connection

from apps.catalog.models import Patient, Study
from apps.core.clock import database_now
from apps.facilities.models import Facility
from apps.facilities.tenancy import as_center
from apps.retention.facts import PatientFacts, StudyFacts, believed_exam
from apps.retention.floors import Assessment, assess
from apps.retention.law import Law, law_of, rules_in_force
from apps.retention.models import CareEvent, Extension

AT_ONCE = 500  # patients that one transaction holds
MAMMOGRAPHY = "MG"


@dataclass(slots=True)
class _Known:
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
        waiting = (
            Study.objects.filter(needs_assessment=True)
            .order_by("pk")
            .values_list("facility_id", "patient_id")[:AT_ONCE]
        )
        by_facility = defaultdict[int, set[int]](set)
        for facility_id, patient_id in waiting:
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
    known = {pk: _Known(birth_date) for pk, birth_date in held.values_list("pk", "birth_date")}
    law, now = law_of(facility, rules_in_force()), database_now()
    _read(facility, known)
    extensions = _extensions(facility_id, known)
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


def _read(facility: Facility, known: dict[int, _Known]) -> None:
    zone = ZoneInfo(facility.time_zone)
    studies = Study.objects.filter(facility_id=facility.pk, patient_id__in=list(known)).order_by("pk")
    fields = (
        "pk", "patient_id", "study_date", "created_at", "modalities_in_study", "body_parts", "purposes",
        "recorded_until",
    )  # fmt: skip
    for (
        key,
        patient_id,
        study_date,
        created_at,
        modalities,
        body_parts,
        purposes,
        recorded_until,
    ) in studies.select_for_update(no_key=True).values_list(*fields):
        patient = known[patient_id]
        received_on = created_at.astimezone(zone).date()
        exam_on, is_believed = believed_exam(study_date, received_on, patient.birth_date)
        facts = StudyFacts(exam_on, received_on, is_believed, frozenset(modalities), frozenset(body_parts),
                           frozenset(purposes), recorded_until)  # fmt: skip
        patient.studies.append((key, facts))
    events = CareEvent.objects.filter(facility_id=facility.pk, patient_id__in=list(known)).order_by("happened_on")
    for patient_id, kind, happened_on in events.values_list("patient_id", "kind", "happened_on"):
        told = known[patient_id].events
        told[kind] = (*told.get(kind, ()), happened_on)


def _extensions(facility_id: int, known: dict[int, _Known]) -> dict[int, tuple[date, ...]]:
    studies = [key for each in known.values() for key, _ in each.studies]
    found: dict[int, tuple[date, ...]] = {}
    rows = Extension.objects.filter(facility_id=facility_id, study_id__in=studies)
    for study_id, until in rows.values_list("study_id", "until"):
        found[study_id] = (*found.get(study_id, ()), until)
    return found


def _write(facility_id: int, assessed: Sequence[tuple[int, Assessment]], now: datetime) -> None:
    """Rows that say something new are written; a date only moves on."""
    rows = [
        {
            "study_id": key,
            "computed_until": each.certain_until and each.certain_until.isoformat(),
            "missing": each.missing,
            "floors": [floor.as_json() for floor in each.floors],
        }
        for key, each in assessed
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            """
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
            """,
            [facility_id, now, json.dumps(rows)],
        )
        cursor.execute(
            "UPDATE catalog_study SET needs_assessment = false"
            " WHERE facility_id = %s AND id = ANY(%s) AND needs_assessment",
            [facility_id, [key for key, _ in assessed]],
        )
