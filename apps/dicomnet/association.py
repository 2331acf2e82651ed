"""One association, as its acceptor: messages in, messages out, on one thread and in bounded memory.

Data sets are streamed: an image is never held whole. pynetdicom's own acceptor polls its queues on two threads, reads a
PDU of any length into memory and keeps every image whole, so that only its codecs are used here.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apps.dicomnet import acse
from apps.dicomnet.acse import ProtocolError
from apps.dicomnet.commands import LONGEST_COMMAND, Command, Malformed, decode, encode
from apps.dicomnet.connection import Connection
from apps.dicomnet.contexts import Context

COMMAND, LAST = 1, 2  # bits of a message control header (PS3.8, E.2)
_PDU, _PDV = struct.Struct(">BxI"), struct.Struct(">IBB")


class Released(Exception):
    """The peer ends the association in order."""


class Aborted(Exception):
    """The peer ends the association at once."""


@dataclass(frozen=True, slots=True)
class Message:
    """A DIMSE message. Its data set, if it has one, is to be read to the end before the next message."""

    context: Context
    command: Command
    data: Iterator[memoryview]

    def drain(self) -> None:
        """Pass over what of the data set was not read."""
        for _ in self.data:
            pass


class Association:
    """An association that was accepted. Every wait raises Gone when the peer takes too long."""

    def __init__(self, connection: Connection, request: acse.Request, contexts: dict[int, Context]) -> None:
        self._connection = connection
        self._pdu_left = 0
        self._longest = min(request.maximum_length or acse.LONGEST_PDU, acse.LONGEST_PDU)
        self.request = request
        self.contexts = contexts

    def wait(self, timeout_s: float) -> bool:
        """Whether something has arrived within the time."""
        return bool(self._pdu_left) or self._connection.wait(timeout_s)

    def receive(self) -> Message:
        """The next message. Raises Released, Aborted, Gone, ProtocolError."""
        content, is_last, context_id = bytearray(), False, 0
        while not is_last:
            context_id, flags, length = self._next_pdv()
            is_last = bool(flags & LAST)
            if not flags & COMMAND or len(content) + length > LONGEST_COMMAND:
                raise ProtocolError("A command set was expected")
            content += self._connection.take(length)
        try:
            command = decode(bytes(content))
            has_data_set = command.has_data_set
        except Malformed as error:
            raise ProtocolError(str(error)) from error
        return Message(self.contexts[context_id], command, self._data(context_id) if has_data_set else iter(()))

    def send(self, context: Context, command: Command, data: Iterable[bytes | memoryview] = ()) -> None:
        """A message, its data set in as many PDUs as the peer's limit makes necessary. Raises Gone."""
        parts = [*self._framed(context.id, encode(command), COMMAND)]
        waiting = bytearray()
        room = self._longest - _PDV.size
        for piece in data:
            waiting += piece
            while len(waiting) > room:
                parts.append(self._pdv(context.id, bytes(waiting[:room]), 0))
                del waiting[:room]
                self._connection.send(*parts)
                parts = []
        if command.has_data_set:
            parts.append(self._pdv(context.id, bytes(waiting), LAST))
        self._connection.send(*parts)

    def _framed(self, context_id: int, content: bytes, flags: int) -> Iterator[bytes]:
        room = self._longest - _PDV.size
        for start in range(0, len(content), room):
            last = LAST if start + room >= len(content) else 0
            yield self._pdv(context_id, content[start : start + room], flags | last)

    @staticmethod
    def _pdv(context_id: int, content: bytes, flags: int) -> bytes:
        length = len(content) + 2
        return _PDU.pack(acse.P_DATA_TF, length + 4) + _PDV.pack(length, context_id, flags) + content

    def _data(self, context_id: int) -> Iterator[memoryview]:
        is_last = False
        while not is_last:
            found, flags, length = self._next_pdv()
            if found != context_id or flags & COMMAND:
                raise ProtocolError("The rest of a data set was expected")
            yield from self._connection.pieces(length)
            is_last = bool(flags & LAST)

    def _next_pdv(self) -> tuple[int, int, int]:
        """Context, message control header and length of the next presentation data value's fragment."""
        while not self._pdu_left:
            self._pdu_left = self._next_pdu()
        if self._pdu_left < _PDV.size:
            raise ProtocolError("A PDU is too short for what it holds")
        length, context_id, flags = _PDV.unpack(self._connection.take(_PDV.size))
        if length < 2 or length + 4 > self._pdu_left:
            raise ProtocolError("A presentation data value is longer than its PDU")
        self._pdu_left -= length + 4
        if context_id not in self.contexts:
            raise ProtocolError("A presentation context was not accepted")
        return context_id, flags, length - 2

    def _next_pdu(self) -> int:
        """The length of the next P-DATA-TF. Raises Released, Aborted, ProtocolError."""
        kind, length = _PDU.unpack(self._connection.take(_PDU.size))
        if kind == acse.RELEASE_RQ:
            raise Released
        if kind == acse.ABORT:
            raise Aborted
        if kind != acse.P_DATA_TF:
            raise ProtocolError(f"A PDU of type {kind:02X}H has no place here")
        # Some peers count the headers of what is within and some do not (PS3.8, D.1.1).
        if length > acse.LONGEST_PDU + 64:
            raise ProtocolError(f"A PDU of {length} bytes exceeds the {acse.LONGEST_PDU} that were agreed")
        return int(length)


def read_pdu(connection: Connection, kind: int, longest: int) -> bytes:
    """A whole PDU of the kind, its header included. Raises ProtocolError, Gone."""
    header = connection.take(_PDU.size)
    found, length = _PDU.unpack(header)
    if found != kind:
        raise ProtocolError(f"A PDU of type {found:02X}H has no place here")
    if length > longest:
        raise ProtocolError(f"A PDU of {length} bytes exceeds the {longest} that are taken")
    return header + connection.take(length)
