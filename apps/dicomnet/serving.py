"""Serving one connection: who calls, what may it ask for, and each message to the function that answers it."""

import logging
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db import connection as database

from apps.audit.record import Actor
from apps.collection.models import Terminal
from apps.collection.terminals import Caller, UnknownTerminal, terminal_of
from apps.dicomnet import acse
from apps.dicomnet.acse import ProtocolError
from apps.dicomnet.association import Aborted, Association, Message, Released, read_pdu
from apps.dicomnet.commands import NO_DATA_SET, RESPONSE, Command, Element, Field, Malformed
from apps.dicomnet.connection import Connection, Gone
from apps.dicomnet.storing import Storing

REQUEST_TIMEOUT_S = 20.0  # the ARTIM timer (PS3.8, 9.1.5), TLS included
STALLED_S = 60.0
IDLE_S = 300.0
TURN_S = 0.25
LINGER_S = 2.0
UNRECOGNIZED_OPERATION = 0x0211
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Session:
    """An association with a known terminal."""

    association: Association
    terminal: Terminal
    storing: Storing

    def answer(self, message: Message, response: Command) -> None:
        """Respond to a request; `response` holds what is the operation's own."""
        request = message.command
        self.association.send(
            message.context,
            Command(
                response
                | {
                    Element.COMMAND_FIELD: request.number(Element.COMMAND_FIELD) | RESPONSE,
                    Element.MESSAGE_ID_BEING_RESPONDED_TO: request.number(Element.MESSAGE_ID),
                    Element.COMMAND_DATA_SET_TYPE: NO_DATA_SET,
                }
            ),
        )


def serve(sock: socket.socket, address: str, tls: ssl.SSLContext | None, announce: Callable[[], None]) -> None:
    """Serve a connection until it ends. Whatever happens within, it ends here."""
    peer, linger_s = None, 0.0
    try:
        sock.settimeout(REQUEST_TIMEOUT_S)
        certificate = None
        if tls:
            sock = tls.wrap_socket(sock, server_side=True)
            certificate = sock.getpeercert(binary_form=True)
        peer = Connection(sock, timeout_s=REQUEST_TIMEOUT_S)
        session = _open(peer, address, sha256(certificate).digest() if certificate else None, announce)
        if session:
            peer.timeout_s = STALLED_S
            try:
                _run(session)
            finally:
                session.storing.close()
            peer.send(acse.RELEASE_RP_PDU)
        linger_s = LINGER_S
    except Aborted:
        log.info("An association of %s was aborted by the peer", address)
    except Gone as error:
        log.info("An association of %s ended: %s", address, error)
    except (ProtocolError, Malformed) as error:
        log.warning("An association of %s was aborted: %s", address, error)
        _send(peer, acse.abort())
        linger_s = LINGER_S
    except (DatabaseError, InterfaceError) as error:
        log.error("An association of %s was aborted, the database went away: %s", address, type(error).__name__)  # noqa: TRY400
        _send(peer, acse.abort())
    except (ssl.SSLError, OSError) as error:
        log.warning("A connection of %s was refused: %s", address, type(error).__name__)
    finally:
        database.close()
        if peer:
            peer.close(linger_s=linger_s)
        else:
            sock.close()


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
    actor = Actor("terminal", str(terminal.pk), address)
    storing = Storing(terminal, actor, request.calling_ae, announce)
    return Session(Association(peer, request, contexts), terminal, storing)


def _reject(peer: Connection, address: str, reason: tuple[int, int, int], why: str) -> None:
    log.warning("An association of %s was rejected: %s", address, why)
    peer.send(acse.rejection(reason))


def _run(session: Session) -> None:
    """Answer messages until the peer releases the association. Raises what else ends it."""
    idle_since = time.monotonic()
    while True:
        session.storing.turn_if_due()
        if session.association.wait(TURN_S if session.storing.is_pending else IDLE_S):
            try:
                message = session.association.receive()
            except Released:
                return
            _answer(session, message)
            idle_since = time.monotonic()
        elif time.monotonic() - idle_since >= IDLE_S:
            raise ProtocolError(f"Nothing came for {IDLE_S:.0f} seconds")


def _answer(session: Session, message: Message) -> None:
    handler = _HANDLERS.get(message.command.number(Element.COMMAND_FIELD))
    if handler is None:
        message.drain()
        session.answer(message, Command({Element.STATUS: UNRECOGNIZED_OPERATION}))
    else:
        handler(session, message)


def _echo(session: Session, message: Message) -> None:
    message.drain()
    sop_class = message.command.text(Element.AFFECTED_SOP_CLASS_UID)
    session.answer(message, Command({Element.AFFECTED_SOP_CLASS_UID: sop_class, Element.STATUS: 0}))


def _store(session: Session, message: Message) -> None:
    session.answer(message, session.storing.store(message))


def _send(peer: Connection | None, pdu: bytes) -> None:
    if peer:
        try:
            peer.send(pdu)
        except Gone:
            return


_HANDLERS: dict[int, Callable[[Session, Message], None]] = {Field.C_ECHO: _echo, Field.C_STORE: _store}
