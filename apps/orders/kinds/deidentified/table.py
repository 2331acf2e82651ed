"""Which attributes identify, and what becomes of them: PS3.15, table E.1-1, and the columns of three options.

The table is dicom-anonymizer's, edition 2026c. Its own functions are not used: they leave what is in sequences as it
is, give dates that are to be removed a value, and remember UIDs for as long as the process lives.
"""

from enum import Enum

from dicomanonymizer.dicom_anonymization_databases import dicomfields_2026c as edition
from pydicom.datadict import keyword_for_tag, tag_for_keyword


class Action(Enum):
    """Where the table leaves a choice, the one after which the object still has what its IOD requires."""

    REMOVE = "X"
    EMPTY = "Z"
    REPLACE = "D"
    REPLACE_UID = "U"
    SHIFT = "shift"
    CLEAN = "C"
    KEEP = "K"


_GROUPS = (
    (edition.X_TAGS, Action.REMOVE),
    (edition.Z_TAGS, Action.EMPTY),
    (edition.X_Z_TAGS, Action.EMPTY),
    (edition.D_TAGS, Action.REPLACE),
    (edition.Z_D_TAGS, Action.REPLACE),
    (edition.X_D_TAGS, Action.REPLACE),
    (edition.X_Z_D_TAGS, Action.REPLACE),
    (edition.U_TAGS, Action.REPLACE_UID),
    (edition.X_Z_U_STAR_TAGS, Action.KEEP),  # sequences, in which each attribute has its own action
)
_SINGLE = {tag[0] << 16 | tag[1]: action for tags, action in _GROUPS for tag in tags if len(tag) == 2}
_REPEATING = [
    (tag[0] << 16 | tag[1], tag[2] << 16 | tag[3], action) for tags, action in _GROUPS for tag in tags if len(tag) == 4
]
CHARACTERISTICS = frozenset(
    tag_for_keyword(keyword)
    for keyword in (
        "PatientSex", "PatientAge", "PatientSize", "PatientWeight", "PatientSexNeutered", "EthnicGroup",
        "EthnicGroups", "EthnicGroupCodeSequence", "SmokingStatus", "PregnancyStatus",
    )
)  # fmt: skip
"""Retain Patient Characteristics Option: of its attributes those that are no free text."""
DESCRIPTORS = frozenset(
    tag for tag in _SINGLE if (keyword := keyword_for_tag(tag)).endswith("Description") or keyword == "ProtocolName"
)
"""Clean Descriptors Option: of its attributes those that say what was made; all others are removed."""
NEVER_SHIFTED = frozenset(tag_for_keyword(keyword) for keyword in ("PatientBirthDate", "PatientBirthTime"))
"""Of dates and times, those without Retain Longitudinal Temporal Information with Modified Dates Option."""


def action_of(tag: int) -> Action | None:
    """What the basic profile does to an attribute; None where it does nothing."""
    if found := _SINGLE.get(tag):
        return found
    return next((action for base, mask, action in _REPEATING if tag & mask == base & mask), None)
