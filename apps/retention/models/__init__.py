"""The tables of storage periods."""

from apps.contracts.models import OnExpiry, OnSilence
from apps.retention.models.dispositions import TRANSITIONS, Disposition, State
from apps.retention.models.floors import CareEvent, CareEventKind, Correction, Extension, Retention, Unassessed
from apps.retention.models.policies import DeletionPolicy
from apps.retention.models.rules import Confidence, Rule

__all__ = [
    "TRANSITIONS",
    "CareEvent",
    "CareEventKind",
    "Confidence",
    "Correction",
    "DeletionPolicy",
    "Disposition",
    "Extension",
    "OnExpiry",
    "OnSilence",
    "Retention",
    "Rule",
    "State",
    "Unassessed",
]
