"""Storage commitment, push model, as SCP (PS3.4, annex J): what a terminal may delete, because it is safe here.

The result is kept and reported: over the association that asked, while it lasts; else over one of ours to the terminal,
again and again for days. A terminal that asks for the same transaction again is told again.
"""

import logging
from datetime import datetime, timedelta

from pydicom.dataset import Dataset
from pynetdicom import build_role

from apps.audit.record import SYSTEM, record
from apps.core.clock import database_now
from apps.dicomnet.association import Message
from apps.dicomnet.commands import Element, Field, Value
from apps.dicomnet.contexts import EXPLICIT_VR_LITTLE_ENDIAN, STORAGE_COMMITMENT_PUSH_MODEL
from apps.dicomnet.identifiers import LONGEST_COMMITMENT, Unreadable, encoded, read_identifier
from apps.dicomnet.models import Commitment
from apps.dicomnet.sending import Unreachable, associate
from apps.dicomnet.session import Session
from apps.dicomnet.telling import tell_of_terminal
from apps.dicomnet.verifying import failures_of
from apps.facilities.tenancy import as_center, as_facility

SUCCESS, INVALID_ARGUMENT, NO_SUCH_ACTION = 0x0000, 0x0115, 0x0123
REQUEST_STORAGE_COMMITMENT = 1
ALL_COMMITTED, SOME_FAILED = 1, 2
INSTANCE_UID = "1.2.840.10008.1.20.1.1"  # the well-known instance
MOST_REFERENCES = 50_000
ASKED_OVER = timedelta(minutes=5)  # the association has it to itself for so long
RETRY = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60)] + [timedelta(hours=6)] * 28
TOLD_AFTER = 3
"""Attempts in vain, after which staff look at the terminal's address."""
log = logging.getLogger(__name__)


def request_commitment(session: Session, message: Message) -> None:
    """N-ACTION: note what is asked for."""
    command = message.command
    response: dict[Element, Value] = {
        Element.AFFECTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH_MODEL,
        Element.AFFECTED_SOP_INSTANCE_UID: INSTANCE_UID,
        Element.ACTION_TYPE_ID: REQUEST_STORAGE_COMMITMENT,
        Element.STATUS: SUCCESS,
    }
    try:
        identifier = read_identifier(message, LONGEST_COMMITMENT)
        transaction_uid, references = _asked(identifier)
    except Unreadable as error:
        session.answer(message, response | {Element.STATUS: INVALID_ARGUMENT, Element.ERROR_COMMENT: str(error)[:64]})
        return
    if command.get(Element.ACTION_TYPE_ID) != REQUEST_STORAGE_COMMITMENT:
        session.answer(message, response | {Element.STATUS: NO_SUCH_ACTION})
        return
    with session.facility():
        session.commitments.append(_noted(session, transaction_uid, references).pk)
    session.answer(message, response)


def report_over(session: Session) -> None:
    """N-EVENT-REPORT over the association that asked, for each commitment that is verified by now."""
    context = next(
        (each for each in session.association.contexts.values()
         if each.abstract_syntax == STORAGE_COMMITMENT_PUSH_MODEL), None,
    )  # fmt: skip
    for key in list(session.commitments):
        with session.facility():
            commitment = verified(key, now=database_now())
        if commitment and context and not session.association.wait(0):
            event, report = _report(commitment)
            command: dict[Element, Value] = {
                Element.AFFECTED_SOP_CLASS_UID: STORAGE_COMMITMENT_PUSH_MODEL,
                Element.COMMAND_FIELD: Field.N_EVENT_REPORT,
                Element.AFFECTED_SOP_INSTANCE_UID: INSTANCE_UID,
                Element.EVENT_TYPE_ID: event,
            }
            answer = session.request(context, command, iter([encoded(report, context)]))
            if answer.get(Element.STATUS) == SUCCESS:
                session.commitments.remove(key)
                with session.facility():
                    _note_reported(commitment, now=database_now())
            else:
                return


def hand_over(session: Session) -> None:
    """The association is over: what it was not told is reported over one of ours."""
    if session.commitments:
        with session.facility():
            Commitment.objects.filter(pk__in=session.commitments, reported_at=None).update(next_at=database_now())


def report_due() -> int:
    """Report what is due over associations of ours; returns how many were told. Any number of processes may."""
    told = 0
    while (key := _claim()) is not None:
        told += _report_to(key)
    return told


def verified(key: int, *, now: datetime) -> Commitment | None:
    """The commitment with its result, once there is one. Within a transaction."""
    commitment = Commitment.objects.select_related("terminal").get(pk=key)
    if commitment.verified_at is None:
        failures = failures_of(commitment, now=now)
        if failures is None:
            return None
        commitment.failures, commitment.verified_at = failures, now
        commitment.save(update_fields=["failures", "verified_at"])
        counts = {"images": len(commitment.references), "failures": len(failures)}
        record("commitment.verified", actor=SYSTEM, object_type="commitment", object_id=commitment.pk,
               facility_id=commitment.facility_id, **counts)  # fmt: skip
    return commitment


