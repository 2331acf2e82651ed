"""The workplace's pages about storage periods."""

from apps.retention.admin import corrections, dispositions, facilities, periods, policies, rules, told

__all__ = ["corrections", "dispositions", "facilities", "periods", "policies", "rules", "told"]
