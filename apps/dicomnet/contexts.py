"""Which presentation contexts are accepted: every storage SOP class, private ones too, in the transfer syntax its
sender prefers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom._uid_dict import UID_dictionary
from pynetdicom.presentation import AllStoragePresentationContexts, PresentationContext

IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH_MODEL = "1.2.840.10008.1.20.1"
PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE, PATIENT_ROOT_GET = (f"1.2.840.10008.5.1.4.1.2.1.{n}" for n in (1, 2, 3))
STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET = (f"1.2.840.10008.5.1.4.1.2.2.{n}" for n in (1, 2, 3))
_DICOM_ROOT = "1.2.840.10008."
ACCEPTED, NO_SUCH_ABSTRACT_SYNTAX, NO_SUCH_TRANSFER_SYNTAX = 0, 3, 4  # PS3.8, table 9-18
_NOT_IMAGES = {"Media Storage Directory Storage", "Storage Commitment Push Model SOP Class",
               "Storage Commitment Pull Model SOP Class"}  # fmt: skip
STORAGE = frozenset(str(context.abstract_syntax) for context in AllStoragePresentationContexts) | {
    uid
    for uid, (name, kind, *_) in UID_dictionary.items()
    if kind == "SOP Class" and "Storage" in name and name not in _NOT_IMAGES
}
QUERY_RETRIEVE = frozenset(
    {PATIENT_ROOT_FIND, PATIENT_ROOT_MOVE, PATIENT_ROOT_GET, STUDY_ROOT_FIND, STUDY_ROOT_MOVE, STUDY_ROOT_GET}
)
SERVICES = QUERY_RETRIEVE | {VERIFICATION, STORAGE_COMMITMENT_PUSH_MODEL}
_ANY = frozenset(uid for uid, (_, kind, *_) in UID_dictionary.items() if kind == "Transfer Syntax")
_LITTLE_ENDIAN = frozenset({IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN})
Roles = Mapping[str, tuple[bool, bool]]
"""What a requestor proposes for itself, by SOP class: SCU, SCP (PS3.7, D.3.3.4)."""


def is_storage(abstract_syntax: str) -> bool:
    """Whether it is stored: what PS3.6 has, and private classes (PS3.5, 9.1), by which modalities send raw data and
    reports beside their images.
    """
    return abstract_syntax in STORAGE or not abstract_syntax.startswith(_DICOM_ROOT)


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    peer_receives: bool


def negotiate(
    proposed: Iterable[PresentationContext], roles: Roles
) -> tuple[dict[int, Context], list[PresentationContext]]:
    """The accepted contexts by their id, and an answer to each that was proposed."""
    accepted, answers = {}, []
    for each in proposed:
        answer = PresentationContext()
        answer.context_id = each.context_id
        abstract, transfer = str(each.abstract_syntax), [str(uid) for uid in each.transfer_syntax]
        answer.result, chosen = _chosen(abstract, transfer)
        answer.transfer_syntax = [chosen]
        answers.append(answer)
        if answer.result == ACCEPTED:
            assert each.context_id
            receives = is_storage(abstract) and roles.get(abstract, (True, False))[1]
            accepted[each.context_id] = Context(each.context_id, abstract, chosen, receives)
    return accepted, answers


def _chosen(abstract: str, transfer: list[str]) -> tuple[int, str]:
    """Result and transfer syntax: the first proposed that is taken, since nothing is ever transcoded."""
    taken = _ANY if is_storage(abstract) else _LITTLE_ENDIAN if abstract in SERVICES else None
    if taken is None:
        return NO_SUCH_ABSTRACT_SYNTAX, transfer[0]
    chosen = next((uid for uid in transfer if uid in taken), "")
    return (ACCEPTED, chosen) if chosen else (NO_SUCH_TRANSFER_SYNTAX, transfer[0])
