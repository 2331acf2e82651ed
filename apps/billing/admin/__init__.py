"""The workplace's pages about billing."""

from apps.billing.admin import accounts, bank, cards, payments

__all__ = ["accounts", "bank", "cards", "payments"]
