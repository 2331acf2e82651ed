"""Tables of the acts of receiving: collections, terminals and collectors, handovers and receipts."""

from apps.collection.models.collections import (
    TRANSITIONS,
    Collection,
    Method,
    Outcome,
    ReceivedFile,
    ReceptionRecord,
    State,
)
from apps.collection.models.handovers import AnnouncedFile, Left, Receipt, ReceiptKind, ReceiptMail, Upload
from apps.collection.models.quarantine import Basis, QuarantineAct, QuarantineDecision
from apps.collection.models.terminals import (
    Capacity,
    CollectionRequest,
    Collector,
    CollectorFacility,
    Enrollable,
    Mark,
    Reason,
    Terminal,
    Unmarked,
)

__all__ = [
    "TRANSITIONS",
    "AnnouncedFile",
    "Basis",
    "Capacity",
    "Collection",
    "CollectionRequest",
    "Collector",
    "CollectorFacility",
    "Enrollable",
    "Left",
    "Mark",
    "Method",
    "Outcome",
    "QuarantineAct",
    "QuarantineDecision",
    "Reason",
    "Receipt",
    "ReceiptKind",
    "ReceiptMail",
    "ReceivedFile",
    "ReceptionRecord",
    "State",
    "Terminal",
    "Unmarked",
    "Upload",
]
