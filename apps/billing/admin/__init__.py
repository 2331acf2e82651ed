"""The workplace's pages about billing."""

from apps.billing.admin import accounts, bank, cards, invoices, payments

__all__ = ["accounts", "bank", "cards", "invoices", "payments"]
