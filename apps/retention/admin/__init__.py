"""The workplace's pages about storage periods."""

from apps.retention.admin import (
    contracts,
    corrections,
    dispositions,
    facilities,
    periods,
    policies,
    quarantine,
    rules,
    told,
)

__all__ = [
    "contracts",
    "corrections",
    "dispositions",
    "facilities",
    "periods",
    "policies",
    "quarantine",
    "rules",
    "told",
]
