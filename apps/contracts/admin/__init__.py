"""The center's pages about contracts."""

from apps.contracts.admin import contracts, versions

__all__ = ["contracts", "versions"]
