"""The workplace's pages about collections."""

from apps.collection.admin import devices, handovers, receptions

__all__ = ["devices", "handovers", "receptions"]
