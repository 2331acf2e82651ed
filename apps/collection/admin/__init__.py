"""The workplace's pages about collections."""

from apps.collection.admin import conflicts, devices, handovers, quarantine, receptions

__all__ = ["conflicts", "devices", "handovers", "quarantine", "receptions"]
