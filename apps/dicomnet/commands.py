"""Command sets of DIMSE messages (PS3.7, 6.3.1 and annex E): implicit VR little endian, group 0000 alone."""

import struct
from collections.abc import Mapping
from enum import IntEnum

LONGEST_COMMAND = 64 * 1024
NO_DATA_SET, DATA_SET = 0x0101, 0x0001
RESPONSE = 0x8000


class Malformed(Exception):
    """What arrived is no command set."""


class Field(IntEnum):
    """Command Field (0000,0100) of the requests."""

    C_STORE = 0x0001
    C_GET = 0x0010
    C_FIND = 0x0020
    C_MOVE = 0x0021
    C_ECHO = 0x0030
    N_EVENT_REPORT = 0x0100
    N_ACTION = 0x0130
    C_CANCEL = 0x0FFF


class Element(IntEnum):
    """Elements of group 0000, by their keyword (PS3.7, E.1)."""

    GROUP_LENGTH = 0x0000
    AFFECTED_SOP_CLASS_UID = 0x0002
    REQUESTED_SOP_CLASS_UID = 0x0003
    COMMAND_FIELD = 0x0100
    MESSAGE_ID = 0x0110
    MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
    MOVE_DESTINATION = 0x0600
    PRIORITY = 0x0700
    COMMAND_DATA_SET_TYPE = 0x0800
    STATUS = 0x0900
    OFFENDING_ELEMENT = 0x0901
    ERROR_COMMENT = 0x0902
    AFFECTED_SOP_INSTANCE_UID = 0x1000
    REQUESTED_SOP_INSTANCE_UID = 0x1001
    EVENT_TYPE_ID = 0x1002
    ACTION_TYPE_ID = 0x1008
    NUMBER_OF_REMAINING_SUBOPERATIONS = 0x1020
    NUMBER_OF_COMPLETED_SUBOPERATIONS = 0x1021
    NUMBER_OF_FAILED_SUBOPERATIONS = 0x1022
    NUMBER_OF_WARNING_SUBOPERATIONS = 0x1023
    MOVE_ORIGINATOR_APPLICATION_ENTITY_TITLE = 0x1030
    MOVE_ORIGINATOR_MESSAGE_ID = 0x1031


_HEADER = struct.Struct("<HHI")
_US = struct.Struct("<H")
_UIDS = frozenset({0x0002, 0x0003, 0x1000, 0x1001})
_TEXTS = frozenset({0x0600, 0x0902, 0x1030})
_NUMBERS = frozenset(Element) - _UIDS - _TEXTS - {Element.GROUP_LENGTH, Element.OFFENDING_ELEMENT}
Value = int | str


class Command(dict[Element, Value]):
    """The elements of a command set that MedVault knows."""

    def number(self, element: Element) -> int:
        """Raises Malformed where the element is missing."""
        value = self.get(element)
        if not isinstance(value, int):
            raise Malformed(f"{element.name} is missing")
        return value

    def text(self, element: Element) -> str:
        """Empty where the element is missing."""
        value = self.get(element, "")
        return value if isinstance(value, str) else ""

    @property
    def has_data_set(self) -> bool:
        """Whether a data set follows."""
        return self.number(Element.COMMAND_DATA_SET_TYPE) != NO_DATA_SET


def decode(content: bytes) -> Command:
    """Raises Malformed. Elements that are unknown are passed over."""
    command, at = Command(), 0
    while at < len(content):
        if at + _HEADER.size > len(content):
            raise Malformed("An element is cut off")
        group, number, length = _HEADER.unpack_from(content, at)
        at += _HEADER.size
        if group or at + length > len(content):
            raise Malformed("An element is not of a command set, or longer than it")
        raw = content[at : at + length]
        at += length
        if number in _NUMBERS:
            if length != _US.size:
                raise Malformed("A number does not have two bytes")
            command[Element(number)] = _US.unpack(raw)[0]
        elif number in _UIDS or number in _TEXTS:
            command[Element(number)] = raw.decode("ascii", "replace").strip("\0 ")
    return command


def encode(command: Mapping[Element, Value]) -> bytes:
    """The command set with its group length in front."""
    body = b"".join(_element(element, command[element]) for element in sorted(command))
    return _HEADER.pack(0, 0, 4) + struct.pack("<I", len(body)) + body


def _element(element: Element, value: Value) -> bytes:
    if isinstance(value, int):
        raw = _US.pack(value)
    else:
        raw = value.encode("ascii", "replace")
        raw += (b"\0" if element in _UIDS else b" ") * (len(raw) % 2)
    return _HEADER.pack(0, element, len(raw)) + raw
