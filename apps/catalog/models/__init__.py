"""The catalog: patients, studies, series, instances, and files in conflict with them (PS3.3, A.1.2)."""

from apps.catalog.models.accesses import AccessPurpose, ImageAccess
from apps.catalog.models.changes import ChangeKind, StudyChange
from apps.catalog.models.conflicts import Conflict, ConflictDecision, ConflictKind
from apps.catalog.models.holds import Hold, HoldKind
from apps.catalog.models.images import Instance, Series
from apps.catalog.models.patients import NamePart, Patient
from apps.catalog.models.searches import SavedSearch
from apps.catalog.models.studies import Purpose, Study
from apps.catalog.models.widths import PART, SHORT, TEXT, UID_LENGTH

__all__ = [
    "PART", "SHORT", "TEXT", "UID_LENGTH",
    "AccessPurpose", "ChangeKind", "Conflict", "ConflictDecision", "ConflictKind", "Hold", "HoldKind", "ImageAccess",
    "Instance", "NamePart", "Patient", "Purpose", "SavedSearch", "Series", "Study", "StudyChange",
]  # fmt: skip
