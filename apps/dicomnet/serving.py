"""Serving one connection: who calls, what may it ask for, and each message to the function that answers it."""

import logging
import socket
import ssl
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db import connection as database
from django.utils import timezone

from apps.audit.record import Actor
from apps.collection.capacity import note_seen
from apps.collection.terminals import Caller, UnknownTerminal, terminal_of
from apps.core import request_ids
from apps.dicomnet import acse, meters
from apps.dicomnet.acse import ProtocolError
from apps.dicomnet.association import Aborted, Association, Message, Released, read_pdu
from apps.dicomnet.commands import Element, Field, Malformed
from apps.dicomnet.committing import hand_over, report_over, request_commitment
from apps.dicomnet.connection import Connection, Gone
from apps.dicomnet.contexts import (
    PATIENT_ROOT_FIND,
    PATIENT_ROOT_GET,
    PATIENT_ROOT_MOVE,
    STORAGE_COMMITMENT_PUSH_MODEL,
    STUDY_ROOT_FIND,
    STUDY_ROOT_GET,
    STUDY_ROOT_MOVE,
    VERIFICATION,
    is_storage,
)
from apps.dicomnet.finding import find
from apps.dicomnet.retrieving import get, move
from apps.dicomnet.session import Session
from apps.dicomnet.storing import Storing

REQUEST_TIMEOUT_S = 20.0  # the ARTIM timer (PS3.8, 9.1.5), TLS included
STALLED_S = 60.0
IDLE_S = 300.0
TURN_S = 0.25
LINGER_S = 2.0
UNRECOGNIZED_OPERATION = 0x0211
log = logging.getLogger(__name__)


def serve(sock: socket.socket, address: str, tls: ssl.SSLContext | None, announce: Callable[[], None]) -> None:
    """Serve a connection until it ends. Whatever happens within, it ends here. The log knows it by one id."""
    began = time.monotonic()
    with request_ids.entered():
        ended = _serve(sock, address, tls, announce)
        seconds = time.monotonic() - began
        log.info("An association of %s %s after %.1f s", address, ended, seconds,
                 extra={"fields": {"ended": ended, "ms": round(seconds * 1000)}})  # fmt: skip
    meters.ASSOCIATIONS.labels(ended).inc()
    meters.ASSOCIATION_SECONDS.labels(ended).observe(seconds)


def _serve(sock: socket.socket, address: str, tls: ssl.SSLContext | None, announce: Callable[[], None]) -> str:
    """How it ended."""
    peer, linger_s, ended = None, 0.0, "aborted"
    try:
        sock.settimeout(REQUEST_TIMEOUT_S)
        certificate = None
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
            certificate = sock.getpeercert(binary_form=True)
        peer = Connection(sock, timeout_s=REQUEST_TIMEOUT_S)
        ended = _converse(peer, address, sha256(certificate).digest() if certificate else None, announce)
        linger_s = LINGER_S
    except Exception as error:  # noqa: BLE001 whatever it is, it ends one association alone
        if _explain(error, address) and peer:
            _send(peer, acse.abort())
            linger_s = LINGER_S
    finally:
        database.close()
        if peer:
            peer.close(linger_s=linger_s)
        else:
            sock.close()
    return ended


def _explain(error: Exception, address: str) -> bool:
    """Log why an association ended; whether the peer is to be told by an A-ABORT."""
    match error:
        case Aborted():
            log.info("An association of %s was aborted by the peer", address)
            return False
        case Gone():
            log.info("An association of %s ended: %s", address, error)
            return False
        case ProtocolError() | Malformed():
            log.warning("An association of %s was aborted: %s", address, error)
        case DatabaseError() | InterfaceError():
            log.error("An association of %s was aborted, the database went away: %s", address, type(error).__name__)
        case OSError():
            log.warning("A connection of %s was refused: %s", address, type(error).__name__)
            return False
        case _:  # a mistake of ours; its text may hold what the peer sent
            *_, at = traceback.extract_tb(error.__traceback__)
            name = type(error).__name__
            log.error("An association of %s was aborted by %s at %s:%s", address, name, at.filename, at.lineno)
    return True


