"""How much waits, for the menu: counted once a minute for everybody, and no further than anybody reads."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db.models import QuerySet

from apps.billing.models.invoices import State as InvoiceState
from apps.core.clock import database_now
from medvault.workplace import waiting

KEPT_S = 60
MOST = 99
KEY = "workplace-badges"

_COUNTED: dict[str, Callable[[datetime], QuerySet[Any]]] = {
    "requests": lambda _now: waiting.open_requests(),
    "quarantine": waiting.quarantined,
    "conflicts": lambda _now: waiting.conflicts(),
    "uploads": waiting.stuck_uploads,
    "orders": lambda _now: waiting.orders(),
    "dispositions": lambda _now: waiting.stuck_dispositions(),
    "corrections": lambda _now: waiting.corrections(),
    "holds": lambda _now: waiting.holds_to_release(),
    "drafts": lambda _now: waiting.invoices(InvoiceState.DRAFT),
    "overdue": lambda _now: waiting.invoices(InvoiceState.OVERDUE),
    "transfers": lambda _now: waiting.unassigned_transfers(),
    "findings": lambda _now: waiting.findings(),
    "failed-tasks": lambda _now: waiting.failures(),
}


def badges() -> dict[str, str]:
    """By what they count: the number, `99+` where it is greater, and nothing where nothing waits."""
    return cache.get_or_set(KEY, _counts, KEPT_S) or {}


def _counts() -> dict[str, str]:
    now = database_now()
    counts = {name: found(now).order_by().values("pk")[: MOST + 1].count() for name, found in _COUNTED.items()}
    return {name: f"{MOST}+" if count > MOST else str(count) for name, count in counts.items() if count}
