"""C-GET and C-MOVE (PS3.4, C.4.2 and C.4.3): images of the terminal's own facility, as they were received."""

import logging

from apps.catalog.bounds import Unreadable as UnreadableFile
from apps.catalog.bytes import data_set_pieces
from apps.catalog.models import Instance
from apps.catalog.part10 import IMPLICIT_LITTLE_ENDIAN
from apps.collection.models import Terminal
from apps.dicomnet.association import Message
from apps.dicomnet.commands import Command, Element, Field, Value
from apps.dicomnet.contexts import PATIENT_ROOT_GET, PATIENT_ROOT_MOVE, Context
from apps.dicomnet.identifiers import Unreadable, read_identifier
from apps.dicomnet.query import DoesNotMatch, read_query
from apps.dicomnet.selection import TooMany, select
from apps.dicomnet.sending import Unreachable, send_to
from apps.dicomnet.session import Session
from apps.dicomnet.suboperations import SubOperations
from apps.vault.errors import MissingPack, VaultUnavailable

DOES_NOT_MATCH, CANNOT_COUNT, NO_SUCH_DESTINATION, CANNOT_PROCESS = 0xA900, 0xA701, 0xA801, 0xC000
MEDIUM = 0
log = logging.getLogger(__name__)


def get(session: Session, message: Message) -> None:
    """Send what was asked for over the same association."""
    instances = _selected(session, message, patient_root=message.context.abstract_syntax == PATIENT_ROOT_GET)
    if instances is None:
        return
    counts = SubOperations(session, message, len(instances))
    contexts = {
        (context.abstract_syntax, context.transfer_syntax): context
        for context in session.association.contexts.values()
        if context.peer_receives
    }
    for instance in instances:
        if session.is_cancelled(message):
            counts.end(is_cancelled=True)
            return
        context = contexts.get((instance.sop_class_uid, instance.transfer_syntax_uid or IMPLICIT_LITTLE_ENDIAN))
        counts.count(instance.sop_instance_uid, _give(session, context, instance) if context else None)
        counts.tell()
    counts.end()


def move(session: Session, message: Message) -> None:
    """Send what was asked for to another node that the facility has registered."""
    instances = _selected(session, message, patient_root=message.context.abstract_syntax == PATIENT_ROOT_MOVE)
    if instances is None:
        return
    destination = _destination(session, message.command.text(Element.MOVE_DESTINATION))
    if destination is None:
        _refuse(session, message, NO_SUCH_DESTINATION, "The facility has no such destination registered")
        return
    counts = SubOperations(session, message, len(instances))
    originator = session.association.request.calling_ae, message.command.number(Element.MESSAGE_ID)
    try:
        for instance, status in send_to(destination, instances, originator=originator):
            counts.count(instance.sop_instance_uid, status)
            if session.is_cancelled(message):
                counts.end(is_cancelled=True)
                return
            counts.tell()
    except Unreachable as error:
        log.warning("A move to terminal %s failed: %s", destination.pk, error.message)
        for instance in instances[len(instances) - counts.remaining :]:
            counts.count(instance.sop_instance_uid, None)
    counts.end()


def _selected(session: Session, message: Message, *, patient_root: bool) -> list[Instance] | None:
    """What is to be sent; None where the request was refused."""
    try:
        identifier = read_identifier(message)
        query = read_query(identifier, patient_root=patient_root, unique_keys_only=True)
        return select(session, query, operation=Field(message.command.number(Element.COMMAND_FIELD)).name.lower())
    except (Unreadable, DoesNotMatch) as error:
        _refuse(session, message, DOES_NOT_MATCH, str(error))
    except TooMany as error:
        _refuse(session, message, CANNOT_COUNT, error.message)
    return None


def _refuse(session: Session, message: Message, status: int, comment: str) -> None:
    response: dict[Element, Value] = {
        Element.AFFECTED_SOP_CLASS_UID: message.context.abstract_syntax,
        Element.STATUS: status,
        Element.ERROR_COMMENT: comment[:64],
    }
    session.answer(message, response)


def _destination(session: Session, ae_title: str) -> Terminal | None:
    """The facility's node of that AE title."""
    if not ae_title:
        return None
    with session.facility():
        nodes = Terminal.objects.filter(facility_id=session.terminal.facility_id, retired_at=None, ae_title=ae_title)
        return nodes.exclude(address=None).exclude(dicom_port=None).order_by("pk").first()


def _give(session: Session, context: Context, instance: Instance) -> int | None:
    """C-STORE to the peer that asked; its status."""
    command = Command(
        {
            Element.AFFECTED_SOP_CLASS_UID: instance.sop_class_uid,
            Element.COMMAND_FIELD: Field.C_STORE,
            Element.PRIORITY: MEDIUM,
            Element.AFFECTED_SOP_INSTANCE_UID: instance.sop_instance_uid,
        }
    )
    try:
        pieces = data_set_pieces(instance)
    except (MissingPack, VaultUnavailable, UnreadableFile) as error:
        log.error("Instance %s cannot be sent: %s", instance.pk, type(error).__name__)  # noqa: TRY400
        return None
    return session.request(context, command, pieces).number(Element.STATUS)
