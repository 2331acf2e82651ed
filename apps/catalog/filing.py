"""Filing: how files that lie in the vault enter the catalog, and which of them contradict it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Literal, TypeVar

from django.db import connection
from django.db.models import F, Model, QuerySet

from apps.catalog.header import Header
from apps.catalog.models import SHORT, TEXT, Conflict, ConflictKind, Instance, NamePart, Patient, Series, Study
from apps.catalog.names import folded_name, name_parts
from apps.core.bulk import insert_rows
from apps.vault.models import Pack

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file of a pack that is to be filed."""

    header: Header
    pack: Pack
    pack_offset: int
    length_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Known:
    """A file that the catalog has: as an instance, or in conflict with one."""

    sha256: bytes
    study_instance_uid: str
    pack: Pack
    pack_offset: int
    instance: Instance | None
    conflict: Conflict | None


@dataclass(frozen=True, slots=True)
class Filed:
    """Where an arrival ended: in the catalog, or as a conflict that staff decide."""

    outcome: Literal["stored", "conflict"]
    instance: Instance | None = None
    conflict: Conflict | None = None


def study_lock(facility_id: int, study_instance_uid: str) -> str:
    """The name of the lock under which a study is filed, held and deleted."""
    return f"{facility_id}/study/{study_instance_uid}"


def holding_lock(facility_id: int) -> str:
    """The lock under which many studies are held at once; who deletes one shares it."""
    return f"{facility_id}/holding"


def lock_keys(facility_id: int, headers: Iterable[Header]) -> set[str]:
    """Names of the locks (core.locks) that a transaction holds while it files these headers."""
    keys = set()
    for header in headers:
        keys.add(study_lock(facility_id, header.study_instance_uid))
        keys.add(f"{facility_id}/patient/{'/'.join(map(str, _patient_key(header)))}")
    return keys


def find_known(facility_id: int, sop_instance_uids: Sequence[str]) -> dict[str, list[Known]]:
    """What the catalog has under these SOP Instance UIDs; most often nothing, which takes one short query."""
    instances, conflicts = _keys(facility_id, sop_instance_uids)
    known: dict[str, list[Known]] = {}
    for instance in _few(Instance, instances).select_related("series__study", "pack"):
        study_uid = instance.series.study.study_instance_uid
        fact = Known(bytes(instance.sha256), study_uid, instance.pack, instance.pack_offset, instance, None)
        known.setdefault(instance.sop_instance_uid, []).append(fact)
    for conflict in _few(Conflict, conflicts).select_related("study", "pack"):
        study_uid = conflict.study.study_instance_uid
        fact = Known(bytes(conflict.sha256), study_uid, conflict.pack, conflict.pack_offset, None, conflict)
        known.setdefault(conflict.sop_instance_uid, []).append(fact)
    return known


