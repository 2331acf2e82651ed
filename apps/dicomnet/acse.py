"""Opening and ending associations as their acceptor (PS3.8, 7 and 9.3). pynetdicom encodes and decodes the PDUs."""

from collections.abc import Iterable
from dataclasses import dataclass

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)

from apps.catalog.file_meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from apps.dicomnet.contexts import Context, Roles, negotiate

ASSOCIATE_RQ, P_DATA_TF, RELEASE_RQ, ABORT = 0x01, 0x04, 0x05, 0x07
RELEASE_RP_PDU = b"\6\0\0\0\0\4\0\0\0\0"
LONGEST_REQUEST = 256 * 1024
LONGEST_PDU = 128 * 1024
"""Bytes of P-DATA that we take in one PDU; told to the peer."""

_Item = (
    MaximumLengthNotification
    | ImplementationClassUIDNotification
    | ImplementationVersionNameNotification
    | SCP_SCU_RoleSelectionNegotiation
)

# Result, source, reason of a rejection (PS3.8, table 9-21).
CALLING_AE_UNKNOWN = (1, 1, 3)
CALLED_AE_UNKNOWN = (1, 1, 7)
TOO_MANY_ASSOCIATIONS = (2, 3, 2)
TEMPORARY_CONGESTION = (2, 3, 1)


class ProtocolError(Exception):
    """The peer sends what the standard does not allow here."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a peer asks for when it opens an association."""

    calling_ae: str
    called_ae: str
    maximum_length: int
    implementation: str
    primitive: A_ASSOCIATE

    @property
    def roles(self) -> Roles:
        """Proposed by the peer for itself."""
        items = [i for i in self.primitive.user_information if isinstance(i, SCP_SCU_RoleSelectionNegotiation)]
        return {str(item.sop_class_uid): (bool(item.scu_role), bool(item.scp_role)) for item in items}


def read_request(pdu: bytes) -> Request:
    """The content of an A-ASSOCIATE-RQ PDU, its header included. Raises ProtocolError."""
    try:
        decoded = A_ASSOCIATE_RQ()
        decoded.decode(pdu)
        primitive = decoded.to_primitive()
        version = next(
            (i for i in primitive.user_information if isinstance(i, ImplementationVersionNameNotification)), None
        )
        return Request(
            calling_ae=str(primitive.calling_ae_title).strip(),
            called_ae=str(primitive.called_ae_title).strip(),
            maximum_length=int(primitive.maximum_length_received or 0),
            implementation=str(version.implementation_version_name or "") if version else "",
            primitive=primitive,
        )
    except Exception as error:  # whatever a decoder stumbles over in bytes from outside
        raise ProtocolError("The A-ASSOCIATE-RQ cannot be read") from error


def accept(request: Request) -> tuple[dict[int, Context], bytes]:
    """The accepted presentation contexts by id, and the A-ASSOCIATE-AC PDU."""
    asked = request.primitive
    contexts, answers = negotiate(asked.presentation_context_definition_list, request.roles)
    answer = A_ASSOCIATE()
    answer.application_context_name = asked.application_context_name
    answer.calling_ae_title, answer.called_ae_title = asked.calling_ae_title, asked.called_ae_title
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = answers
    answer.user_information = [*_about_us(), *_roles(request.roles, contexts.values())]
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(answer)
    return contexts, pdu.encode()


def rejection(reason: tuple[int, int, int]) -> bytes:
    """An A-ASSOCIATE-RJ PDU (PS3.8, 9.3.4)."""
    return b"\3\0\0\0\0\4\0" + bytes(reason)


def abort(reason: int = 0) -> bytes:
    """An A-ABORT PDU of the service provider (PS3.8, 9.3.8)."""
    return b"\7\0\0\0\0\4\0\0\2" + bytes([reason])


def _about_us() -> list[_Item]:
    length = MaximumLengthNotification()
    length.maximum_length_received = LONGEST_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return [length, implementation, version]


def _roles(proposed: Roles, contexts: Iterable[Context]) -> list[_Item]:
    """What of the proposed roles the peer may take: sender always, receiver of what it retrieves."""
    items: list[_Item] = []
    receives = {context.abstract_syntax: context.peer_receives for context in contexts}
    for sop_class, (scu, _) in proposed.items():
        if sop_class in receives:
            item = SCP_SCU_RoleSelectionNegotiation()
            item.sop_class_uid, item.scu_role, item.scp_role = sop_class, scu, receives[sop_class]
            items.append(item)
    return items