def _asked(identifier: Dataset) -> tuple[str, list[tuple[str, str]]]:
    transaction_uid = str(identifier.get("TransactionUID", "") or "")
    references = [
        (str(item.get("ReferencedSOPClassUID", "")), str(item.get("ReferencedSOPInstanceUID", "")))
        for item in identifier.get("ReferencedSOPSequence", None) or []
    ]
    if not transaction_uid or len(transaction_uid) > 64:
        raise Unreadable("The Transaction UID is missing")
    if not references or len(references) > MOST_REFERENCES:
        raise Unreadable(f"One to {MOST_REFERENCES} images are to be referenced")
    if any(not sop_class or not 0 < len(uid) <= 64 for sop_class, uid in references):
        raise Unreadable("A reference lacks its UIDs")
    return transaction_uid, list(dict.fromkeys(references))


def _noted(session: Session, transaction_uid: str, references: list[tuple[str, str]]) -> Commitment:
    """The commitment of this transaction; asked for again it is verified anew."""
    now = database_now()
    fields = {
        "requested_at": now, "references": references, "failures": None, "verified_at": None,
        "next_at": now + ASKED_OVER, "attempts": 0, "reported_at": None,
    }  # fmt: skip
    noted, _ = Commitment.objects.update_or_create(
        facility_id=session.terminal.facility_id, terminal=session.terminal, transaction_uid=transaction_uid,
        defaults=fields,
    )  # fmt: skip
    record("commitment.requested", actor=session.actor, object_type="commitment", object_id=noted.pk,
           facility_id=noted.facility_id, images=len(references))  # fmt: skip
    return noted


def _claim() -> int | None:
    """A commitment whose report is due now; whoever takes it has it until its next attempt."""
    with as_center():
        now = database_now()
        due = Commitment.objects.filter(next_at__lte=now, reported_at=None).order_by("next_at")
        commitment = due.select_for_update(skip_locked=True, of=("self",)).first()
        if commitment is None:
            return None
        is_last = commitment.attempts >= len(RETRY)
        commitment.next_at = None if is_last else now + RETRY[commitment.attempts]
        commitment.attempts += 1
        commitment.save(update_fields=["next_at", "attempts"])
        return commitment.pk


def _report_to(key: int) -> bool:
    with as_center():
        facility_id = Commitment.objects.values_list("facility_id", flat=True).get(pk=key)
    with as_facility(facility_id):
        now = database_now()
        commitment = verified(key, now=now)
        if commitment is None:  # not yet: soon, and not counted as an attempt
            Commitment.objects.filter(pk=key).update(next_at=now + timedelta(seconds=2), attempts=0)
            return False
    try:
        _send_report(commitment)
    except Unreachable as error:
        log.warning("Commitment %s could not be reported: %s", key, error.message)
        if commitment.attempts >= TOLD_AFTER:
            with as_facility(facility_id):
                tell_of_terminal(commitment.terminal, now=now)
        return False
    with as_facility(facility_id):
        _note_reported(commitment, now=database_now())
    return True


def _send_report(commitment: Commitment) -> None:
    """N-EVENT-REPORT over an association of ours, in the role of the SCP. Raises Unreachable."""
    role = build_role(STORAGE_COMMITMENT_PUSH_MODEL, scp_role=True)
    assoc = associate(commitment.terminal, [(STORAGE_COMMITMENT_PUSH_MODEL, EXPLICIT_VR_LITTLE_ENDIAN)], [role])
    try:
        event, report = _report(commitment)
        status, _ = assoc.send_n_event_report(report, event, STORAGE_COMMITMENT_PUSH_MODEL, INSTANCE_UID)
    except ValueError as error:
        raise Unreachable("The node does not take reports of storage commitment") from error
    finally:
        if assoc.is_established:
            assoc.release()
    if "Status" not in status or status.Status != SUCCESS:
        raise Unreachable("The node did not take the report")


def _report(commitment: Commitment) -> tuple[int, Dataset]:
    """Event type and information (PS3.4, J.3.3)."""
    failures = commitment.failures or {}
    report = Dataset()
    report.TransactionUID = commitment.transaction_uid
    committed = [_item(*reference) for reference in commitment.references if reference[1] not in failures]
    failed = [_item(*reference) for reference in commitment.references if reference[1] in failures]
    for item in failed:
        item.FailureReason = failures[item.ReferencedSOPInstanceUID]
    if committed:
        report.ReferencedSOPSequence = committed
    if failed:
        report.FailedSOPSequence = failed
    return SOME_FAILED if failed else ALL_COMMITTED, report


def _item(sop_class: str, uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return item


def _note_reported(commitment: Commitment, *, now: datetime) -> None:
    Commitment.objects.filter(pk=commitment.pk).update(reported_at=now, next_at=None)
    record("commitment.reported", actor=SYSTEM, object_type="commitment", object_id=commitment.pk,
           facility_id=commitment.facility_id)  # fmt: skip
