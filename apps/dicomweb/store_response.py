"""The response of the Store transaction (PS3.18, 10.5.3, Annex I.2), as JSON or XML."""

import json
from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from apps.catalog.models import ConflictKind
from apps.collection.models import Outcome, ReceivedFile
from apps.collection.sorting import OTHER_STUDY_ADDRESSED, Received, Refused
from apps.dicomweb.xml import native_dicom_model
from apps.facilities.doors import FacilityRequest

RETRIEVE_URL, FAILURE_REASON, ERROR_COMMENT = "00081190", "00081197", "00000902"
REFERENCED_SOP_CLASS_UID, REFERENCED_SOP_INSTANCE_UID = "00081150", "00081155"
FAILED_SOP_SEQUENCE, REFERENCED_SOP_SEQUENCE, OTHER_FAILURES_SEQUENCE = "00081198", "00081199", "0008119A"

PROCESSING_FAILURE, DUPLICATE_SOP_INSTANCE = 0x0110, 0x0111
DATA_SET_MISMATCH, CANNOT_UNDERSTAND = 0xA900, 0xC000
_REASONS = {ConflictKind.OTHER_BYTES: DUPLICATE_SOP_INSTANCE, OTHER_STUDY_ADDRESSED: DATA_SET_MISMATCH}
_COMMENT_LENGTH = 64

JSON = dict[str, Any]


def store_response(
    request: FacilityRequest, media_type: str, files: Sequence[Received | Refused], answers: Sequence[ReceivedFile]
) -> HttpResponse:
    """One item for each instance; which are in the catalog, and why the others are not."""
    data_set, status = _data_set(request, files, answers)
    if "xml" in media_type:
        return HttpResponse(native_dicom_model(data_set), status=status, content_type=media_type)
    return HttpResponse(json.dumps(data_set), status=status, content_type=media_type)


def _data_set(
    request: FacilityRequest, files: Sequence[Received | Refused], answers: Sequence[ReceivedFile]
) -> tuple[JSON, int]:
    root = request.build_absolute_uri(reverse("dicomweb:studies", args=[request.facility.slug]))
    stored: list[JSON] = []
    failed: list[JSON] = []
    other: list[JSON] = []
    for file, answer in zip(files, answers, strict=True):
        item = _reference(file)
        if answer.outcome in {Outcome.STORED, Outcome.DUPLICATE} and file.header and not answer.conflict:
            item[RETRIEVE_URL] = _value(
                "UR",
                f"{root}/{file.header.study_instance_uid}/series/{file.header.series_instance_uid}"
                f"/instances/{file.header.sop_instance_uid}",
            )
            stored.append(item)
            continue
        item[FAILURE_REASON] = _value("US", _reason(answer))
        item[ERROR_COMMENT] = _value("LO", (answer.reason or "Kept for the center's staff to decide")[:_COMMENT_LENGTH])
        (failed if file.header else other).append(item)
    data_set: JSON = {}
    studies = {file.header.study_instance_uid for file in files if file.header}
    if stored and len(studies) == 1:
        data_set[RETRIEVE_URL] = _value("UR", f"{root}/{studies.pop()}")
    for tag, items in (
        (FAILED_SOP_SEQUENCE, failed),
        (REFERENCED_SOP_SEQUENCE, stored),
        (OTHER_FAILURES_SEQUENCE, other),
    ):
        if items:
            data_set[tag] = {"vr": "SQ", "Value": items}
    return data_set, _status(len(stored), len(answers))


def _reference(file: Received | Refused) -> JSON:
    if file.header is None:
        return {}
    return {
        REFERENCED_SOP_CLASS_UID: _value("UI", file.header.sop_class_uid),
        REFERENCED_SOP_INSTANCE_UID: _value("UI", file.header.sop_instance_uid),
    }


def _reason(answer: ReceivedFile) -> int:
    """Failure Reason (PS3.18, Table I.2-2; PS3.7, Annex C)."""
    if answer.outcome == Outcome.QUARANTINED or not answer.sop_instance_uid:
        return CANNOT_UNDERSTAND
    return _REASONS.get(answer.reason_code, PROCESSING_FAILURE)


def _status(stored: int, received: int) -> int:
    if stored == received:
        return 200
    return 202 if stored else 409


def _value(vr: str, value: str | int) -> JSON:
    return {"vr": vr, "Value": [value]}