def _converse(peer: Connection, address: str, certificate_sha256: bytes | None, announce: Callable[[], None]) -> str:
    session = _open(peer, address, certificate_sha256, announce)
    if session is None:
        return "rejected"
    peer.timeout_s = STALLED_S
    try:
        _run(session)
    except Released:
        peer.send(acse.RELEASE_RP_PDU)
    finally:
        session.storing.close()
        hand_over(session)
    return "released"


def _open(
    peer: Connection, address: str, certificate_sha256: bytes | None, announce: Callable[[], None]
) -> Session | None:
    """Accept or reject what the peer asks for."""
    request = acse.read_request(read_pdu(peer, acse.ASSOCIATE_RQ, acse.LONGEST_REQUEST))
    if request.called_ae != settings.DICOM_AE_TITLE:
        _reject(peer, address, acse.CALLED_AE_UNKNOWN, "the called AE title is not ours")
        return None
    try:
        terminal = terminal_of(Caller(request.calling_ae, address, certificate_sha256))
    except UnknownTerminal:
        _reject(peer, address, acse.CALLING_AE_UNKNOWN, "no such terminal is registered")
        return None
    except (DatabaseError, InterfaceError):
        _reject(peer, address, acse.TEMPORARY_CONGESTION, "the database does not answer")
        return None
    finally:
        database.close()
    contexts, accepted = acse.accept(request)
    peer.send(accepted)
    log.info("An association of %s is terminal %s's", address, terminal.pk)
    actor = Actor("terminal", str(terminal.pk), address)
    storing = Storing(terminal, actor, announce)
    return Session(Association(peer, request, contexts), terminal, actor, storing)


def _reject(peer: Connection, address: str, reason: tuple[int, int, int], why: str) -> None:
    log.warning("An association of %s was rejected: %s", address, why)
    peer.send(acse.rejection(reason))


def _run(session: Session) -> None:
    """Answer messages until the association ends. Raises what ends it."""
    idle_since = time.monotonic()
    while True:
        session.storing.turn_if_due()
        report_over(session)
        if session.association.wait(TURN_S if session.storing.is_pending or session.commitments else IDLE_S):
            _answer(session, session.association.receive())
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= IDLE_S:
            raise ProtocolError(f"Nothing came for {IDLE_S:.0f} seconds")


def _answer(session: Session, message: Message) -> None:
    operation = message.command.number(Element.COMMAND_FIELD)
    if operation == Field.C_CANCEL:  # of what is over already
        message.drain()
    elif operation not in _HANDLERS or not _HANDLERS[operation][0](message.context.abstract_syntax):
        message.drain()
        session.answer(message, {Element.STATUS: UNRECOGNIZED_OPERATION})
    else:
        _HANDLERS[operation][1](session, message)


def _echo(session: Session, message: Message) -> None:
    message.drain()
    with suppress(DatabaseError), session.facility():  # the answer is about the network alone
        note_seen(session.terminal, now=timezone.now())
    sop_class = message.command.text(Element.AFFECTED_SOP_CLASS_UID)
    session.answer(message, {Element.AFFECTED_SOP_CLASS_UID: sop_class, Element.STATUS: 0})


def _store(session: Session, message: Message) -> None:
    session.answer(message, session.storing.store(message))


def _send(peer: Connection, pdu: bytes) -> None:
    with suppress(Gone):
        peer.send(pdu)


def _among(*sop_classes: str) -> Callable[[str], bool]:
    return frozenset(sop_classes).__contains__


_HANDLERS: dict[int, tuple[Callable[[str], bool], Callable[[Session, Message], None]]] = {
    Field.C_ECHO: (_among(VERIFICATION), _echo),
    Field.C_STORE: (is_storage, _store),
    Field.C_FIND: (_among(PATIENT_ROOT_FIND, STUDY_ROOT_FIND), find),
    Field.C_GET: (_among(PATIENT_ROOT_GET, STUDY_ROOT_GET), get),
    Field.C_MOVE: (_among(PATIENT_ROOT_MOVE, STUDY_ROOT_MOVE), move),
    Field.N_ACTION: (_among(STORAGE_COMMITMENT_PUSH_MODEL), request_commitment),
}
