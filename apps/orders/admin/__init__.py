"""The workplace's pages about orders."""

from apps.orders.admin import orders

__all__ = ["orders"]