def _keys(facility_id: int, sop_instance_uids: Sequence[str]) -> tuple[list[int], list[int]]:
    """Primary keys of the instances and of the conflicts with these UIDs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT true, id FROM catalog_instance WHERE facility_id = %s AND sop_instance_uid = ANY(%s) UNION ALL "
            "SELECT false, id FROM catalog_conflict WHERE facility_id = %s AND sop_instance_uid = ANY(%s)",
            [facility_id, list(sop_instance_uids)] * 2,
        )
        found = cursor.fetchall()
    return [key for is_filed, key in found if is_filed], [key for is_filed, key in found if not is_filed]


def _few(model: type[M], keys: list[int]) -> QuerySet[M]:
    return model._default_manager.filter(pk__in=keys) if keys else model._default_manager.none()


def file_arrivals(
    facility_id: int, arrivals: Sequence[Arrival], known: dict[str, list[Known]], *, now: datetime
) -> list[Filed]:
    """File arrivals, none of which `known` has with the same bytes; one answer each, in their order.

    Within the caller's transaction, which holds the locks of `lock_keys` and has asked `find_known` since.
    """
    seen = {uid: list(facts) for uid, facts in known.items()}
    answers: dict[int, Filed] = {}
    order = sorted(range(len(arrivals)), key=lambda n: arrivals[n].header.study_instance_uid)
    for _, numbers in groupby(order, key=lambda n: arrivals[n].header.study_instance_uid):
        chosen = list(numbers)
        filed = _file_study(facility_id, [arrivals[n] for n in chosen], seen, now)
        answers.update(zip(chosen, filed, strict=True))
    return [answers[n] for n in range(len(arrivals))]


def _file_study(facility_id: int, arrivals: list[Arrival], known: dict[str, list[Known]], now: datetime) -> list[Filed]:
    first = arrivals[0].header
    uid = first.study_instance_uid
    study = Study.objects.select_related("patient").filter(facility_id=facility_id, study_instance_uid=uid).first()
    study = study or _new_study(facility_id, first, now)
    contradictions = [_contradiction(arrival, study, known) for arrival in arrivals]
    welcome = [n for n, kind in enumerate(contradictions) if not kind]
    instances = _file_instances(facility_id, study, [arrivals[n] for n in welcome], now)
    conflicts = {
        n: _conflict(facility_id, study, arrivals[n], kind, now) for n, kind in enumerate(contradictions) if kind
    }
    filed = dict(zip(welcome, instances, strict=True))
    if conflicts:  # they end with the study: whoever has decided on its end did not know of them
        Conflict.objects.bulk_create(conflicts.values())
        Study.objects.filter(facility_id=facility_id, pk=study.pk).update(updated_at=now)
    return [
        Filed("conflict", conflict=conflicts[n]) if n in conflicts else Filed("stored", instance=filed[n])
        for n in range(len(arrivals))
    ]


def _contradiction(arrival: Arrival, study: Study, known: dict[str, list[Known]]) -> ConflictKind | None:
    header = arrival.header
    others = known.setdefault(header.sop_instance_uid, [])
    kind = None
    if others:
        is_elsewhere = all(other.study_instance_uid != header.study_instance_uid for other in others)
        kind = ConflictKind.OTHER_STUDY if is_elsewhere else ConflictKind.OTHER_BYTES
    elif _patient_key(header) != _key_of(study.patient):
        kind = ConflictKind.OTHER_PATIENT
    # The next file of the same batch may have this UID again.
    others.append(Known(arrival.sha256, header.study_instance_uid, arrival.pack, arrival.pack_offset, None, None))
    return kind


def _conflict(facility_id: int, study: Study, arrival: Arrival, kind: ConflictKind, now: datetime) -> Conflict:
    return Conflict(
        facility_id=facility_id,
        kind=kind,
        study=study,
        sop_instance_uid=arrival.header.sop_instance_uid,
        pack=arrival.pack,
        pack_offset=arrival.pack_offset,
        length_bytes=arrival.length_bytes,
        sha256=arrival.sha256,
        raised_at=now,
    )


def _new_study(facility_id: int, header: Header, now: datetime) -> Study:
    """A study that is not in the database yet; it is written once it is known what is in it."""
    return Study(
        facility_id=facility_id,
        patient=_patient(facility_id, header, now),
        study_instance_uid=header.study_instance_uid,
        study_date=header.study_date,
        study_time=header.study_time,
        accession_number=header.accession_number,
        study_id=header.study_id,
        study_description=header.study_description,
        referring_physician_name=header.referring_physician_name.as_dicom,
        institution_name=header.institution_name,
        created_at=now,
        updated_at=now,
    )


def _patient(facility_id: int, header: Header, now: datetime) -> Patient:
    name = header.patient_name
    identity = {
        "facility_id": facility_id,
        "patient_id": header.patient_id,
        "issuer_of_patient_id": header.issuer_of_patient_id,
    }
    if not header.patient_id:
        identity |= {
            "name_alphabetic": name.alphabetic,
            "name_ideographic": name.ideographic,
            "birth_date": header.patient_birth_date,
        }
    if found := Patient.objects.filter(**identity).first():
        return found
    folded = folded_name(name)
    patient = Patient.objects.create(
        facility_id=facility_id,
        patient_id=header.patient_id,
        issuer_of_patient_id=header.issuer_of_patient_id,
        name_alphabetic=name.alphabetic,
        name_ideographic=name.ideographic,
        name_phonetic=name.phonetic,
        folded_name=folded,
        birth_date=header.patient_birth_date,
        sex=header.patient_sex[:SHORT],
        other_patient_ids=list(header.other_patient_ids),
        created_at=now,
    )
    insert_rows([NamePart(facility_id=facility_id, patient=patient, part=part) for part in name_parts(folded)])
    return patient


def _patient_key(header: Header) -> tuple[object, ...]:
    """What tells patients of a facility apart: the PatientID, and without one the name and the birth date."""
    if header.patient_id:
        return header.patient_id, header.issuer_of_patient_id
    name = header.patient_name
    return "", header.issuer_of_patient_id, name.alphabetic, name.ideographic, header.patient_birth_date


def _key_of(patient: Patient) -> tuple[object, ...]:
    if patient.patient_id:
        return patient.patient_id, patient.issuer_of_patient_id
    return "", patient.issuer_of_patient_id, patient.name_alphabetic, patient.name_ideographic, patient.birth_date


def _file_instances(facility_id: int, study: Study, arrivals: list[Arrival], now: datetime) -> list[Instance]:
    first = {arrival.header.series_instance_uid: arrival.header for arrival in reversed(arrivals)}
    found = {} if study._state.adding else _known_series(facility_id, study, list(first))
    new = {uid: header for uid, header in first.items() if uid not in found}
    _bring_up_to_date(facility_id, study, arrivals, len(new), now)
    counts = Counter(arrival.header.series_instance_uid for arrival in arrivals)
    made = Series.objects.bulk_create(
        _new_series(facility_id, study, header, counts[uid]) for uid, header in new.items()
    )
    for uid, known in found.items():
        Series.objects.filter(facility_id=facility_id, pk=known.pk).update(
            instance_count=F("instance_count") + counts[uid]
        )
    series = found | {each.series_instance_uid: each for each in made}
    instances = [_instance(facility_id, series[arrival.header.series_instance_uid], arrival) for arrival in arrivals]
    insert_rows(instances)
    return instances


def _known_series(facility_id: int, study: Study, uids: list[str]) -> dict[str, Series]:
    found = Series.objects.filter(facility_id=facility_id, study=study, series_instance_uid__in=uids)
    return {each.series_instance_uid: each for each in found}


def _bring_up_to_date(facility_id: int, study: Study, arrivals: list[Arrival], new_series: int, now: datetime) -> None:
    """Count the arrivals in; a study that is new is written with what it has."""
    size_bytes = sum(map(attrgetter("length_bytes"), arrivals))
    modalities = _united(study.modalities_in_study, (a.header.modality[:SHORT] for a in arrivals))
    body_parts = _united(study.body_parts, (a.header.body_part_examined for a in arrivals))
    if study._state.adding:
        study.instance_count, study.size_bytes, study.series_count = len(arrivals), size_bytes, new_series
        study.modalities_in_study, study.body_parts = modalities, body_parts
        study.save(force_insert=True)
    elif arrivals:
        Study.objects.filter(facility_id=facility_id, pk=study.pk).update(
            instance_count=F("instance_count") + len(arrivals),
            size_bytes=F("size_bytes") + size_bytes,
            series_count=F("series_count") + new_series,
            modalities_in_study=modalities,
            body_parts=body_parts,
            updated_at=now,
        )


def _new_series(facility_id: int, study: Study, header: Header, instance_count: int) -> Series:
    return Series(
        facility_id=facility_id,
        study=study,
        series_instance_uid=header.series_instance_uid,
        modality=header.modality[:SHORT],
        series_number=header.series_number,
        series_description=header.series_description,
        series_date=header.series_date,
        body_part_examined=header.body_part_examined,
        laterality=header.laterality[:SHORT],
        protocol_name=header.protocol_name,
        manufacturer=header.manufacturer,
        manufacturer_model_name=header.manufacturer_model_name,
        station_name=header.station_name,
        performing_physician_name=header.performing_physician_name.as_dicom,
        operators_name=header.operators_name.as_dicom,
        instance_count=instance_count,
    )


def _instance(facility_id: int, series: Series, arrival: Arrival) -> Instance:
    header = arrival.header
    return Instance(
        facility_id=facility_id,
        series=series,
        pack=arrival.pack,
        pack_offset=arrival.pack_offset,
        length_bytes=arrival.length_bytes,
        sha256=arrival.sha256,
        sop_instance_uid=header.sop_instance_uid,
        sop_class_uid=header.sop_class_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        instance_number=header.instance_number,
        content_date=header.content_date,
        acquisition_date=header.acquisition_date,
        image_type=list(header.image_type),
        rows=header.rows,
        columns=header.columns,
        number_of_frames=header.number_of_frames if (header.number_of_frames or 0) > 0 else None,
        bits_allocated=header.bits_allocated,
        photometric_interpretation=header.photometric_interpretation,
        has_pixel_data=header.has_pixel_data,
        document_title=header.document_title[:TEXT],
        warnings=list(header.warnings),
    )


def _united(present: list[str], added: Iterable[str]) -> list[str]:
    return sorted(set(present).union(value for value in added if value))
