"""An association with a known terminal, as the operations see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import connection as database
from pydicom.dataset import Dataset

from apps.audit.record import Actor
from apps.collection.models import Terminal
from apps.dicomnet.acse import ProtocolError
from apps.dicomnet.association import Association, Message
from apps.dicomnet.commands import DATA_SET, NO_DATA_SET, RESPONSE, Command, Element, Field, Value
from apps.dicomnet.contexts import Context
from apps.dicomnet.identifiers import encoded
from apps.dicomnet.storing import Storing
from apps.facilities.tenancy import as_facility


@dataclass(slots=True)
class Session:
    """`actor` is the terminal, for the audit trail."""

    association: Association
    terminal: Terminal
    actor: Actor
    storing: Storing
    commitments: list[int] = field(default_factory=list)
    """Primary keys of the commitments that this association has asked for and was not told of yet."""
    _message_id: int = 0

    @contextmanager
    def facility(self) -> Iterator[None]:
        """A transaction within the terminal's facility; the database's connection is given back after it."""
        try:
            with as_facility(self.terminal.facility_id):
                yield
        finally:
            database.close()

    def answer(self, message: Message, response: dict[Element, Value], identifier: Dataset | None = None) -> None:
        """Respond to a request; `response` holds what is the operation's own."""
        request = message.command
        common: dict[Element, Value] = {
            Element.COMMAND_FIELD: request.number(Element.COMMAND_FIELD) | RESPONSE,
            Element.MESSAGE_ID_BEING_RESPONDED_TO: request.number(Element.MESSAGE_ID),
            Element.COMMAND_DATA_SET_TYPE: NO_DATA_SET if identifier is None else DATA_SET,
        }
        data = [] if identifier is None else [encoded(identifier, message.context)]
        self.association.send(message.context, Command(response | common), data)

    def request(self, context: Context, command: dict[Element, Value], data: Iterator[bytes]) -> Command:
        """Send a request of ours and wait for its response. Raises ProtocolError where another message comes."""
        self._message_id = self._message_id % 0xFFFF + 1
        common: dict[Element, Value] = {
            Element.MESSAGE_ID: self._message_id,
            Element.COMMAND_DATA_SET_TYPE: DATA_SET,
        }
        self.association.send(context, Command(command | common), data)
        response = self.association.receive()
        response.drain()
        if response.command.get(Element.MESSAGE_ID_BEING_RESPONDED_TO) != self._message_id:
            raise ProtocolError("A response was expected")
        return response.command

    def is_cancelled(self, message: Message) -> bool:
        """Whether the peer has sent C-CANCEL for the request. Raises ProtocolError for anything else."""
        if not self.association.wait(0):
            return False
        sent = self.association.receive()
        sent.drain()
        if sent.command.get(Element.COMMAND_FIELD) != Field.C_CANCEL:
            raise ProtocolError("A request came before the one before was answered")
        return sent.command.get(Element.MESSAGE_ID_BEING_RESPONDED_TO) == message.command.number(Element.MESSAGE_ID)
