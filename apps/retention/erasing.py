"""Erasing the rows of a study whose disposition has begun to delete. The database's triggers check that it has."""

from typing import Any

from django.db import connection

from apps.retention.models import Disposition

_OF_STUDY = """
    SELECT i.id FROM catalog_instance i JOIN catalog_series s
        ON s.facility_id = i.facility_id AND s.id = i.series_id
    WHERE i.facility_id = %(facility)s AND s.study_id = %(study)s
"""
_FORGET_NAMES = """
    UPDATE collection_announcedfile SET source_name = '' WHERE facility_id = %(facility)s AND sha256 IN (
        SELECT sha256 FROM catalog_instance WHERE facility_id = %(facility)s AND pack_id = ANY(%(packs)s)
        UNION SELECT sha256 FROM catalog_conflict WHERE facility_id = %(facility)s AND pack_id = ANY(%(packs)s)
    )
"""
_FORGET_RECEPTIONS = f"""
    UPDATE collection_receivedfile
    SET source_name = '', instance_id = NULL, conflict_id = NULL, pack_id = NULL, pack_offset = NULL
    WHERE facility_id = %(facility)s AND (
        pack_id = ANY(%(packs)s) OR instance_id IN ({_OF_STUDY})
        OR conflict_id IN (SELECT id FROM catalog_conflict WHERE facility_id = %(facility)s AND study_id = %(study)s)
    )
"""  # noqa: S608 our own text
_DELETE_INSTANCES = f"DELETE FROM catalog_instance WHERE facility_id = %(facility)s AND id IN ({_OF_STUDY})"  # noqa: S608
_TABLES_OF_STUDY = (
    "catalog_conflict", "catalog_series", "catalog_hold", "retention_extension", "retention_correction",
    "retention_retention", "retention_unassessed",
)  # fmt: skip
_IS_LAST = "NOT EXISTS (SELECT FROM catalog_study WHERE facility_id = %(facility)s AND patient_id = %(patient)s)"
_DELETE_PATIENT = f"DELETE FROM catalog_patient WHERE facility_id = %(facility)s AND id = %(patient)s AND {_IS_LAST}"  # noqa: S608


def erase_rows(disposition: Disposition) -> None:
    """Everything the database holds of the study, and of the patient with the last of their studies."""
    study = disposition.study
    assert study
    given: dict[str, Any] = {
        "facility": disposition.facility_id, "study": study.pk, "patient": study.patient_id,
        "packs": disposition.pack_ids,
    }  # fmt: skip
    statements = [_FORGET_NAMES, _FORGET_RECEPTIONS, _DELETE_INSTANCES]
    statements += [_of_study(table) for table in _TABLES_OF_STUDY]
    statements.append("DELETE FROM catalog_study WHERE facility_id = %(facility)s AND id = %(study)s")
    statements += [_of_patient(table) for table in ("catalog_namepart", "retention_careevent")]
    statements.append(_DELETE_PATIENT)
    statements.append("DELETE FROM vault_pack WHERE facility_id = %(facility)s AND id = ANY(%(packs)s)")
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, given)


def _of_study(table: str) -> str:
    return f"DELETE FROM {table} WHERE facility_id = %(facility)s AND study_id = %(study)s"  # noqa: S608


def _of_patient(table: str) -> str:
    return f"DELETE FROM {table} WHERE facility_id = %(facility)s AND patient_id = %(patient)s AND {_IS_LAST}"  # noqa: S608
