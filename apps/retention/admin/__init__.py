"""The workplace's pages about storage periods."""

from apps.retention.admin import rules

__all__ = ["rules"]
