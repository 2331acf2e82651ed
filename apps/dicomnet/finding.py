"""C-FIND (PS3.4, C.4.1): what the terminal's own facility has."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from pydicom.dataset import Dataset

from apps.audit.record import record
from apps.catalog.attributes import ATTRIBUTES, JSON, Level, rows_of
from apps.catalog.search import matching_instances, matching_series, matching_studies
from apps.dicomnet.association import Message
from apps.dicomnet.commands import Element, Value
from apps.dicomnet.contexts import PATIENT_ROOT_FIND
from apps.dicomnet.identifiers import Unreadable, read_identifier
from apps.dicomnet.query import DoesNotMatch, Query, QueryLevel, read_query
from apps.dicomnet.session import Session

SUCCESS, PENDING, PENDING_PARTLY_IGNORED, CANCELLED = 0x0000, 0xFF00, 0xFF01, 0xFE00
TOO_MANY, DOES_NOT_MATCH = 0xA700, 0xA900
MOST_MATCHES = 5000
_MATCHING = {Level.STUDY: matching_studies, Level.SERIES: matching_series, Level.INSTANCE: matching_instances}
_PATIENT = frozenset({"00100010", "00100020", "00100021", "00100030", "00100040", "00101000"})
_LEVEL_OF = {QueryLevel.PATIENT: -1, QueryLevel.STUDY: 0, QueryLevel.SERIES: 1, QueryLevel.IMAGE: 2}


def find(session: Session, message: Message) -> None:
    """Answer with one response for each match, and one that ends them."""
    sop_class = message.context.abstract_syntax
    common: dict[Element, Value] = {Element.AFFECTED_SOP_CLASS_UID: sop_class}
    try:
        identifier = read_identifier(message)
        query = read_query(identifier, patient_root=sop_class == PATIENT_ROOT_FIND)
    except (Unreadable, DoesNotMatch) as error:
        session.answer(message, common | _failure(DOES_NOT_MATCH, str(error)))
        return
    matches, is_cut = _matches(session, query)
    pending = PENDING_PARTLY_IGNORED if query.is_partly_ignored else PENDING
    for match in _data_sets(matches, identifier, query.level):
        if session.is_cancelled(message):
            session.answer(message, common | {Element.STATUS: CANCELLED})
            return
        session.answer(message, common | {Element.STATUS: pending}, match)
    over = _failure(TOO_MANY, f"More than {MOST_MATCHES} match")
    session.answer(message, common | (over if is_cut else {Element.STATUS: SUCCESS}))


def _failure(status: int, comment: str) -> dict[Element, Value]:
    return {Element.STATUS: status, Element.ERROR_COMMENT: comment[:64]}


def _matches(session: Session, query: Query) -> tuple[list[Any], bool]:
    """At most MOST_MATCHES rows, and whether there are more."""
    facility_id = session.terminal.facility_id
    with session.facility():
        found: list[Any] = list(_MATCHING[query.level.of_catalog](facility_id, query.criteria)[: MOST_MATCHES + 1])
        record("catalog.searched", actor=session.actor, object_type="facility", object_id=facility_id,
               facility_id=facility_id, level=query.level.value.lower(), count=len(found))  # fmt: skip
    if query.level is QueryLevel.PATIENT:
        found = list({study.patient.pk: study for study in found}.values())
    return found[:MOST_MATCHES], len(found) > MOST_MATCHES


def _data_sets(matches: list[Any], identifier: Dataset, level: QueryLevel) -> Iterator[Dataset]:
    """What was asked for of each match, and no more (PS3.4, C.4.1.1.3.2)."""
    asked = [f"{element.tag:08X}" for element in identifier]
    wanted = [
        attribute
        for attribute in ATTRIBUTES
        if (attribute.tag in asked and attribute.level <= _LEVEL_OF[level])
        or (attribute.tag in asked and attribute.tag in _PATIENT)
    ]
    empty: JSON = {tag: {"vr": identifier[tag].VR} for tag in asked if tag != "00080005"}
    for row in matches:
        rows = rows_of(row)
        found = empty | {attribute.tag: attribute.of(rows[attribute.level]) for attribute in wanted}
        found["00080052"] = {"vr": "CS", "Value": [level.value]}
        found["00080054"] = {"vr": "AE", "Value": [settings.DICOM_AE_TITLE]}
        found["00080005"] = {"vr": "CS", "Value": ["ISO_IR 192"]}
        yield Dataset.from_json(found)
