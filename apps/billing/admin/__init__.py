"""The workplace's pages about billing."""

from apps.billing.admin import bank, cards, payments

__all__ = ["bank", "cards", "payments"]
